import { get, id, request, V1 } from './api';
import type { Notice, NoticeFields, NoticeReport, Reach, SilentDevice } from './alert-types';
import type { Page } from './types';

const A = `${V1}/alert/notices`;
const act = (notice: Notice, verb: string, body: unknown = {}): Promise<Notice> =>
  request<Notice>('POST', `${A}/${id(notice.notice_id)}/${verb}`, {
    body,
    ver: notice.ver,
    idempotencyKey: crypto.randomUUID(),
  });

/** Requests to alert. */
export const alerts = {
  notices: (cursor: string | null = null) => get<Page<Notice>>(A, { cursor, limit: 30 }),
  notice: (noticeId: string) => get<Notice>(`${A}/${id(noticeId)}`),
  compose: (fields: NoticeFields, key: string) => request<Notice>('POST', A, { body: fields, idempotencyKey: key }),
  update: (notice: Notice, fields: NoticeFields) => act(notice, 'update', fields),
  sound: (noticeId: string, wav: Blob) => request<Notice>('PUT', `${A}/${id(noticeId)}/sound`, { file: wav }),
  confirm: (notice: Notice) => act(notice, 'confirm'),
  refuse: (notice: Notice, comment: string) => act(notice, 'refuse', { comment }),
  cancel: (notice: Notice) => act(notice, 'cancel'),
  reach: (noticeId: string) => get<Reach>(`${A}/${id(noticeId)}/reach`),
  silent: (noticeId: string, unitId: string) => get<Page<SilentDevice>>(`${A}/${id(noticeId)}/silent`, { unit_id: unitId }),
  report: (noticeId: string) => get<NoticeReport>(`${A}/${id(noticeId)}/report`),
};
