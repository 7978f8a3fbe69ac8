import { m } from '../paraglide/messages.js';
import { api, get, id, request, V1, withQuery } from './api';
import { day } from './format';
import type { Item, Picture, RenditionKind, Revision } from './types';

const at = (itemId: string): string => `${V1}/content/items/${id(itemId)}`;

/** What content does with items beyond lists: their pictures and revisions, and their deeds under a key of one's own. */
export const items = {
  ...api,
  putPicture: (itemId: string, file: Blob) => request<Picture>('POST', `${at(itemId)}/pictures`, { file }),
  revision: (itemId: string, revision: number) => get<Revision>(`${at(itemId)}/revisions/${revision}`),
};

/** How long after its approval an item comes into sessions and playlists: no event tells of it. */
const PLANNED_WITHIN_MS = 120_000;
/** Whether an item that stands in no plan may come into one any moment. */
export const justApproved = ({ approved_at }: Item): boolean =>
  approved_at !== null && Date.now() - new Date(approved_at).getTime() < PLANNED_WITHIN_MS;

export const pictureUrl = (itemId: string, sha256: string): string => `${at(itemId)}/pictures/${sha256}`;

/**
 * Where a rendition is looked at; the page with its pictures in it, which open to strangers with the approval alone. The
 * hash keeps an older revision out of the browser's cache.
 */
export function previewUrl(item: Item, kind: RenditionKind): string {
  const hash = item.renditions.find((rendition) => rendition.kind === kind)?.blob.sha256.slice(0, 12);
  return withQuery(`${at(item.id)}/renditions/${kind}`, { v: hash, pictures: kind === 'web' ? 'inside' : undefined });
}

/** On which days something may be heard; empty when it may at any time. */
export function airDays(from: string | null, until: string | null): string {
  if (from && until) return m.air_days({ from: day(from), until: day(until) });
  if (from) return m.air_days_from({ from: day(from) });
  return until ? m.air_days_until({ until: day(until) }) : '';
}
