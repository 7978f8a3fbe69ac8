import { session } from './session.svelte';
import type { Grant, Role } from './types';

/** Who writes, and who changes what others wrote. */
const WRITERS = ['author', 'editor'] as Role[];

/** Units for which the person may write items, each once. */
export function writing(): Grant[] {
  const grants = WRITERS.flatMap((role) => session.grantsFor(role));
  return grants.filter((grant, at) => grants.findIndex((other) => other.unit_id === grant.unit_id) === at);
}
