import { fromPlain, LOCAL, toHtml } from './richtext';
import type { Item, ItemFields } from './types';

/** What someone has typed and not yet saved, kept in the browser; its pictures lie in `pictures.ts`. */
export interface Draft {
  fields: ItemFields;
  /** The version that the typing started from; null for an item that does not exist yet. */
  ver: number | null;
  /** A creation whose answer never came: sent again unchanged, with the same key, it cannot make a second item. */
  attempt: { key: string; fields: ItemFields } | null;
}

const key = (personId: string, itemId: string | null): string => `lantoa.draft.${personId}.${itemId ?? 'new'}`;

export function loadDraft(personId: string, itemId: string | null): Draft | null {
  const text = localStorage.getItem(key(personId, itemId));
  return text === null ? null : formatted(JSON.parse(text) as Draft);
}

/** A draft of the time when bodies were plain and items had no days. */
function formatted(draft: Draft): Draft {
  const { body = '', ...older } = draft.fields as ItemFields & { body?: string };
  const { air_from = null, air_until = null, body_html = toHtml(fromPlain(body)) } = older;
  return { ...draft, fields: { ...older, body_html, air_from, air_until } };
}

export function keepDraft(personId: string, itemId: string | null, draft: Draft): void {
  localStorage.setItem(key(personId, itemId), JSON.stringify(draft));
}

export function dropDraft(personId: string, itemId: string | null): void {
  localStorage.removeItem(key(personId, itemId));
}

/** Fields as they are sent: composed Unicode, no space around, tasks in order, no day for an empty one. */
export function clean(fields: ItemFields): ItemFields {
  const [air_from, air_until] = [fields.air_from || null, fields.air_until || null];
  return { ...fields, title: fields.title.normalize('NFC').trim(), tasks: [...fields.tasks].sort(), air_from, air_until };
}

/** The part of an item that its author writes. */
export const fieldsOf = ({ title, body, body_html, priority, unit_id, tasks, topic, language, air_from, air_until }: Item): ItemFields => ({
  title,
  body_html: body_html ?? toHtml(fromPlain(body)),
  priority,
  unit_id,
  tasks,
  topic,
  language,
  air_from,
  air_until,
});

/** Whether two sets of fields say the same once sent. */
export const same = (one: ItemFields, other: ItemFields): boolean =>
  JSON.stringify(order(one)) === JSON.stringify(order(other));

const order = (fields: ItemFields): (string | null)[] => {
  const { title, body_html, priority, unit_id, tasks, topic, language, air_from, air_until } = clean(fields);
  return [title, body_html, priority, unit_id, tasks.join(), topic, language, air_from, air_until];
};

/** Names of the pictures that are on this phone only. */
export const localPictures = (fields: ItemFields): string[] => [...new Set(fields.body_html.match(LOCAL) ?? [])];

/** The text without the pictures that content does not have yet. */
export const withoutLocal = (fields: ItemFields): ItemFields => ({
  ...fields,
  body_html: fields.body_html.replace(/<figure><img src="local:[^>]*><\/figure>\n?/g, '').trim(),
});
