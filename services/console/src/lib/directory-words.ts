/** People's rights, acts and the audit in words. */
import { m } from '../paraglide/messages.js';
import { getLocale } from '../paraglide/runtime.js';
import type { ActSummary, Entry, Loan, Right, UnitImport } from './directory';
import { dayIn, day } from './format';
import { role as roleName, type Tone } from './labels';
import type { Role } from './types';
import type { ActKind } from './unit-tree';

export const ROLES: Role[] = ['author', 'editor', 'approver', 'technician', 'organiser', 'reporter', 'auditor', 'admin'];

/** Words with which names of places and offices begin: inside a sentence they are written small. */
const KIND_OF_PLACE = /^(Phường|Xã|Tỉnh|Thị trấn|Thị xã|Thành phố|Huyện|Quận|Ủy ban|Sở|Đặc khu|Ban|Hội|Đảng ủy)(?= )/;

/** A unit's name as it stands inside a sentence: “Phường Trà Vinh” becomes “phường Trà Vinh”. */
export const inside = (name: string): string =>
  getLocale() === 'vi' ? name.replace(KIND_OF_PLACE, (kind) => kind.charAt(0).toLowerCase() + kind.slice(1)) : name;

/** What somebody with this role does. */
export const duty = (role: string): string =>
  ({
    author: m.duty_author(),
    editor: m.duty_editor(),
    approver: m.duty_approver(),
    technician: m.duty_technician(),
    organiser: m.duty_organiser(),
    reporter: m.duty_reporter(),
    auditor: m.duty_auditor(),
    admin: m.duty_admin(),
  })[role as Role] ?? role;

/** A role with what it does, to choose from. */
export const roleOption = (role: Role): { value: Role; text: string } => ({ value: role, text: `${roleName(role)}: ${duty(role)}` });

/** Days as words: from, until, both, or none. */
export function span(from: string | null, to: string | null): string {
  if (from && to) return m.span_both({ from: day(from), to: day(to) });
  if (from) return m.span_from({ from: day(from) });
  return to ? m.span_to({ to: day(to) }) : m.span_open();
}

/** A right as a sentence: what, where, when, why, and on whose behalf. */
export function rightSentence(right: Right): string {
  const parts = [m.right_of({ duty: duty(right.role), unit: inside(right.unit_name || right.unit_id) }), span(right.from, right.to)];
  if (right.lender) parts.push(m.right_for({ name: right.lender_name || right.lender }));
  if (right.reason) parts.push(m.right_reason({ reason: right.reason }));
  return `${parts.join(', ')}.`;
}

/** Whether a right holds today, will, or is over. */
export function rightState(right: Right, now: Date): { tone: Tone; text: string } {
  if (right.in_force) return { tone: 'good', text: m.right_holds() };
  if (right.from !== null && right.from > dayIn(now)) return { tone: 'warn', text: m.right_later() };
  if (right.to !== null && right.to < dayIn(now)) return { tone: 'quiet', text: m.right_over() };
  return { tone: 'quiet', text: m.right_rests() };
}

/** A loan as a sentence of its lender. */
export function loanSentence(loan: Loan): string {
  const what = loan.roles.map(duty).join(', ');
  const parts = [m.loan_to({ name: loan.to_name || loan.to, duty: what, unit: inside(loan.unit_name || loan.unit_id) }), span(loan.from, loan.to_day)];
  if (loan.reason) parts.push(m.right_reason({ reason: loan.reason }));
  return `${parts.join(', ')}.`;
}

export const unitKind = (kind: string): string =>
  ({
    province: m.unit_province(),
    district: m.unit_district(),
    ward: m.unit_ward(),
    commune: m.unit_commune(),
    town: m.unit_town(),
    body: m.unit_body(),
  })[kind] ?? kind;

export const tree = (value: string): string =>
  ({ territory: m.tree_territory(), administration: m.tree_administration(), party: m.tree_party() })[value] ?? value;

export const actKind = (kind: ActKind): string =>
  ({ merge: m.act_merge(), split: m.act_split(), rename: m.act_rename(), move: m.act_move() })[kind];

export const actState = (state: ActSummary['state']): { tone: Tone; text: string } =>
  ({
    preview: { tone: 'quiet' as const, text: m.act_preview() },
    applying: { tone: 'warn' as const, text: m.act_applying() },
    waiting: { tone: 'warn' as const, text: m.act_waiting() },
    done: { tone: 'good' as const, text: m.act_done() },
    reversing: { tone: 'warn' as const, text: m.act_reversing() },
    reversed: { tone: 'quiet' as const, text: m.act_reversed() },
  })[state] ?? { tone: 'quiet', text: state };

/** An act in one line: what went into what. */
export const actLine = ({ from, into }: Pick<ActSummary, 'from' | 'into'>): string =>
  `${from.map((unit) => unit.name).join(', ')} → ${into.map((unit) => unit.name).join(', ')}`;

export const unitEffect = (what: string): string =>
  ({
    made: m.effect_made(),
    ended: m.effect_ended(),
    follows: m.effect_follows(),
    restored: m.effect_restored(),
    void: m.effect_void(),
    back: m.effect_back(),
  })[what] ?? what;

