import { SvelteMap } from 'svelte/reactivity';
import { api } from './api';
import { directory } from './directory';
import { fleet } from './fleet';

/** Names by id, each asked for once. Until it is known, and for those who may not know it, the id stands for it. */
class Names {
  #names = new SvelteMap<string, string>();
  #asked = new Set<string>();
  #fetch: (id: string) => Promise<{ name: string }>;

  constructor(fetch: (id: string) => Promise<{ name: string }>) {
    this.#fetch = fetch;
  }

  of(id: string): string {
    return this.#names.get(id) ?? id;
  }

  want(ids: (string | null)[]): void {
    for (const id of ids) {
      if (id === null || this.#asked.has(id)) continue;
      this.#asked.add(id);
      this.#fetch(id).then(
        ({ name }) => this.#names.set(id, name),
        () => this.#asked.delete(id),
      );
    }
  }
}

export const deviceNames = new Names(fleet.device);
export const unitNames = new Names(api.unit);
export const personNames = new Names(directory.person);
