import { get, id, request, V1, withQuery } from './api';
import type { CapSource, Notice, NoticeFields, NoticeReport, Reach, SilentDevice } from './alert-types';
import type { Page } from './types';

const A = `${V1}/alert/notices`;
const SOURCES = `${V1}/alert/cap/sources`;
const act = (noticeId: string, verb: string, body: unknown = {}): Promise<Notice> =>
  request<Notice>('POST', `${A}/${id(noticeId)}/${verb}`, { body, idempotencyKey: crypto.randomUUID() });

/** Requests to alert. */
export const alerts = {
  notices: (cursor: string | null = null) => get<Page<Notice>>(A, { cursor, limit: 30 }),
  notice: (noticeId: string) => get<Notice>(`${A}/${id(noticeId)}`),
  compose: (fields: NoticeFields, key: string) => request<Notice>('POST', A, { body: fields, idempotencyKey: key }),
  update: (noticeId: string, fields: NoticeFields) => act(noticeId, 'update', fields),
  sound: (noticeId: string, wav: Blob) => request<Notice>('PUT', `${A}/${id(noticeId)}/sound`, { file: wav }),
  /** Exactly the wording that was read: another one that waits meanwhile is refused. */
  confirm: (noticeId: string, ver: number) => act(noticeId, 'confirm', { ver }),
  refuse: (noticeId: string, reason: string) => act(noticeId, 'refuse', { reason }),
  cancel: (noticeId: string) => act(noticeId, 'cancel'),
  reach: (noticeId: string) => get<Reach>(`${A}/${id(noticeId)}/reach`),
  silent: (noticeId: string, unitId: string) =>
    get<Page<SilentDevice>>(`${A}/${id(noticeId)}/silent`, { unit_id: unitId, limit: 100 }),
  report: (noticeId: string) => get<NoticeReport>(`${A}/${id(noticeId)}/report`),

  sources: () => get<Page<CapSource>>(SOURCES),
  addSource: (source: { name: string; url: string; certificates: string; automatic: boolean }) =>
    request<CapSource>('POST', SOURCES, { body: source, idempotencyKey: crypto.randomUUID() }),
  removeSource: (sourceId: string) => request<void>('DELETE', `${SOURCES}/${id(sourceId)}`),
};

/** Where the sound of a wording is. */
export const soundUrl = (noticeId: string, ver: number): string => withQuery(`${A}/${id(noticeId)}/sound`, { ver });
