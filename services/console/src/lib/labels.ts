import { m } from '../paraglide/messages.js';
import { getLocale } from '../paraglide/runtime.js';
import type { Device } from './fleet-types';
import type { AiringStatus, Channel, Contest, DeviceKind, ItemState, Post, Priority, Role, Totals } from './types';

export type Tone = 'good' | 'warn' | 'bad' | 'quiet';

export const ITEM_STATES: ItemState[] = [
  'draft',
  'submitted',
  'render_failed',
  'in_review',
  'returned',
  'approved',
  'withdrawn',
];

export const itemState = (state: ItemState): string =>
  ({
    draft: m.state_draft(),
    submitted: m.state_submitted(),
    render_failed: m.state_render_failed(),
    in_review: m.state_in_review(),
    returned: m.state_returned(),
    approved: m.state_approved(),
    withdrawn: m.state_withdrawn(),
  })[state];

export const itemTone = (state: ItemState): Tone =>
  (
    ({
      draft: 'quiet',
      submitted: 'warn',
      render_failed: 'bad',
      in_review: 'warn',
      returned: 'bad',
      approved: 'good',
      withdrawn: 'quiet',
    }) as const
  )[state];

export const PRIORITIES: Priority[] = ['normal', 'priority', 'emergency'];

export const priority = (value: Priority): string =>
  ({ normal: m.priority_normal(), priority: m.priority_priority(), emergency: m.priority_emergency() })[value];

/** Why an approved item is in no session of its place. */
export const unplaced = (why: NonNullable<AiringStatus['unplaced']>): string =>
  ({ 'too-long': m.unplaced_too_long(), 'no-day': m.unplaced_no_day(), over: m.unplaced_over() })[why];

export const channel = (value: Channel): string =>
  ({
    radio: m.channel_radio(),
    board: m.channel_board(),
    web: m.channel_web(),
    contest: m.channel_contest(),
  })[value];

/** What is counted, in the order of the report's columns, with the channel whose proofs stand behind it. */
export const COUNTS: { of: keyof Totals; channel: Channel; name: () => string }[] = [
  { of: 'airings', channel: 'radio', name: () => m.report_airings() },
  { of: 'airing_minutes', channel: 'radio', name: () => m.report_minutes() },
  { of: 'displays', channel: 'board', name: () => m.report_displays() },
  { of: 'posts', channel: 'web', name: () => m.report_posts() },
  { of: 'attempts', channel: 'contest', name: () => m.report_attempts() },
];

export const postState = (post: Post): { tone: Tone; text: string } =>
  ({
    published: { tone: 'warn' as const, text: m.post_published() },
    confirmed: { tone: 'good' as const, text: m.post_confirmed() },
    unconfirmed: { tone: 'bad' as const, text: m.post_unconfirmed() },
  })[post.state];

/** Why a public page no longer counts. */
export const postReason = (reason: string): string =>
  ({
    withdrawn: m.post_withdrawn(),
    edited: m.post_edited(),
    gone: m.post_gone(),
    changed: m.post_changed(),
    unreachable: m.post_unreachable(),
  })[reason] ?? reason;

export const happened = (what: string): string =>
  ({
    created: m.history_created(),
    edited: m.history_edited(),
    submitted: m.history_submitted(),
    rendered: m.history_rendered(),
    render_failed: m.history_render_failed(),
    returned: m.history_returned(),
    approved: m.history_approved(),
    withdrawn: m.history_withdrawn(),
    post_published: m.history_post_published(),
    post_confirmed: m.history_post_confirmed(),
    post_unconfirmed: m.history_post_unconfirmed(),
  })[what] ?? what;

export const contestPhase = ({ state, phase }: Contest): { tone: Tone; text: string } =>
  ({
    draft: { tone: 'quiet' as const, text: m.state_draft() },
    soon: { tone: 'quiet' as const, text: m.contest_soon() },
    open: { tone: 'good' as const, text: m.contest_open() },
    settling: { tone: 'warn' as const, text: m.contest_settling() },
    over: { tone: 'quiet' as const, text: m.contest_over() },
  })[state === 'draft' ? state : phase];

export const deviceKind = (value: DeviceKind): string =>
  ({ radio: m.device_radio(), board: m.device_board(), both: m.device_both() })[value];

export const role = (value: Role): string =>
  ({
    author: m.role_author(),
    editor: m.role_editor(),
    approver: m.role_approver(),
    technician: m.role_technician(),
    organiser: m.role_organiser(),
    reporter: m.role_reporter(),
    auditor: m.role_auditor(),
    admin: m.role_admin(),
  })[value];

export const DEVICE_KINDS: DeviceKind[] = ['radio', 'board', 'both'];

export const SITE_TYPES = ['hamlet', 'market', 'school', 'commune_office', 'public_computer_room', 'wifi_spot', 'crossroads'] as const;

export const siteType = (value: string): string =>
  ({
    hamlet: m.site_hamlet(),
    market: m.site_market(),
    school: m.site_school(),
    commune_office: m.site_commune_office(),
    public_computer_room: m.site_public_computer_room(),
    wifi_spot: m.site_wifi_spot(),
    crossroads: m.site_crossroads(),
  })[value] ?? value;

/** The one thing to know first about a device. */
export function deviceHealth(device: Device): { tone: Tone; text: string } {
  if (device.state === 'revoked') return { tone: 'quiet', text: m.device_revoked() };
  if (!device.online) return { tone: 'bad', text: m.device_offline() };
  if (device.alarms.length > 0) return { tone: 'warn', text: m.device_alarm() };
  if (!device.in_sync) return { tone: 'warn', text: m.device_out_of_sync() };
  return { tone: 'good', text: m.device_ok() };
}

/** A name that its service gives in both languages. */
export const inLanguage = (vi: string, en: string): string => (getLocale() === 'en' && en ? en : vi);

/** A claim code as devices show it, `XXXX-XXXX`, however it was typed. */
export function claimCode(typed: string): string {
  const bare = typed.toUpperCase().replace(/[^A-Z0-9]/g, '');
  return bare.length > 4 ? `${bare.slice(0, 4)}-${bare.slice(4)}` : bare;
}

/** Where a synthetic voice sounds like home; its own name for one that is not known here. */
export const voice = (value: string): string =>
  ({ vi: m.voice_north(), 'vi-vn-x-central': m.voice_central(), 'vi-vn-x-south': m.voice_south() })[value] ?? value;
