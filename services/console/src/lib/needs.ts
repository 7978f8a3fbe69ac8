/** What needs a person now, the most urgent first: each with the one thing to do about it. */
import { m } from '../paraglide/messages.js';
import type { Notice } from './alert-types';
import { status } from './alert-words';
import type { FleetAlarm } from './fleet-types';
import { alarm, alarmTodo } from './fleet-words';
import { ago, dateTime, day, number } from './format';
import { airDays } from './items';
import { itemState, itemTone, priority, type Tone } from './labels';
import type { Item, Period } from './types';
import type { Refused, Unsent } from './unsent';

/** Order of urgency: lives, then what is silent, then what others wait for, then what one waits for oneself. */
export enum Urgency {
  Alert,
  Emergency,
  Silent,
  Conflict,
  Approve,
  Overdue,
  Broken,
  Returned,
  Unsent,
  Draft,
  Deadline,
}

export interface Need {
  key: string;
  urgency: Urgency;
  tone: Tone;
  /** What sort of thing it is. */
  kind: string;
  title: string;
  /** Language of the title, where it is not the console's. */
  lang?: string;
  lines: string[];
  /** Since when; the older of two of the same urgency comes first. */
  since: string;
  action: string;
  href: string;
}

export const inOrder = (needs: Need[]): Need[] =>
  [...needs].sort((one, other) => one.urgency - other.urgency || one.since.localeCompare(other.since));

export const toConfirm = (notices: Notice[]): Need[] =>
  notices.map((notice) => {
    const asked = notice.waiting ?? notice.current;
    return {
      key: `notice:${notice.id}`,
      urgency: Urgency.Alert,
      tone: 'bad',
      kind: `${m.home_to_confirm()} · ${status(asked.status).name}`,
      title: asked.headline,
      lines: [`${asked.requested.name} · ${dateTime(asked.requested.at)}`],
      since: asked.requested.at,
      action: m.home_confirm(),
      href: `/alerts/${notice.id}`,
    };
  });

export const toApprove = (items: Item[]): Need[] =>
  items.map((item) => ({
    key: `item:${item.id}`,
    urgency: item.priority === 'normal' ? Urgency.Approve : Urgency.Emergency,
    tone: item.priority === 'normal' ? 'warn' : 'bad',
    kind: item.priority === 'normal' ? m.home_to_approve() : `${m.home_to_approve()} · ${priority(item.priority)}`,
    title: item.title,
    lang: item.language,
    lines: [
      `${item.author.name} · ${item.unit_name} · ${dateTime(item.updated_at)}`,
      ...[airDays(item.air_from, item.air_until)].filter(Boolean),
    ],
    since: item.updated_at,
    action: m.home_hear_and_approve(),
    href: `/items/${item.id}`,
  }));

const URGENT_MINE: Partial<Record<Item['state'], Urgency>> = { render_failed: Urgency.Broken, returned: Urgency.Returned };

/** The person's own items that will not go on by themselves. */
export const mine = (items: Item[]): Need[] =>
  items.map((item) => ({
    key: `item:${item.id}`,
    urgency: URGENT_MINE[item.state] ?? Urgency.Draft,
    tone: itemTone(item.state),
    kind: itemState(item.state),
    title: item.title,
    lang: item.language,
    lines: [...(item.state === 'returned' && item.comment ? [`“${item.comment}”`] : []), `${item.unit_name} · ${dateTime(item.updated_at)}`],
    since: item.updated_at,
    action: item.state === 'draft' ? m.home_go_on() : item.state === 'returned' ? m.home_rework() : m.home_see_failure(),
    href: item.state === 'render_failed' ? `/items/${item.id}` : `/items/${item.id}/edit`,
  }));

