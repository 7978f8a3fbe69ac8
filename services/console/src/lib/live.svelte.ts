/** Hints that something changed (`GET /api/v1/live`): what is shown is fetched again, and only then. */
import { Reader, type Sent } from './sse';

export const ABOUT = ['items', 'devices', 'alerts', 'contests', 'reports'] as const;
export type About = (typeof ABOUT)[number];

/** Which lists an event concerns, by the service that says it: what was played is on an item's page and in the report. */
const CONCERNS: Record<string, About[]> = {
  content: ['items', 'reports'],
  broadcast: ['items', 'reports'],
  signboard: ['items', 'reports'],
  fleet: ['devices'],
  alert: ['alerts'],
  contest: ['contests', 'reports'],
  reporting: ['reports'],
};

const AGAIN_MS = 2_000;
const LONGEST_MS = 120_000;
/** A gateway says something every 15 seconds, if only that it is there. */
const SILENT_MS = 45_000;
/** Hints come in bunches, an approval alone makes five: they are answered together. */
const GATHER_MS = 400;

/** What an event concerns: lists, and which one of those in them. */
export interface Hint {
  about: readonly About[];
  id: string | undefined;
}

/** What an event concerns; null for everything. */
export function concerned({ event, data }: Sent): Hint | null {
  if (event === 'resync') return null;
  let said: { type?: unknown; id?: unknown };
  try {
    said = (JSON.parse(data) ?? {}) as typeof said;
  } catch {
    // What cannot be read may be about anything.
    return null;
  }
  const type = String(said.type ?? event);
  const named = ABOUT.find((about) => about === type || about === event);
  const about = named ? [named] : CONCERNS[type.split('.')[0] ?? ''];
  return about ? { about, id: typeof said.id === 'string' ? said.id : undefined } : null;
}

interface Listener {
  about: readonly About[];
  work: () => unknown;
  /** The one of them that is shown; undefined for all. */
  id: string | undefined;
}

/** Whether a hint is for who listens. */
export const hears = (listener: Pick<Listener, 'about' | 'id'>, hint: Hint | null): boolean =>
  hint === null ||
  (hint.about.some((one) => listener.about.includes(one)) &&
    (listener.id === undefined || hint.id === undefined || listener.id === hint.id));

class Live {
  /** Whether hints come: then nobody needs to ask by the clock. */
  connected = $state(false);
  #listeners = new Set<Listener>();
  #due = new Set<Listener>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: AbortController | undefined;
  #last = '';
  #wait = AGAIN_MS;

  /** Calls `work` when something of `about` has changed, with `id` only when that very one has. Gives the way to stop. */
  on(about: readonly About[], work: () => unknown, id?: string): () => void {
    const listener = { about, work, id };
    this.#listeners.add(listener);
    this.#open();
    return () => {
      this.#listeners.delete(listener);
      this.#due.delete(listener);
      // The next page of the same person comes at once.
      if (this.#listeners.size === 0) setTimeout(() => this.#listeners.size === 0 && this.#close(), AGAIN_MS);
    };
  }

  start(): void {
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#close() : this.#open()));
    addEventListener('online', () => {
      this.#wait = AGAIN_MS;
      this.#open();
    });
  }

  #open(): void {
    if (this.#stop || this.#listeners.size === 0 || document.hidden) return;
    const stop = new AbortController();
    this.#stop = stop;
    void this.#read(stop).catch(() => undefined).finally(() => {
      if (this.#stop !== stop) return;
      this.#close();
      setTimeout(() => this.#open(), this.#wait * (0.75 + Math.random() / 2));
      this.#wait = Math.min(this.#wait * 2, LONGEST_MS);
    });
  }

  #close(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.connected = false;
  }

  async #read(stop: AbortController): Promise<void> {
    const answer = await fetch(`/api/v1/live?about=${ABOUT.join(',')}`, {
      headers: { Accept: 'text/event-stream', ...(this.#last ? { 'Last-Event-ID': this.#last } : {}) },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: stop.signal,
    });
    if (!answer.ok || !answer.body || !answer.headers.get('content-type')?.startsWith('text/event-stream')) {
      // Nobody there says such things: asked again much later, meanwhile the clock does it.
      this.#wait = LONGEST_MS;
      return void answer.body?.cancel();
    }
    this.connected = true;
    this.#wait = AGAIN_MS;
    const reader = new Reader();
    const stream = answer.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const silent = setTimeout(() => stop.abort(), SILENT_MS);
      const { done, value } = await stream.read().finally(() => clearTimeout(silent));
      if (done) return;
      const sent = reader.take(decoder.decode(value, { stream: true }));
      this.#last = reader.id || this.#last;
      this.#wait = reader.retry ?? AGAIN_MS;
      sent.forEach((one) => this.#tell(one));
    }
  }

  #tell(sent: Sent): void {
    const hint = concerned(sent);
    for (const listener of this.#listeners) {
      if (hears(listener, hint)) this.#due.add(listener);
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const due = [...this.#due];
      this.#due.clear();
      for (const { work } of due) work();
    }, GATHER_MS);
  }
}

export const live = new Live();
