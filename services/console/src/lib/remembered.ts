import { asProblem } from './api';

/** What a request gives, or what it gave last time while the network is away: lists that seldom change. */
export async function remembered<T>(name: string, load: () => Promise<T>): Promise<T> {
  const key = `lantoa.known.${name}`;
  try {
    const found = await load();
    localStorage.setItem(key, JSON.stringify(found));
    return found;
  } catch (error) {
    const known = localStorage.getItem(key);
    if (asProblem(error).status !== 0 || known === null) throw error;
    return JSON.parse(known) as T;
  }
}
