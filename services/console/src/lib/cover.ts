import { api } from './api';
import type { Notice } from './alert-types';
import { session } from './session.svelte';

const paths = new Map<string, Promise<string[]>>();

function pathOf(unitId: string): Promise<string[]> {
  const known = paths.get(unitId) ?? api.unit(unitId).then((unit) => unit.path);
  paths.set(unitId, known);
  known.catch(() => paths.delete(unitId));
  return known;
}

/**
 * Whether the person's area covers all places of the wording that waits, so that it is worth asking them. What cannot
 * be found out counts as covered: alert decides.
 */
export async function covers(notice: Notice): Promise<boolean> {
  const mine = new Set(session.grantsFor('approver').map((grant) => grant.unit_id));
  const units = (notice.waiting?.scopes ?? []).filter(({ scope }) => scope.startsWith('unit.')).map(({ scope }) => scope.slice(5));
  const within = units.map((unit) => pathOf(unit).then((path) => path.some((above) => mine.has(above)), () => true));
  return (await Promise.all(within)).every(Boolean);
}
