/** What the editor does to its text. The browser's own commands: they keep undo, and never meddle with a keyboard's composing. */
import { PICTURE_SRC, read, toHtml, type Part } from './richtext';

/** `pictures/…` and `local:…` as something that an image can load. */
export type Address = (src: string) => Promise<string | undefined>;

/** Fills the box with a text. Nothing of it is read as markup: each node is made for what it is. */
export async function fill(box: HTMLElement, parts: Part[], address: Address): Promise<void> {
  box.replaceChildren(...parts.map(block));
  if (parts.length === 0 || parts.at(-1)?.kind === 'picture') box.append(emptyLine());
  await Promise.all([...box.querySelectorAll('img')].map((image) => show(image, address)));
}

async function show(image: HTMLImageElement, address: Address): Promise<void> {
  const found = await address(image.dataset.src ?? '').catch(() => undefined);
  if (found) image.src = found;
}

function emptyLine(): HTMLElement {
  const line = document.createElement('p');
  line.append(document.createElement('br'));
  return line;
}

function block(part: Part): HTMLElement {
  if (part.kind === 'picture') return figure(part.src ?? '', part.alt ?? '');
  const made = document.createElement(part.kind);
  if (part.kind !== 'ul' && part.kind !== 'ol') return filled(made, part.lines[0] ?? []);
  made.append(...part.lines.map((line) => filled(document.createElement('li'), line)));
  return made;
}

function filled(element: HTMLElement, line: Part['lines'][number]): HTMLElement {
  for (const { text, strong, em, href } of line) {
    let node: Node = text === '\n' ? document.createElement('br') : document.createTextNode(text);
    for (const name of [em && 'em', strong && 'strong', href !== undefined && 'a']) {
      if (!name) continue;
      const around = document.createElement(name);
      if (name === 'a') around.setAttribute('href', href ?? '');
      around.append(node);
      node = around;
    }
    element.append(node);
  }
  return element;
}

function figure(src: string, alt: string): HTMLElement {
  const made = document.createElement('figure');
  made.contentEditable = 'false';
  const image = document.createElement('img');
  image.dataset.src = src;
  image.alt = alt;
  made.append(image);
  return made;
}

/** Where the cursor is, when it is in the box. */
export function placeIn(box: HTMLElement): Range | undefined {
  const selection = getSelection();
  if (!selection || selection.rangeCount === 0) return undefined;
  const range = selection.getRangeAt(0);
  return box.contains(range.commonAncestorContainer) ? range.cloneRange() : undefined;
}

/** Puts the cursor back to where it was, or behind everything. */
export function goTo(box: HTMLElement, place: Range | undefined): void {
  box.focus({ preventScroll: true });
  const selection = getSelection();
  const there = place && box.contains(place.commonAncestorContainer) ? place : undefined;
  const range = there ?? document.createRange();
  if (!there) {
    range.selectNodeContents(box);
    range.collapse(false);
  }
  selection?.removeAllRanges();
  selection?.addRange(range);
}

export const undo = (): boolean => document.execCommand('undo');
export const redo = (): boolean => document.execCommand('redo');
export const bold = (): boolean => document.execCommand('bold');
export const isBold = (): boolean => document.queryCommandState('bold');
export const isList = (): boolean => document.queryCommandState('insertUnorderedList') || document.queryCommandState('insertOrderedList');
export const isHeading = (): boolean => /^h[1-6]$/i.test(document.queryCommandValue('formatBlock'));

export function heading(): void {
  const on = !isHeading();
  if (isList()) document.execCommand(document.queryCommandState('insertOrderedList') ? 'insertOrderedList' : 'insertUnorderedList');
  document.execCommand('formatBlock', false, on ? 'h2' : 'p');
}

export function list(): void {
  if (document.queryCommandState('insertOrderedList')) return void document.execCommand('insertOrderedList');
  if (isHeading()) document.execCommand('formatBlock', false, 'p');
  document.execCommand('insertUnorderedList');
}

/** Makes the chosen words a link, or writes `words` where nothing is chosen. */
export function link(href: string, words: string): void {
  if (getSelection()?.isCollapsed ?? true) {
    document.execCommand('insertHTML', false, toHtml([{ kind: 'p', lines: [[{ text: words || href, href }]] }]).slice(3, -4));
  } else document.execCommand('createLink', false, href);
}

export async function picture(src: string, alt: string, address: Address): Promise<void> {
  const made = figure(src, alt);
  await show(made.querySelector('img') as HTMLImageElement, address);
  document.execCommand('insertHTML', false, `${made.outerHTML}<p><br></p>`);
}

/** Takes a picture out, so that it can be undone. */
export function removePicture(box: HTMLElement, image: HTMLImageElement): void {
  const range = document.createRange();
  range.selectNode(image.closest('figure') ?? image);
  goTo(box, range);
  document.execCommand('delete');
}

/** The page's policy holds in parsed documents too and would report each style: they are read under another name. */
const quiet = (html: string): string =>
  html
    .replace(/<(style|script)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/([\s"'])(style|on[a-z]+)\s*=/gi, '$1 data-$2='));

/** What was on the clipboard as parts of the text; how many pictures stayed behind. */
export function pasted(html: string): { html: string; lost: number } {
  const { parts, lost } = read(new DOMParser().parseFromString(quiet(html), 'text/html').body);
  // A picture of another text is no picture of this one.
  const own = parts.filter((part) => part.kind !== 'picture');
  const only = own.length === 1 ? own[0] : undefined;
  const foreign = parts.length - own.length;
  // A few words go on in the line where they are put.
  const made = only?.kind === 'p' ? toHtml([only]).slice(3, -4) : toHtml(own);
  return { html: made, lost: lost + foreign };
}

export const imagesOf = (box: HTMLElement): HTMLImageElement[] =>
  [...box.querySelectorAll('img')].filter((image) => PICTURE_SRC.test(image.dataset.src ?? ''));
