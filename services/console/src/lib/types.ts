/** What the services answer, by the names of the console. What their contract leaves open is said here more exactly. */
import type { components } from './platform';

export type Schemas = components['schemas'];

export type Role = 'author' | 'editor' | 'approver' | 'technician' | 'organiser' | 'reporter' | 'auditor' | 'admin';
export type Priority = 'normal' | 'priority' | 'emergency';
/** What a device is, and by what it reaches people. */
export type DeviceKind = 'radio' | 'board' | 'both';
/** By what a counted fact reached people. */
export type Channel = Schemas['FactOut']['channel'];
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

export type Unit = Schemas['FoundUnit'];

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
  /** The public page of the present revision. */
  post: Post | null;
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
export type DeliveryStatus = Schemas['BroadcastStatusView'];
export type Topic = Schemas['TopicOut'];
export type Session = Schemas['SessionView'];
/** One entry at one device, with what the device proved: an airing or a display. */
export type Showing = Schemas['AiringView'] | Schemas['DisplayView'];

export type Period = Schemas['PeriodOut'];
export type Totals = Schemas['Numbers'];
export type TaskSummary = Schemas['TaskLine'];
export type TaskReport = Schemas['TaskReport'];
export type Fact = Schemas['FactOut'];
export type Proof = Omit<Schemas['ProofOut'], 'attempt'> & {
  attempt: { score: number; max_score: number; attempt_id: string } | null;
};

export type Contest = Schemas['ContestOut'];
export type Ranking = Schemas['RankingOut'];
