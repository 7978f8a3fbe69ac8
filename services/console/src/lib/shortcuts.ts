import { m } from '../paraglide/messages.js';
import { router } from './router.svelte';

/** Keys of the desk: one letter, or `g` and a letter after it. */
export interface Shortcut {
  keys: string[];
  name: () => string;
  to: string;
}

export const SHORTCUTS: Shortcut[] = [
  { keys: ['/'], name: () => m.search_title(), to: '/search' },
  { keys: ['n'], name: () => m.item_new(), to: '/items/new' },
  { keys: ['g', 'h'], name: () => m.nav_home(), to: '/' },
  { keys: ['g', 'i'], name: () => m.nav_items(), to: '/items' },
  { keys: ['g', 'd'], name: () => m.nav_devices(), to: '/devices' },
  { keys: ['g', 'a'], name: () => m.nav_alerts(), to: '/alerts' },
  { keys: ['g', 'c'], name: () => m.nav_contests(), to: '/contests' },
  { keys: ['g', 'r'], name: () => m.nav_report(), to: '/report' },
  { keys: ['?'], name: () => m.keys_title(), to: '/keys' },
];

const OFF = 'lantoa.keys-off';
const SECOND_MS = 1500;

/** Someone who speaks to the computer would press them by accident: they can be turned off. */
export const keysOn = (): boolean => localStorage.getItem(OFF) === null;
export function turnKeys(on: boolean): void {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, '1');
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));

let before = { key: '', at: 0 };

/** Goes where a key leads; a key that is typed somewhere, or has a meaning with Ctrl, is left alone. */
export function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (!keysOn() || typing(event.target) || document.querySelector('dialog[open]')) return;
  const now = Date.now();
  const pair = now - before.at < SECOND_MS ? [before.key, event.key] : [];
  before = { key: event.key, at: now };
  const hit = SHORTCUTS.find(({ keys }) => keys.join() === pair.join()) ?? SHORTCUTS.find(({ keys }) => keys.join() === event.key);
  if (!hit) return;
  event.preventDefault();
  before = { key: '', at: 0 };
  if (router.place.path === hit.to) document.querySelector<HTMLElement>('main input')?.focus();
  else router.go(hit.to);
}