/** What stands on this device only; `known` are the items as their service has them. */
export const unsent = (kept: Unsent[], known: ReadonlyMap<string, Item>): Need[] =>
  kept.map(({ itemId, title, ver }) => {
    const theirs = itemId === null ? undefined : known.get(itemId);
    const conflict = theirs !== undefined && ver !== null && theirs.ver > ver;
    return {
      key: `unsent:${itemId ?? 'new'}`,
      urgency: conflict ? Urgency.Conflict : Urgency.Unsent,
      tone: conflict ? 'bad' : 'warn',
      kind: conflict ? m.home_conflict() : m.home_unsent(),
      title: title || theirs?.title || m.home_untitled(),
      lines: [conflict ? m.home_conflict_detail() : m.home_unsent_detail()],
      since: theirs?.updated_at ?? '',
      action: conflict ? m.home_conflict_do() : m.home_go_on(),
      href: itemId === null ? '/items/new' : `/items/${itemId}/edit`,
    };
  });

export const refused = (jobs: Refused[]): Need[] =>
  jobs.map(({ id, title, at, why }) => ({
    key: `job:${id}`,
    urgency: Urgency.Conflict,
    tone: 'bad',
    kind: m.home_refused(),
    title: title || m.home_untitled(),
    lines: [why],
    since: at,
    action: m.home_refused_do(),
    href: '/items',
  }));

export const unsentNotice = (headline: string | null): Need[] =>
  headline === null
    ? []
    : [
        {
          key: 'unsent-notice',
          urgency: Urgency.Unsent,
          tone: 'warn',
          kind: m.home_unsent_alert(),
          title: headline || m.home_untitled(),
          lines: [m.home_unsent_detail()],
          since: '',
          action: m.home_go_on(),
          href: '/alerts/new',
        },
      ];

const MUTE = ['silent', 'offline'];

/** Alarms that nobody has taken: those that leave people without a voice come before the others. */
export const toTend = (alarms: FleetAlarm[], now: Date): Need[] =>
  alarms.map((one) => ({
    key: `alarm:${one.alarm_id}`,
    urgency: MUTE.includes(one.code) ? Urgency.Silent : Urgency.Broken,
    tone: 'bad',
    kind: alarm(one.code),
    title:
      one.devices === 1
        ? (one.sample[0]?.name ?? one.unit_name ?? one.unit_id)
        : `${one.unit_name ?? one.unit_id}: ${m.alarm_devices({ n: number(one.devices) })}`,
    lines: [alarmTodo(one.code), ago(one.opened_at, now)],
    since: one.opened_at,
    action: one.devices === 1 && one.sample[0] ? m.home_see_device() : m.home_see_alarms(),
    href: one.devices === 1 && one.sample[0] ? `/devices/${one.sample[0].device_id}` : '/devices/alarms',
  }));

/** Devices of which nobody could tell where they belong after a division: one thing to do, however many they are. */
export const toPlace = (devices: number): Need[] =>
  devices === 0
    ? []
    : [
        {
          key: 'unsure',
          urgency: Urgency.Broken,
          tone: 'warn',
          kind: m.unsure_title(),
          title: m.unsure_count({ n: number(devices) }),
          lines: [m.unsure_why()],
          since: '',
          action: m.unsure_do(),
          href: '/devices/unsure',
        },
      ];

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
const PRESSING_DAYS = 7;

/** Whole days from one calendar day to another. */
const daysBetween = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

/**
 * Report periods that end soon or ended lately, and tasks of the present one that nothing proves yet. `unproven` counts
 * those tasks; `today` is a day in Vietnam.
 */
export function deadlines(periods: Period[], unproven: number, today: string): Need[] {
  return periods.flatMap((period): Need[] => {
    const left = daysBetween(today, period.end);
    const present = period.start <= today && left >= 0;
    const over = left < 0 && left >= -SOON_DAYS;
    if (!over && !(present && (left <= SOON_DAYS || unproven > 0))) return [];
    return [
      {
        key: `period:${period.key}`,
        urgency: over || left <= PRESSING_DAYS ? Urgency.Overdue : Urgency.Deadline,
        tone: over || left <= PRESSING_DAYS ? 'bad' : 'warn',
        kind: over ? m.home_period_over() : m.home_period_left({ n: number(left) }),
        title: m.home_period({ from: day(period.start), to: day(period.end) }),
        lines: present && unproven > 0 ? [m.home_unproven_lead({ n: unproven })] : over ? [m.home_period_over_detail()] : [],
        since: period.end,
        action: m.home_see_report(),
        href: `/report?period=${period.key}`,
      },
    ];
  });
}
