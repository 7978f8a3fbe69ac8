import type { Problem } from './problem';

/** A creation that may have to be sent again: while it says the same and its answer may have been lost, under its first key. */
export class Attempt {
  #sent: { body: string; key: string } | undefined;

  key(wanted: unknown): string {
    const body = JSON.stringify(wanted);
    if (this.#sent?.body !== body) this.#sent = { body, key: crypto.randomUUID() };
    return this.#sent.key;
  }

  /** It failed; where that is sure, the next try is another creation. */
  failed(problem: Problem): void {
    if (!problem.outcomeUnknown) this.#sent = undefined;
  }
}
