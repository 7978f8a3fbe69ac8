/** What the services answer, as the console reads it. */

export type Role = 'author' | 'approver' | 'technician' | 'reporter' | 'admin';
export type Priority = 'normal' | 'priority' | 'emergency';
/** What a device is, and by what it reaches people. */
export type DeviceKind = 'radio' | 'board' | 'both';
/** By what a counted fact reached people. */
export type Channel = 'radio' | 'board' | 'web' | 'contest';
/** Units as they stood on the day of the fact, or those that stand in their place today. */
export type View = 'then' | 'now';

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
  /** Ids from the province down to the unit itself. */
  path: string[];
  lat: number | null;
  lon: number | null;
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
  /** The body, formatted (`richtext.ts`). */
  body_html: string;
  priority: Priority;
  unit_id: string;
  tasks: string[];
  topic: string;
  language: string;
}

export interface Item extends Omit<ItemFields, 'body_html'> {
  id: string;
  /** What is heard. */
  body: string;
  /** Null where the body came plain. */
  body_html: string | null;
  /** Those that the body shows. */
  pictures: Picture[];
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
  /** The public page of the present revision. */
  post: Post | null;
}

export interface Picture {
  sha256: string;
  width: number;
  height: number;
  bytes: number;
}

/** A revision as it was submitted. */
export interface Revision {
  revision: number;
  at: string;
  title: string;
  body: string;
  body_html: string | null;
}

export interface Post {
  state: 'published' | 'confirmed' | 'unconfirmed';
  url: string;
  confirmed_at: string | null;
  reason: string | null;
}

/** One thing that happened to an item. */
export interface HistoryEntry {
  at: string;
  by: { id: string; name: string } | null;
  what: string;
  revision: number;
  comment: string | null;
  /** Why a post is not confirmed. */
  reason: string | null;
}

/** Entries of an item's current revision over the devices of its unit. */
export interface DeliveryStatus {
  planned: number;
  confirmed: number;
  missed: number;
  waiting: number;
}

export interface Topic {
  code: string;
  name: string;
  name_en: string;
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
  posts: number;
  attempts: number;
}

export interface TaskSummary {
  code: string;
  title: string;
  title_en: string;
  totals: Totals;
}

export interface TaskReport extends TaskSummary {
  period: Period;
  by_unit: (Totals & { unit_id: string; unit_name: string; former: boolean })[];
  by_day: (Totals & { day: string })[];
}

export interface Fact {
  fact_id: string;
  channel: Channel;
  /** None for a contest. */
  item_id: string | null;
  contest_id: string | null;
  title: string;
  unit_id: string;
  unit_name: string;
  /** None for a web page or a contest. */
  device_id: string | null;
  day: string;
  at: string;
  started_at: string;
  seconds: number;
}

export interface Proof extends Fact {
  /** What it stands on carries exactly this. */
  valid: boolean;
  /** Names of what does not hold. */
  doubts: string[];
  /** What the device signed: of airings and displays. */
  proof: { kid: string; p: string; sig: string } | null;
  device_public_key: string | null;
  post: { url: string; confirmed_at: string } | null;
  attempt: { score: number; max_score: number; attempt_id: string } | null;
  chain: Record<string, string | null>;
}

export interface Contest {
  id: string;
  state: 'draft' | 'published';
  phase: 'soon' | 'open' | 'settling' | 'over';
  title: string;
  title_en: string;
  unit_id: string;
  opens_at: string;
  closes_at: string;
  minutes: number;
  questions: number;
  /** None in a draft, as is the key's. */
  rules_sha256: string | null;
  answer_key_sha256: string | null;
}

export interface Ranking {
  /** Whether it can still change. */
  final: boolean;
  attempts: number;
  all_correct: number;
  ledger_sha256: string;
  items: {
    rank: number;
    attempt_id: string;
    unit_id: string;
    score: number;
    max_score: number;
    seconds: number;
  }[];
}
