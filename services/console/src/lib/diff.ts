/** What changed between two texts, word by word. */

export interface Change {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

/** Comparing more pairs of words than this is of no use to a reader, and slow on a phone: then all of it is new. */
const MOST_PAIRS = 4_000_000;
const KHMER = /[\u1780-\u17ff]/;

/** The words of a text with the space after each; Khmer parts its words by nothing. */
export function words(text: string): string[] {
  const pieces = text.normalize('NFC').match(/\S+\s*|\s+/g) ?? [];
  return pieces.flatMap((piece) =>
    KHMER.test(piece) && 'Segmenter' in Intl
      ? [...new Intl.Segmenter('km', { granularity: 'word' }).segment(piece)].map(({ segment }) => segment)
      : [piece],
  );
}

/** The steps from one text to another: runs of words that stayed, went or came. */
export function diff(before: string, after: string): Change[] {
  const [old, now] = [words(before), words(after)];
  const equal = (one: string | undefined, other: string | undefined): boolean => one?.trim() === other?.trim();
  let start = 0;
  while (start < old.length && start < now.length && equal(old[start], now[start])) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && equal(old[old.length - 1 - end], now[now.length - 1 - end])) end++;
  const [oldMiddle, newMiddle] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
  const steps: Change[] = [
    ...now.slice(0, start).map((text): Change => ({ kind: 'same', text })),
    ...middle(oldMiddle, newMiddle, equal),
    ...now.slice(now.length - end).map((text): Change => ({ kind: 'same', text })),
  ];
  const runs = steps.reduce<Change[]>((made, step) => {
    const last = made.at(-1);
    if (last?.kind === step.kind) last.text += step.text;
    else made.push({ ...step });
    return made;
  }, []);
  // What came stands beside what it took the place of, not a paragraph below.
  return runs.map((run, at) =>
    run.kind === 'removed' && runs[at + 1]?.kind === 'added' ? { ...run, text: run.text.replace(/\s+$/, ' ') } : run,
  );
}

function middle(old: string[], now: string[], equal: (one?: string, other?: string) => boolean): Change[] {
  const removed = old.map((text): Change => ({ kind: 'removed', text }));
  const added = now.map((text): Change => ({ kind: 'added', text }));
  if (old.length === 0 || now.length === 0 || old.length * now.length > MOST_PAIRS) return [...removed, ...added];
  // lengths[i * width + j]: the longest common run of words of what follows i in the old text and j in the new one.
  const width = now.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      lengths[i * width + j] = equal(old[i], now[j]) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const steps: Change[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (equal(old[i], now[j])) {
      steps.push({ kind: 'same', text: now[j] ?? '' });
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      steps.push({ kind: 'removed', text: old[i] ?? '' });
      i++;
    } else {
      steps.push({ kind: 'added', text: now[j] ?? '' });
      j++;
    }
  }
  return [...steps, ...removed.slice(i), ...added.slice(j)];
}

/** How many words came and how many went. */
export const counted = (changes: Change[]): { added: number; removed: number } => {
  const count = (kind: Change['kind']): number =>
    changes.filter((change) => change.kind === kind).reduce((sum, { text }) => sum + words(text).filter((word) => word.trim()).length, 0);
  return { added: count('added'), removed: count('removed') };
};
