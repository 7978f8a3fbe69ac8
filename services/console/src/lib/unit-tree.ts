/** Units as a tree, and acts as they are filled in. No markup, nothing fetched. */
import type { ActWish } from './directory';

interface Placed {
  id: string;
  parent_id: string | null;
}

/** A unit with what belongs to it. */
export interface Branch<U extends Placed> {
  unit: U;
  below: Branch<U>[];
}

/** The roots of a list of units, in its order. A unit whose parent is not in the list is a root, so that none is lost. */
export function branches<U extends Placed>(units: readonly U[]): Branch<U>[] {
  const known = new Map(units.map((unit) => [unit.id, { unit, below: [] as Branch<U>[] }]));
  const roots: Branch<U>[] = [];
  for (const branch of known.values()) {
    const above = branch.unit.parent_id === null ? undefined : known.get(branch.unit.parent_id);
    (above ? above.below : roots).push(branch);
  }
  return roots;
}

/** How many units stand below. */
export const size = <U extends Placed>(branch: Branch<U>): number =>
  branch.below.reduce((sum, one) => sum + 1 + size(one), 0);

export const ACT_KINDS = ['merge', 'split', 'rename', 'move'] as const;
export type ActKind = (typeof ACT_KINDS)[number];

export interface Named {
  id: string;
  name: string;
}

/** What a unit becomes: one that is there, or a new one. */
export interface Target {
  there: boolean;
  unit: Named[];
  name: string;
  code: string;
  kind: string;
}

export interface ActForm {
  kind: ActKind;
  date: string;
  act: string;
  from: Named[];
  /** Of a merger and a new name the first counts; of a division all. */
  into: Target[];
  /** Of a move: the new parent. */
  under: Named[];
}

export const newTarget = (): Target => ({ there: false, unit: [], name: '', code: '', kind: '' });

/** Whether an act of this kind takes several units at once. */
export const takesMany = (kind: ActKind): boolean => kind === 'merge' || kind === 'move';

const whole = (target: Target): boolean => (target.there ? target.unit.length > 0 : target.name.trim() !== '');
const targets = (form: ActForm): Target[] => (form.kind === 'split' ? form.into : form.into.slice(0, 1));

/** Whether everything that the act needs is filled in. */
export function complete(form: ActForm): boolean {
  if (form.from.length === 0 || form.date === '' || form.act.trim() === '') return false;
  if (form.kind === 'move') return form.under.length > 0;
  return targets(form).every(whole) && targets(form).length > (form.kind === 'split' ? 1 : 0);
}

function target({ there, unit, name, code, kind }: Target): unknown {
  if (there) return unit[0]?.id;
  return { name: name.trim(), ...(code.trim() ? { code: code.trim() } : {}), ...(kind ? { kind } : {}) };
}

/** The act as the service takes it. What was filled in for another kind is left out. */
export function actBody(form: ActForm): ActWish {
  const from = (takesMany(form.kind) ? form.from : form.from.slice(0, 1)).map((unit) => unit.id);
  const into = targets(form).map(target);
  const told = { merge: into[0], split: into, rename: target({ ...(form.into[0] ?? newTarget()), there: false }), move: form.under[0]?.id };
  return { kind: form.kind, date: form.date, act: form.act.trim(), from, into: told[form.kind] } as ActWish;
}

/** Units that end by an act, or that its reversal makes as if they had never been: what hangs on them follows. */
export const leaving = (units: readonly { what: string; unit: { id: string } }[]): string[] =>
  units.filter(({ what }) => what === 'ended' || what === 'void').map(({ unit }) => unit.id);
