/** What the services answer, by the names of the console. What their contract leaves open is said here more exactly. */
import type { One, Told } from './client';

export type Role = 'author' | 'editor' | 'approver' | 'technician' | 'organiser' | 'reporter' | 'auditor' | 'admin';
export type Priority = 'normal' | 'priority' | 'emergency';
/** What a device is, and by what it reaches people. */
export type DeviceKind = 'radio' | 'board' | 'both';
/** By what a counted fact reached people. */
export type Channel = Fact['channel'];
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
  /** The unit of today through which the papers of a former unit are held; null for what was granted. */
  held_by?: string | null;
}

export interface Person {
  id: string;
  name: string;
  title: string;
  grants: Grant[];
}

export type Unit = One<'/api/v1/directory/units'>;

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
  /** The first day on which it may be heard and shown (`2026-12-01`); null for from its approval on. */
  air_from: string | null;
  /** The last of these days; null where no end was set. */
  air_until: string | null;
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
  air_from: string | null;
  air_until: string | null;
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
export type DeliveryStatus = Told<'get', '/api/v1/signboard/items/{item_id}/status'>;
/** The same on the radio, and why it is in no session. */
export type AiringStatus = Told<'get', '/api/v1/broadcast/items/{item_id}/status'>;
export type Topic = One<'/api/v1/content/topics'>;
export type Session = One<'/api/v1/broadcast/sessions'>;
/** One entry at one device, with what the device proved: an airing or a display. */
export type Showing = One<'/api/v1/broadcast/airings'> | One<'/api/v1/signboard/displays'>;

export type Period = One<'/api/v1/reporting/periods'>;
export type Totals = TaskSummary['totals'];
export type TaskSummary = One<'/api/v1/reporting/tasks'>;
export type TaskReport = Told<'get', '/api/v1/reporting/tasks/{code}'>;
export type Fact = One<'/api/v1/reporting/tasks/{code}/proofs'>;
export type Proof = Omit<Told<'get', '/api/v1/reporting/proofs/{fact_id}'>, 'attempt'> & {
  attempt: { score: number; max_score: number; attempt_id: string } | null;
};

export type Contest = Told<'get', '/api/v1/contest/contests/{contest_id}'>;
export type Ranking = Told<'get', '/api/v1/contest/contests/{contest_id}/ranking'>;
