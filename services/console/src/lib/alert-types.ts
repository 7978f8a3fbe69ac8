/** What alert answers, by the names of the console. */
import type { One, Sent, Told } from './client';

export type Status = Wording['status'];
export type Severity = Wording['severity'];
export type NoticeState = Notice['state'];

/** What somebody asks to be sent out: scopes are unit ids, `all`, or groups as `grp.<id>`; texts are by language. */
export type NoticeFields = Required<Sent<'post', '/api/v1/alert/notices'>>;
/** Who did something, and when. */
export type Act = Wording['requested'];
/** `all`, `unit.<unit_id>` or `grp.<group_id>`; the name is empty where nobody has told of it. */
export type Scope = Wording['scopes'][number];
/** One wording of a notice. */
export type Wording = Notice['current'];
export type Notice = Told<'get', '/api/v1/alert/notices/{notice_id}'>;

/** Devices: heard of at all (a receiver that cannot verify is reached and no more), verified, begun, finished. */
export type Counts = Reach['totals'];
export type UnitReach = Reach['units'][number];
/** Seconds from the issue to the first, the middle, nearly all and the last device. */
export type Times = NonNullable<Reach['verified_s']>;
export type Reach = Told<'get', '/api/v1/alert/notices/{notice_id}/reach'>;
export type SilentDevice = One<'/api/v1/alert/notices/{notice_id}/silent'>;
export type VersionReport = NoticeReport['versions'][number];
export type NoticeReport = Told<'get', '/api/v1/alert/notices/{notice_id}/report'>;
/** Where messages of other bodies are fetched from (CAP 1.2). */
export type CapSource = One<'/api/v1/alert/cap/sources'>;
