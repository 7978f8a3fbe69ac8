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
  /** Unit ids, `all`, or groups as `grp.<name>`. */
  scopes: string[];
  minutes: number;
  repeat: number;
  gap_s: number;
  /** Whether the platform's voice reads the text; else a recording is sent, or the signal sounds alone. */
  speak: boolean;
}

export interface Notice extends Omit<NoticeFields, 'speak'> {
  notice_id: string;
  ver: number;
  state: NoticeState;
  scope_names?: Record<string, string>;
  requested_by: { id: string; name: string };
  requested_at: string;
  confirmed_by: { id: string; name: string } | null;
  issued_at: string | null;
  expires_at: string | null;
  ended_at: string | null;
  comment: string | null;
  sound: { sha256: string; bytes: number } | null;
  /** The wording that waits for a second person while the earlier one is in force. */
  waiting?: (Omit<NoticeFields, 'speak'> & { requested_by: { id: string; name: string } }) | null;
}

export interface ReachRow {
  unit_id: string;
  unit_name: string;
  devices: number;
  /** Heard of at all; a receiver that cannot verify is reached and no more. */
  reached: number;
  verified: number;
  playing: number;
  finished: number;
  failed: number;
}

export interface Reach {
  units: ReachRow[];
  totals: Omit<ReachRow, 'unit_id' | 'unit_name'>;
}

export interface SilentDevice {
  device_id: string;
  name: string;
  unit_id: string;
  last_seen: string | null;
}

export interface NoticeReport {
  notice: Notice;
  reach: Reach;
  events: { at: string; what: string; by: string | null }[];
}
