import { id, request, V1, withQuery } from './api';
import type { Notice, NoticeFields } from './alert-types';
import { call } from './client';

const A = `${V1}/alert/notices`;
const on = (noticeId: string): { path: { notice_id: string }; key: string } => ({
  path: { notice_id: noticeId },
  key: crypto.randomUUID(),
});

/** Requests to alert. */
export const alerts = {
  notices: (cursor: string | null = null) => call('get', '/api/v1/alert/notices', { query: { cursor, limit: 30 } }),
  notice: (noticeId: string) => call('get', '/api/v1/alert/notices/{notice_id}', { path: { notice_id: noticeId } }),
  compose: (body: NoticeFields, key: string) => call('post', '/api/v1/alert/notices', { body, key }),
  update: (noticeId: string, body: NoticeFields) => call('post', '/api/v1/alert/notices/{notice_id}/update', { ...on(noticeId), body }),
  sound: (noticeId: string, wav: Blob) => request<Notice>('PUT', `${A}/${id(noticeId)}/sound`, { file: wav }),
  /** Exactly the wording that was read: another one that waits meanwhile is refused. */
  confirm: (noticeId: string, ver: number) => call('post', '/api/v1/alert/notices/{notice_id}/confirm', { ...on(noticeId), body: { ver } }),
  refuse: (noticeId: string, reason: string) => call('post', '/api/v1/alert/notices/{notice_id}/refuse', { ...on(noticeId), body: { reason } }),
  cancel: (noticeId: string) => call('post', '/api/v1/alert/notices/{notice_id}/cancel', on(noticeId)),
  reach: (noticeId: string) => call('get', '/api/v1/alert/notices/{notice_id}/reach', { path: { notice_id: noticeId } }),
  silent: (noticeId: string, unitId: string) =>
    call('get', '/api/v1/alert/notices/{notice_id}/silent', { path: { notice_id: noticeId }, query: { unit_id: unitId, limit: 100 } }),
  report: (noticeId: string) => call('get', '/api/v1/alert/notices/{notice_id}/report', { path: { notice_id: noticeId } }),

  sources: () => call('get', '/api/v1/alert/cap/sources'),
  addSource: (body: { name: string; url: string; certificates: string; automatic: boolean }) =>
    call('post', '/api/v1/alert/cap/sources', { body, key: crypto.randomUUID() }),
  removeSource: (sourceId: string) => call('delete', '/api/v1/alert/cap/sources/{source_id}', { path: { source_id: sourceId } }),
};

/** Where the sound of a wording is. */
export const soundUrl = (noticeId: string, ver: number): string => withQuery(`${A}/${id(noticeId)}/sound`, { ver });
