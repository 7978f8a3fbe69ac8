import type { Period } from './types';

/** The period asked for when there is such a one, else the one of `today` (a day in Vietnam), else the latest. */
export function choosePeriod(periods: Period[], asked: string | null, today: string): Period | undefined {
  return (
    periods.find((period) => period.key === asked) ??
    periods.find((period) => period.start <= today && today <= period.end) ??
    [...periods].sort((one, other) => one.end.localeCompare(other.end)).at(-1)
  );
}
