/** What was typed on this device and has not reached a service. */
export interface Unsent {
  /** The item that was being changed; null for one that no service knows yet. */
  itemId: string | null;
  title: string;
  /** The version that the typing started from. */
  ver: number | null;
}

const ITEM = 'lantoa.draft.';

interface Kept {
  fields?: { title?: string };
  ver?: number | null;
}

/** Items that the person has begun or changed here. */
export function unsentItems(personId: string): Unsent[] {
  const begin = `${ITEM}${personId}.`;
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(begin))
    .flatMap((key) => {
      const itemId = key.slice(begin.length);
      try {
        const kept = JSON.parse(localStorage.getItem(key) ?? '') as Kept;
        return [{ itemId: itemId === 'new' ? null : itemId, title: kept.fields?.title?.trim() ?? '', ver: kept.ver ?? null }];
      } catch {
        return [];
      }
    });
}

/** A deed on an item that was refused when it was sent in the background, and why. */
export interface Refused {
  id: string;
  title: string;
  at: string;
  why: string;
}

interface Job {
  id: string;
  person: string;
  title: string;
  at: string;
  problem?: { title: string; detail: string };
}

/** What the outbox could not hand in, for the person to decide. */
export function refusedJobs(personId: string): Refused[] {
  const jobs = JSON.parse(localStorage.getItem('lantoa.outbox') ?? '[]') as Job[];
  return jobs.flatMap(({ id, person, title, at, problem }) =>
    problem && person === personId ? [{ id, title, at, why: problem.title || problem.detail }] : [],
  );
}

/** The headline of an alert that the person was composing here; null when there is none. */
export function unsentAlert(personId: string): string | null {
  try {
    const kept = JSON.parse(localStorage.getItem(`lantoa.alert.${personId}`) ?? 'null') as { headline?: string } | null;
    return kept === null ? null : (kept.headline?.trim() ?? '');
  } catch {
    return null;
  }
}
