/** Words for what alert names by codes. */
import { m } from '../paraglide/messages.js';
import type { Notice, NoticeState, Severity, Status } from './alert-types';
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
  })[value] ?? { tone: 'quiet', text: value };

/** Whether this person is one of the two that an alert needs. */
export const warns = (): boolean => session.holds('approver');

/** Whether the present person is the second one. */
export function mayConfirm(notice: Notice): boolean {
  const asked = notice.waiting ?? (notice.state === 'requested' ? notice : null);
  return asked !== null && warns() && asked.requested_by.id !== session.person?.id;
}

/** Names of the places that an alert is for. */
export function scopeNames(notice: Notice, unitName: (id: string) => string): string {
  return notice.scopes
    .map((scope) =>
      scope === 'all'
        ? m.scope_all()
        : scope.startsWith('grp.')
          ? m.scope_group({ name: scope.slice(4) })
          : (notice.scope_names?.[scope] ?? unitName(scope.replace(/^unit\./, ''))),
    )
    .join(', ');
}

/** Ids of the units among the places that an alert is for. */
export const scopeUnits = (scopes: string[]): string[] =>
  scopes.filter((scope) => scope !== 'all' && !scope.startsWith('grp.')).map((scope) => scope.replace(/^unit\./, ''));
