import { asProblem } from './api';
import { ABOUT, live, type About } from './live.svelte';
import type { Problem } from './problem';
import type { Page } from './types';

/** Something fetched: its last value, whether it is on its way, and what went wrong last. */
export class Resource<T> {
  value = $state.raw<T | undefined>();
  problem = $state.raw<Problem | undefined>();
  loading = $state(false);
  #load: () => Promise<T>;
  #turn = 0;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** Fetches again. An answer that a later call has overtaken is dropped. */
  refresh = async (): Promise<void> => {
    const turn = ++this.#turn;
    this.loading = true;
    try {
      const value = await this.#load();
      if (turn !== this.#turn) return;
      this.value = value;
      this.problem = undefined;
    } catch (error) {
      if (turn === this.#turn) this.problem = asProblem(error);
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  };
}

/** A list that comes in pages; a refresh fetches as many pages as are shown. */
export class PagedResource<T> extends Resource<Page<T>> {
  #pages: { count: number };

  constructor(load: (cursor: string | null) => Promise<Page<T>>) {
    const pages = { count: 1 };
    super(async () => {
      const whole: Page<T> = await load(null);
      for (let page = 1; page < pages.count && whole.next !== null; page++) {
        const following: Page<T> = await load(whole.next);
        whole.items = [...whole.items, ...following.items];
        whole.next = following.next;
      }
      return whole;
    });
    this.#pages = pages;
  }

  more = (): Promise<void> => {
    this.#pages.count += 1;
    return this.refresh();
  };
}

/** While hints come, the clock asks only this often: for what no event tells. */
const CALM_MS = 120_000;
/** What is asked for more often than this, somebody stands waiting for: the clock goes on. */
const WAITED_FOR_MS = 5_000;

/**
 * Runs `work` while the page can be seen: when a hint says that something of `about` changed, every `ms` as long as no
 * hints come, and at once when the page is seen again. Alerts are asked for by the clock in any case: no event tells of a
 * notice that still waits for its second person. Without `about` every hint counts; with `id` only those of that very
 * one, which the hints of `items` name whichever service they are of. Gives the way to stop.
 */
export function whileVisible(ms: number, work: () => unknown, about: readonly About[] = ABOUT, id?: string): () => void {
  const untold = about.every((one) => one === 'alerts');
  let last = Date.now();
  const run = (): void => {
    if (document.hidden) return;
    last = Date.now();
    work();
  };
  const timer = setInterval(() => {
    if (!live.connected || untold || ms < WAITED_FOR_MS || Date.now() - last >= CALM_MS) run();
  }, ms);
  const deaf = live.on(about, run, id);
  document.addEventListener('visibilitychange', run);
  return () => {
    deaf();
    clearInterval(timer);
    document.removeEventListener('visibilitychange', run);
  };
}
