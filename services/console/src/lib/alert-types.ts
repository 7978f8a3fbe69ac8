/** What alert answers, by the names of the console. */
import type { Schemas } from './types';

export type Status = Schemas['VersionOut']['status'];
export type Severity = Schemas['VersionOut']['severity'];
export type NoticeState = Schemas['NoticeOut']['state'];

/** What somebody asks to be sent out: scopes are unit ids, `all`, or groups as `grp.<id>`; texts are by language. */
export type NoticeFields = Required<Schemas['MessageIn']>;
/** Who did something, and when. */
export type Act = Schemas['AlertActOut'];
/** `all`, `unit.<unit_id>` or `grp.<group_id>`; the name is empty where nobody has told of it. */
export type Scope = Schemas['ScopeOut'];
/** One wording of a notice. */
export type Wording = Schemas['VersionOut'];
export type Notice = Schemas['NoticeOut'];

/** Devices: heard of at all (a receiver that cannot verify is reached and no more), verified, begun, finished. */
export type Counts = Schemas['CountOut'];
export type UnitReach = Schemas['UnitReach'];
/** Seconds from the issue to the first, the middle, nearly all and the last device. */
export type Times = Schemas['Times'];
export type Reach = Schemas['ReachOut'];
export type SilentDevice = Schemas['SilentDevice'];
export type VersionReport = Schemas['VersionReport'];
export type NoticeReport = Schemas['ReportOut'];
/** Where messages of other bodies are fetched from (CAP 1.2). */
export type CapSource = Schemas['SourceView'];
