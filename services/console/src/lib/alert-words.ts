/** Words for what alert names by codes. */
import { m } from '../paraglide/messages.js';
import type { Notice, NoticeState, Scope, Severity, Status } from './alert-types';
import type { Tone } from './labels';
import { session } from './session.svelte';

export const STATUSES: Status[] = ['actual', 'exercise', 'test'];
export const SEVERITIES: Severity[] = ['extreme', 'severe', 'moderate', 'minor'];

export const status = (value: Status): { name: string; detail: string } =>
  ({
    actual: { name: m.status_actual(), detail: m.status_actual_detail() },
    exercise: { name: m.status_exercise(), detail: m.status_exercise_detail() },
    test: { name: m.status_test(), detail: m.status_test_detail() },
  })[value];

export const severity = (value: Severity): string =>
  ({
    extreme: m.severity_extreme(),
    severe: m.severity_severe(),
    moderate: m.severity_moderate(),
    minor: m.severity_minor(),
  })[value];

export const noticeState = (value: NoticeState): { tone: Tone; text: string } =>
  ({
    requested: { tone: 'warn' as const, text: m.notice_requested() },
    refused: { tone: 'quiet' as const, text: m.notice_refused() },
    lapsed: { tone: 'quiet' as const, text: m.notice_lapsed() },
    in_force: { tone: 'bad' as const, text: m.notice_in_force() },
    cancelled: { tone: 'quiet' as const, text: m.notice_cancelled() },
    expired: { tone: 'quiet' as const, text: m.notice_expired() },
  })[value];

/** Whether this person is one of the two that an alert needs. */
export const warns = (): boolean => session.holds('approver');

/** Whether the present person can be the second one; whether their area covers it is for alert to say. */
export const mayConfirm = (notice: Notice): boolean =>
  notice.waiting !== null && warns() && notice.waiting.requested.by !== session.person?.id;

/** A place as people call it. */
export function scopeName({ scope, name }: Scope): string {
  if (scope === 'all') return m.scope_all();
  const [kind, bare = scope] = scope.split(/\.(.*)/s);
  return kind === 'grp' ? m.scope_group({ name: name || bare }) : name || bare;
}
