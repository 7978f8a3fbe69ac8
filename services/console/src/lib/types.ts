/** What the services answer, as the console reads it. */

export type Role = 'author' | 'approver' | 'technician' | 'reporter' | 'admin';
export type Priority = 'normal' | 'priority' | 'emergency';
export type Channel = 'radio' | 'board';

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Grant {
  role: Role;
  unit_id: string;
  unit_name: string;
}

export interface Person {
  id: string;
  name: string;
  title: string;
  grants: Grant[];
}

export interface Unit {
  id: string;
  code: string;
  name: string;
  kind: string;
}

export type ItemState = 'draft' | 'submitted' | 'render_failed' | 'in_review' | 'returned' | 'approved' | 'withdrawn';
export type ItemAction = 'edit' | 'submit' | 'approve' | 'return' | 'withdraw';
export type RenditionKind = 'audio' | 'board' | 'web';

export interface Rendition {
  kind: RenditionKind;
  blob: { sha256: string; bytes: number; media_type: string };
  seconds: number | null;
  lufs: number | null;
  voice: string | null;
}

/** The part of an item that its author writes. */
export interface ItemFields {
  title: string;
  body: string;
  priority: Priority;
  unit_id: string;
  tasks: string[];
  topic: string;
  language: string;
}

export interface Item extends ItemFields {
  id: string;
  ver: number;
  revision: number;
  state: ItemState;
  unit_name: string;
  author: { id: string; name: string };
  approver: { id: string; name: string } | null;
  approved_at: string | null;
  comment: string | null;
  created_at: string;
  updated_at: string;
  approval_sha256: string | null;
  renditions: Rendition[];
  failure: string | null;
  allowed: ItemAction[];
}

export interface Topic {
  code: string;
  name: string;
  name_en: string;
}

export interface DeviceAlarm {
  code: string;
  at: string;
  count: number;
  detail: string;
}

export interface Device {
  device_id: string;
  name: string;
  kind: Channel;
  state: 'pending' | 'accepted' | 'revoked';
  unit_id: string | null;
  unit_name: string | null;
  site_type: string | null;
  model: string;
  online: boolean;
  last_seen: string | null;
  version: string | null;
  now: string | null;
  desired_seq: number;
  reported_seq: number;
  in_sync: boolean;
  public_key: string;
  alarms: DeviceAlarm[];
}

export interface Claim {
  claim_code: string;
  name: string;
  unit_id: string;
  site_type: string;
}

export interface Session {
  id: string;
  unit_id: string;
  starts_at: string;
  entries: { entry_id: string; item_id: string; title: string; seconds: number }[];
}

/** One entry at one device, with what the device proved: an airing or a display. */
export interface Showing {
  id: string;
  state: 'confirmed' | 'cut';
  device_id: string;
  device_name?: string | null;
  started_at: string | null;
  seconds: number | null;
}

export interface Period {
  key: string;
  start: string;
  end: string;
}

export interface Totals {
  airings: number;
  airing_minutes: number;
  displays: number;
}

export interface TaskSummary {
  code: string;
  title: string;
  title_en: string;
  totals: Totals;
}

export interface TaskReport extends TaskSummary {
  period: Period;
  by_unit: (Totals & { unit_id: string; unit_name: string })[];
  by_day: (Totals & { day: string })[];
}

export interface Fact {
  fact_id: string;
  channel: Channel;
  item_id: string;
  title: string;
  unit_id: string;
  unit_name?: string | null;
  device_id: string;
  device_name?: string | null;
  day: string;
  started_at: string;
  seconds: number;
}

export interface Proof extends Fact {
  proof: { kid: string; p: string; sig: string };
  device_public_key: string;
  signature_valid: boolean;
  /** Names of what the fact says otherwise than the device signed. */
  doubts: string[];
  chain: Record<string, string | null>;
}
