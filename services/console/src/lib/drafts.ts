import type { Item, ItemFields } from './types';

/** What someone has typed and not yet saved, kept in the browser. */
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
  return text === null ? null : (JSON.parse(text) as Draft);
}

export function keepDraft(personId: string, itemId: string | null, draft: Draft): void {
  localStorage.setItem(key(personId, itemId), JSON.stringify(draft));
}

export function dropDraft(personId: string, itemId: string | null): void {
  localStorage.removeItem(key(personId, itemId));
}

/** Fields as they are sent: composed Unicode, no space around, tasks in order. */
export function clean(fields: ItemFields): ItemFields {
  return {
    ...fields,
    title: fields.title.normalize('NFC').trim(),
    body: fields.body.normalize('NFC').replace(/\r\n/g, '\n').trim(),
    tasks: [...fields.tasks].sort(),
  };
}

/** The part of an item that its author writes. */
export const fieldsOf = ({ title, body, priority, unit_id, tasks, topic, language }: Item): ItemFields => ({
  title,
  body,
  priority,
  unit_id,
  tasks,
  topic,
  language,
});

/** Whether two sets of fields say the same once sent. */
export const same = (one: ItemFields, other: ItemFields): boolean =>
  JSON.stringify(order(one)) === JSON.stringify(order(other));

const order = (fields: ItemFields): string[] => {
  const { title, body, priority, unit_id, tasks, topic, language } = clean(fields);
  return [title, body, priority, unit_id, tasks.join(), topic, language];
};

export interface ItemWriter {
  createItem(fields: ItemFields, key: string): Promise<Item>;
  patchItem(itemId: string, ver: number, fields: ItemFields): Promise<Item>;
}

/**
 * Creates an item. When an earlier attempt got no answer it is first sent again as it was, and what was typed since
 * follows as a change; `keep` stores the attempt before anything is sent.
 */
export async function create(
  writer: ItemWriter,
  draft: Draft,
  newKey: () => string,
  keep: (draft: Draft) => void,
): Promise<Item> {
  const attempt = draft.attempt ?? { key: newKey(), fields: clean(draft.fields) };
  keep({ ...draft, attempt });
  const item = await writer.createItem(attempt.fields, attempt.key);
  return same(attempt.fields, draft.fields) ? item : writer.patchItem(item.id, item.ver, clean(draft.fields));
}
