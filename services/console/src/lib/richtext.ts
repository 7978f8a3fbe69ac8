/**
 * Formatted text as content keeps it: headings, paragraphs, lists, links and pictures, written in one form (content's
 * `domain/richtext`, which decides; this reads what a person typed or pasted, so that what they see is what is kept).
 */

export type PartKind = 'h2' | 'h3' | 'p' | 'ul' | 'ol' | 'picture';

/** Text that looks the same throughout; the text "\n" alone is a line break. */
export interface Run {
  text: string;
  strong?: boolean;
  em?: boolean;
  href?: string;
}

/** A heading or a paragraph (one line), a list (one line an entry), or a picture. */
export interface Part {
  kind: PartKind;
  lines: Run[][];
  src?: string;
  alt?: string;
}

/** As much of a DOM node as is read here, so that tests need no browser. */
export interface NodeLike {
  nodeType: number;
  nodeName: string;
  nodeValue: string | null;
  childNodes: ArrayLike<NodeLike>;
  getAttribute?(name: string): string | null;
}

const TEXT = 3;
const ELEMENT = 1;
/** A picture that content has, or one that waits on this phone. */
export const PICTURE_SRC = /^(?:pictures\/[0-9a-f]{64}|local:[0-9a-f-]{36})$/;
export const LOCAL = /local:[0-9a-f-]{36}/g;
const HREF = /^(?:https?:\/\/[^\s/]|mailto:[^\s]+@|tel:\+?[0-9])[^\s"<>]*$/i;
const HEADINGS: Record<string, PartKind> = { H1: 'h2', H2: 'h2', H3: 'h3', H4: 'h3', H5: 'h3', H6: 'h3' };
const SKIPPED = new Set(
  'APPLET AUDIO BUTTON CANVAS EMBED FRAME FRAMESET HEAD IFRAME MAP MATH NOEMBED NOFRAMES NOSCRIPT OBJECT OPTION PLAINTEXT SCRIPT SELECT STYLE SVG TEMPLATE TEXTAREA TITLE VIDEO XML XMP'.split(' '),
);
const BREAKS = new Set(
  'ADDRESS ARTICLE ASIDE BLOCKQUOTE CAPTION CENTER DD DIV DL DT FIGCAPTION FIGURE FOOTER HEADER HR MAIN NAV P PRE SECTION TABLE TBODY TD TFOOT TH THEAD TR'.split(' '),
);

/** An address that a link may have: complete, and of a kind that opens a page, a letter or a call. */
export const isAddress = (href: string): boolean => HREF.test(href) && href.length <= 2000;

interface Marks {
  strong: boolean;
  em: boolean;
  href: string | undefined;
}

/** The styles of what was pasted stand under another name (`editing.ts`). */
const styleOf = (node: NodeLike): string => node.getAttribute?.('data-style') ?? node.getAttribute?.('style') ?? '';

/** What styles say that elements do not: Word and its like write bold as a style, and normal text inside `<b>`. */
function marked(node: NodeLike, marks: Marks): Marks {
  const name = node.nodeName.toUpperCase();
  const style = styleOf(node);
  const weight = /font-weight:\s*(\w+)/i.exec(style)?.[1];
  const heavy = weight === undefined ? undefined : /^(bold|bolder|[6-9]00)$/i.test(weight);
  const slanted = /font-style:\s*(\w+)/i.exec(style)?.[1];
  const href = name === 'A' ? (node.getAttribute?.('href') ?? '').trim() : undefined;
  return {
    strong: heavy ?? (marks.strong || name === 'B' || name === 'STRONG'),
    em: slanted === undefined ? marks.em || name === 'I' || name === 'EM' : slanted.toLowerCase() === 'italic',
    href: href !== undefined && isAddress(href) ? href : marks.href,
  };
}

/** The kind of list that a paragraph of Word stands for: Word writes list entries as paragraphs with a drawn mark. */
function wordList(node: NodeLike): PartKind | undefined {
  const style = styleOf(node);
  const named = /^MsoListParagraph/i.test(node.getAttribute?.('class') ?? '');
  if (!/mso-list:\s*l\d/i.test(style) && !(named && drawnMark(node) !== undefined)) return undefined;
  return /^[(]?([0-9]+|[a-z])[.)]/i.test((drawnMark(node) ?? '').trim()) ? 'ol' : 'ul';
}

function drawnMark(node: NodeLike): string | undefined {
  if (isDrawnMark(node)) return textOf(node);
  for (const child of Array.from(node.childNodes)) {
    const found = drawnMark(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isDrawnMark = (node: NodeLike): boolean => /mso-list:\s*ignore/i.test(styleOf(node));
const textOf = (node: NodeLike): string =>
  node.nodeType === TEXT ? (node.nodeValue ?? '') : Array.from(node.childNodes).map(textOf).join('');

class Reader {
  parts: Part[] = [];
  /** Pictures that were left out: their files are on somebody's disk. */
  lost = 0;
  private line: Run[] = [];
  private kind: PartKind = 'p';
  private lists: PartKind[] = [];

  read(node: NodeLike, marks: Marks = { strong: false, em: false, href: undefined }): void {
    if (node.nodeType === TEXT) {
      const text = tidied(node.nodeValue ?? '');
      if (text) this.line.push(run(text, marks));
      return;
    }
    const name = node.nodeName.toUpperCase();
    if (node.nodeType === ELEMENT && (SKIPPED.has(name) || isDrawnMark(node))) return;
    if (name === 'BR') this.line.push({ text: this.kind === 'h2' || this.kind === 'h3' ? ' ' : '\n' });
    else if (name === 'IMG') this.picture(node);
    else if (name === 'UL' || name === 'OL') this.list(name === 'UL' ? 'ul' : 'ol', node, marks);
    else if (name === 'LI' || BREAKS.has(name) || HEADINGS[name]) this.block(name, node, marks);
    else this.all(node, marked(node, marks));
  }

  end(): void {
    const line = joined(this.line);
    this.line = [];
    if (line.length === 0) return;
    const kind = this.lists.at(-1) ?? this.kind;
    const last = this.parts.at(-1);
    if (last && this.lists.length > 0 && last.kind === kind) last.lines.push(line);
    else this.parts.push({ kind, lines: [line] });
  }

  private all(node: NodeLike, marks: Marks): void {
    for (const child of Array.from(node.childNodes)) this.read(child, marks);
  }

  private list(kind: PartKind, node: NodeLike, marks: Marks): void {
    this.end();
    this.lists.push(kind);
    this.all(node, marks);
    this.end();
    this.lists.pop();
  }

  private block(name: string, node: NodeLike, marks: Marks): void {
    const list = name === 'P' && this.lists.length === 0 ? wordList(node) : undefined;
    if (list) return this.list(list, node, marks);
    const apart = name === 'LI' || this.lists.length === 0;
    if (apart) this.end();
    else this.line.push({ text: ' ' });
    if (apart) this.kind = HEADINGS[name] ?? 'p';
    this.all(node, marked(node, marks));
    if (apart) this.end();
    else this.line.push({ text: ' ' });
    if (apart) this.kind = 'p';
  }

  private picture(node: NodeLike): void {
    const src = node.getAttribute?.('data-src') ?? node.getAttribute?.('src') ?? '';
    if (!PICTURE_SRC.test(src)) return void (this.lost += 1);
    this.end();
    this.parts.push({ kind: 'picture', lines: [], src, alt: tidied(node.getAttribute?.('alt') ?? '').trim() });
  }
}

const tidied = (text: string): string =>
  text
    .normalize('NFC')
    // What no page and no voice can show.
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ud800-\udfff]/gu, (sign) => (/[\f\r\v]/.test(sign) ? ' ' : ''))
    .replace(/\s+/g, ' ');

const run = (text: string, { strong, em, href }: Marks): Run => ({
  text,
  ...(strong ? { strong } : {}),
  ...(em ? { em } : {}),
  ...(href === undefined ? {} : { href }),
});

const alike = (one: Run, other: Run): boolean =>
  (one.strong ?? false) === (other.strong ?? false) && (one.em ?? false) === (other.em ?? false) && one.href === other.href;

/** A line without spaces and breaks at its ends or in a row, in as few runs as it needs. */
function joined(line: Run[]): Run[] {
  const runs: Run[] = [];
  const shorten = (): void => {
    const last = runs.pop();
    if (last && last.text.length > 1) runs.push({ ...last, text: last.text.slice(0, -1) });
  };
  for (const one of line) {
    const before = runs.at(-1)?.text.at(-1) ?? '\n';
    if (one.text === '\n') {
      if (before === ' ') shorten();
      if (runs.length > 0 && runs.at(-1)?.text !== '\n') runs.push(one);
      continue;
    }
    const text = before === ' ' || before === '\n' ? one.text.replace(/^ /, '') : one.text;
    const last = runs.at(-1);
    if (!text) continue;
    if (last && last.text !== '\n' && alike(one, last)) runs[runs.length - 1] = { ...last, text: (last.text + text).normalize('NFC') };
    else runs.push({ ...one, text });
  }
  while (runs.at(-1)?.text.endsWith(' ') || runs.at(-1)?.text === '\n') shorten();
  return runs;
}

/** The parts of what somebody typed or pasted, and how many pictures could not be taken along. */
export function read(root: NodeLike): { parts: Part[]; lost: number } {
  const reader = new Reader();
  for (const child of Array.from(root.childNodes)) reader.read(child);
  reader.end();
  return { parts: reader.parts, lost: reader.lost };
}

/** As content escapes, sign for sign: what it keeps must compare as the same. */
const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' })[sign] ?? sign);

function runHtml({ text, strong, em, href }: Run): string {
  if (text === '\n') return '<br>';
  let html = escaped(text);
  if (em) html = `<em>${html}</em>`;
  if (strong) html = `<strong>${html}</strong>`;
  return href === undefined ? html : `<a href="${escaped(href)}">${html}</a>`;
}

/** The parts as content keeps them. */
export const toHtml = (parts: Part[]): string =>
  parts
    .map(({ kind, lines, src = '', alt = '' }) => {
      if (kind === 'picture') return `<figure><img src="${src}" alt="${escaped(alt)}"></figure>`;
      const texts = lines.map((line) => line.map(runHtml).join(''));
      return kind === 'ul' || kind === 'ol'
        ? `<${kind}>\n${texts.map((text) => `<li>${text}</li>`).join('\n')}\n</${kind}>`
        : `<${kind}>${texts[0]}</${kind}>`;
    })
    .join('\n');

const MARKS: Partial<Record<PartKind, string>> = { h2: '# ', h3: '# ', ul: '- ', ol: '- ' };

/** What will be heard, in content's marks. */
export const toPlain = (parts: Part[]): string =>
  parts
    .filter(({ kind }) => kind !== 'picture')
    .map(({ kind, lines }) =>
      lines.map((line) => (MARKS[kind] ?? '') + line.map((one) => one.text).join('').replace(/\n/g, ' ')).join('\n'),
    )
    .join('\n\n');

/** The parts of a text in content's marks: what was written before there was anything to format. */
export function fromPlain(body: string): Part[] {
  const parts: Part[] = [];
  let open: PartKind | undefined;
  for (const raw of body.split('\n')) {
    const line = tidied(raw).trim();
    const kind = line.startsWith('# ') ? 'h2' : line.startsWith('- ') ? 'ul' : line ? 'p' : undefined;
    const text = kind === 'p' ? line : line.slice(2);
    const last = parts.at(-1);
    if (kind === 'ul' && open === 'ul') last?.lines.push([{ text }]);
    else if (kind === 'p' && open === 'p' && last) last.lines = [[{ text: `${last.lines[0]?.[0]?.text ?? ''} ${text}` }]];
    else if (kind) parts.push({ kind, lines: [[{ text }]] });
    open = kind === 'h2' ? undefined : kind;
  }
  return parts;
}

/** Signs that the machine's voice speaks in a minute. */
const SPOKEN_PER_MINUTE = 600;

/** How long a text takes to be heard, in seconds. */
export const spokenSeconds = (title: string, plain: string): number =>
  Math.round((([...title.trim()].length + [...plain].length) / SPOKEN_PER_MINUTE) * 60);
