import { asProblem } from './api';
import { deliver, type Job } from './deliver';
import { items } from './items';
import { keptPicture } from './pictures';
import type { Problem } from './problem';
import { session } from './session.svelte';
import type { Item } from './types';

const KEY = 'lantoa.outbox';
const FIRST_WAIT_MS = 4_000;
const LONGEST_WAIT_MS = 60_000;

/** What kept a deed from being done for now: the network, not the service. */
export const away = (problem: Problem): boolean => problem.status === 0 || problem.status === 502 || problem.status === 504;

/** What was done on this phone and content does not know yet; sent by itself as soon as that is possible. */
class Outbox {
  jobs = $state.raw<Job[]>([]);
  /** The id of the one on its way. */
  sending = $state<string>();
  /** The last one that went out by itself. */
  sent = $state.raw<{ job: Job; item: Item }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;

  /** Jobs of whoever is signed in. */
  get mine(): Job[] {
    return this.jobs.filter((job) => job.person === session.person?.id);
  }

  get waiting(): Job[] {
    return this.mine.filter((job) => !job.problem);
  }

  start(): void {
    this.#read();
    addEventListener('online', this.#soon);
    addEventListener('storage', (event) => {
      if (event.key === KEY) this.#read();
    });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#soon();
    });
    this.#later();
  }

  of(itemId: string): Job | undefined {
    return this.mine.find((job) => job.itemId === itemId);
  }

  /**
   * Does it now. Throws the problem that kept it from being done; when that is the network, and `patient`, it waits in
   * the box. `keep` is told of every step.
   */
  async now(job: Job, patient: boolean, keep: (job: Job) => void = () => undefined): Promise<Item> {
    this.#put(job);
    try {
      const item = await this.#deliver(job, keep);
      this.drop(job.id);
      return item;
    } catch (error) {
      if (!patient || !away(asProblem(error))) this.drop(job.id);
      else this.#later();
      throw error;
    }
  }

  drop(jobId: string): void {
    this.#write(this.#stored().filter((job) => job.id !== jobId));
  }

  /** Sends what waits, one after the other; in one tab of the browser at a time. */
  flush = async (): Promise<void> => {
    clearTimeout(this.#timer);
    if (this.sending !== undefined || session.person === null) return;
    await navigator.locks.request(KEY, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      this.#read();
      for (const job of this.waiting) {
        if (!(await this.#one(job))) break;
      }
    });
    this.#later();
  };

  retry(job: Job): void {
    const { problem: _, ...again } = job;
    this.#put(again as Job);
    this.#soon();
  }

  async #one(job: Job): Promise<boolean> {
    try {
      const item = await this.#deliver(job);
      this.drop(job.id);
      this.sent = { job, item };
      this.#wait = FIRST_WAIT_MS;
      return true;
    } catch (error) {
      const problem = asProblem(error);
      if (away(problem) || problem.status === 401 || problem.status === 503 || problem.status === 429) return false;
      const { status, code, title, detail } = problem;
      const last = this.jobs.find((known) => known.id === job.id) ?? job;
      this.#put({ ...last, problem: { status, code, title, detail } });
      return true;
    }
  }

  async #deliver(job: Job, told: (job: Job) => void = () => undefined): Promise<Item> {
    this.sending = job.id;
    const keep = (step: Job): void => {
      this.#put(step);
      told(step);
    };
    try {
      return await deliver(job, { desk: items, picture: keptPicture, newKey: () => crypto.randomUUID(), keep });
    } finally {
      this.sending = undefined;
    }
  }

  #soon = (): void => {
    this.#wait = FIRST_WAIT_MS;
    void this.flush();
  };

  /** Browsers say that they are on line when there is a mast, not when anything comes through: it is tried. */
  #later(): void {
    clearTimeout(this.#timer);
    if (this.waiting.length === 0) return;
    this.#timer = setTimeout(() => void this.flush(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #put(job: Job): void {
    const stored = this.#stored();
    const known = stored.some(({ id }) => id === job.id);
    this.#write(known ? stored.map((one) => (one.id === job.id ? job : one)) : [...stored, job]);
  }

  #stored = (): Job[] => JSON.parse(localStorage.getItem(KEY) ?? '[]') as Job[];

  #read(): void {
    this.jobs = this.#stored();
  }

  #write(jobs: Job[]): void {
    localStorage.setItem(KEY, JSON.stringify(jobs));
    this.jobs = jobs;
  }
}

export const outbox = new Outbox();