export const unitOutcome = (outcome: UnitImport['rows'][number]['outcome'], dry: boolean): { tone: Tone; text: string } =>
  ({
    created: { tone: 'good' as const, text: dry ? m.unit_row_new() : m.unit_row_made() },
    changed: { tone: 'good' as const, text: dry ? m.unit_row_change() : m.unit_row_changed() },
    unchanged: { tone: 'quiet' as const, text: m.import_unchanged() },
    refused: { tone: 'bad' as const, text: m.import_refused() },
  })[outcome];

/** What the audit can be asked for: an action, or with a full stop at its end all that begin so. */
export const AUDIT_ACTIONS: { value: string; text: () => string }[] = [
  { value: 'directory.account.', text: () => m.audit_of_people() },
  { value: 'directory.account.granted', text: () => m.audit_of_grants() },
  { value: 'directory.account.locked', text: () => m.audit_of_locks() },
  { value: 'directory.unit.', text: () => m.audit_of_units() },
  { value: 'directory.act.', text: () => m.audit_of_acts() },
  { value: 'content.', text: () => m.audit_of_items() },
  { value: 'content.item.approved', text: () => m.audit_of_approvals() },
  { value: 'fleet.', text: () => m.audit_of_devices() },
  { value: 'alert.', text: () => m.audit_of_alerts() },
  { value: 'contest.', text: () => m.audit_of_contests() },
  { value: 'broadcast.', text: () => m.audit_of_programmes() },
  { value: 'directory.audit.', text: () => m.audit_of_audit() },
];

/** What was done, as the part of a sentence after who did it. */
function did(action: string, name: string): string {
  const known: Record<string, () => string> = {
    'directory.unit.changed': () => m.did_unit_changed({ name }),
    'directory.account.created': () => m.did_account_created({ name }),
    'directory.account.changed': () => m.did_account_changed({ name }),
    'directory.account.granted': () => m.did_account_granted({ name }),
    'directory.account.revoked': () => m.did_account_revoked({ name }),
    'directory.account.locked': () => m.did_account_locked({ name }),
    'directory.account.unlocked': () => m.did_account_unlocked({ name }),
    'directory.account.reset': () => m.did_account_reset({ name }),
    'directory.account.signedin': () => m.did_account_signedin(),
    'directory.account.refused': () => m.did_account_refused(),
    'directory.account.secured': () => m.did_account_secured(),
    'directory.act.done': () => m.did_act_done(),
    'directory.act.reversed': () => m.did_act_reversed(),
    'directory.audit.exported': () => m.did_audit_exported(),
    'content.item.submitted': () => m.did_item_submitted(),
    'content.item.returned': () => m.did_item_returned(),
    'content.item.approved': () => m.did_item_approved(),
    'content.item.withdrawn': () => m.did_item_withdrawn(),
    'fleet.device.claimed': () => m.did_device_claimed(),
    'fleet.device.moved': () => m.did_device_moved(),
    'fleet.device.revoked': () => m.did_device_revoked(),
    'fleet.device.grouped': () => m.did_device_grouped(),
    'fleet.device.placed': () => m.did_device_placed(),
    'fleet.device.rekeyed': () => m.did_device_rekeyed(),
    'fleet.command.ordered': () => m.did_command_ordered(),
    'fleet.update.turned': () => m.did_update_turned(),
    'broadcast.grid.changed': () => m.did_grid_changed(),
    'contest.contest.published': () => m.did_contest_published(),
    'broadcast.session.changed': () => m.did_session_changed(),
    'signboard.playlist.changed': () => m.did_playlist_changed(),
    'alert.source.added': () => m.did_source_added(),
    'alert.source.removed': () => m.did_source_removed(),
    'alert.notice.issued': () => m.did_notice_issued(),
    'alert.notice.updated': () => m.did_notice_updated(),
    'alert.notice.cancelled': () => m.did_notice_cancelled(),
  };
  return known[action]?.() ?? m.did_other({ action });
}

/** Who did it: a name, the operator, or what the entry says. */
export const doer = ({ actor, actor_name }: Pick<Entry, 'actor' | 'actor_name'>): string =>
  actor_name || (actor === 'operator' || actor.startsWith('operator') ? m.audit_operator() : actor);

/** An entry as a sentence; `name` is what its object is called, where that is known. */
export function entrySentence(entry: Entry, name = ''): string {
  const unnamed = entry.action.startsWith('directory.unit.') ? m.audit_some_unit() : m.audit_someone();
  return `${doer(entry)} ${did(entry.action, name ? inside(name) : unnamed)}.`;
}

/** Where the thing that was acted on is shown; null where no page of the console shows it. */
export function entryPlace({ action, object }: Pick<Entry, 'action' | 'object'>): string | null {
  const page = { 'content.item': 'items', 'directory.account': 'people', 'directory.unit': 'units', 'directory.act': 'units/acts', 'fleet.device': 'devices', 'fleet.command': 'devices/orders', 'alert.notice': 'alerts', 'contest.contest': 'contests' }[
    action.split('.').slice(0, 2).join('.')
  ];
  return page === undefined || object === '' || object === '*' ? null : `#/${page}/${encodeURIComponent(object)}`;
}

/** Where an entry stands: whether its chain is sealed as far as it. */
export const sealed = (entry: Pick<Entry, 'chain' | 'seq'>, chains: { chain: string; sealed_seq: number }[]): boolean =>
  (chains.find(({ chain }) => chain === entry.chain)?.sealed_seq ?? 0) >= entry.seq;
