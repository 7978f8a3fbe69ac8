import { asProblem } from './api';
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

/** Runs `work` every `ms` while the page can be seen, and at once when it is seen again. Gives the way to stop. */
export function whileVisible(ms: number, work: () => unknown): () => void {
  const tick = (): void => {
    if (!document.hidden) work();
  };
  const timer = setInterval(tick, ms);
  document.addEventListener('visibilitychange', tick);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', tick);
  };
}
