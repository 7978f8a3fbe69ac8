/** What alert answers, as the console reads it. */

export type Status = 'actual' | 'exercise' | 'test';
export type Severity = 'extreme' | 'severe' | 'moderate' | 'minor';
export type NoticeState = 'requested' | 'refused' | 'lapsed' | 'in_force' | 'cancelled' | 'expired';

/** What somebody asks to be sent out. */
export interface NoticeFields {
  status: Status;
  severity: Severity;
  headline: string;
  /** By language: `vi` and, where it is needed, `km`. */
  texts: Record<string, string>;
  /** Unit ids, `all`, or groups as `grp.<id>`. */
  scopes: string[];
  minutes: number;
  repeat: number;
  gap_s: number;
  /** Whether the platform's voice reads the text; else a recording is sent, or the signal sounds alone. */
  speak: boolean;
}

/** Who did something, and when. */
export interface Act {
  by: string;
  name: string;
  at: string;
}

export interface Scope {
  /** `all`, `unit.<unit_id>` or `grp.<group_id>`. */
  scope: string;
  /** Empty where nobody has told of it. */
  name: string;
}

/** One wording of a notice. */
export interface Wording extends Omit<NoticeFields, 'scopes'> {
  ver: number;
  scopes: Scope[];
  sound: { sha256: string; bytes: number; seconds: number; spoken: boolean } | null;
  sound_state: 'none' | 'making' | 'ready' | 'failed';
  requested: Act;
  waits_until: string | null;
  confirmed: Act | null;
  refused: Act | null;
  reason: string;
  expires_at: string | null;
}

export interface Notice {
  id: string;
  rev: number;
  source: 'console' | 'operator' | 'cap';
  state: NoticeState;
  created_at: string;
  /** The newest wording that went out; the newest of all when none did. */
  current: Wording;
  /** The wording that waits for a second person. */
  waiting: Wording | null;
  cancelled: Act | null;
}

export interface Counts {
  devices: number;
  /** Heard of at all; a receiver that cannot verify is reached and no more. */
  reached: number;
  verified: number;
  /** Have begun to sound or show it, finished or not. */
  playing: number;
  finished: number;
  failed: number;
}

export interface UnitReach extends Counts {
  unit_id: string;
  unit_name: string;
}

/** Seconds from the issue to the first, the middle, nearly all and the last device. */
export interface Times {
  first: number;
  p50: number;
  p99: number;
  last: number;
}

export interface Reach {
  ver: number;
  state: NoticeState;
  issued_at: string;
  units: UnitReach[];
  totals: Counts;
  verified_s: Times | null;
  played_s: Times | null;
}

export interface SilentDevice {
  device_id: string;
  name: string;
  unit_id: string;
  unit_name: string;
}

export interface VersionReport extends Reach {
  ended_at: string;
  message: Wording;
  silent: SilentDevice[];
  silent_count: number;
}

export interface NoticeReport {
  notice: Notice;
  versions: VersionReport[];
}

/** Where messages of other bodies are fetched from (CAP 1.2). */
export interface CapSource {
  source_id: string;
  name: string;
  url: string;
  automatic: boolean;
  fingerprints: string[];
  created_by_name: string;
  created_at: string;
  looked_at: string | null;
  ok_at: string | null;
  error: { code: string; detail: string } | null;
  entries: number;
  refusals: { code: string; detail: string; at: string; entry: string }[];
}
