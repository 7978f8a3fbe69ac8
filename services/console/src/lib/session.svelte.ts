import { api, onSignedOut } from './api';
import { router } from './router.svelte';
import type { Grant, Person, Role } from './types';

const LOGIN = 'lantoa.login';

class Session {
  person = $state.raw<Person | null>(null);

  /** Whether the person holds `role` anywhere. What they may do with one thing is for its service to say. */
  holds(role: Role): boolean {
    return this.grantsFor(role).length > 0;
  }

  /** Units in which the person holds `role`, each once. */
  grantsFor(role: Role): Grant[] {
    const grants = this.person?.grants.filter((grant) => grant.role === role || grant.role === 'admin') ?? [];
    return grants.filter((grant, index) => grants.findIndex((other) => other.unit_id === grant.unit_id) === index);
  }

  async load(): Promise<void> {
    this.person = (await api.me()).person;
  }

  /** What the person signed in with in this tab; empty when that was in another one. */
  get login(): string {
    return sessionStorage.getItem(LOGIN) ?? '';
  }

  async signIn(login: string, password: string): Promise<void> {
    this.person = (await api.signIn(login, password)).person;
    sessionStorage.setItem(LOGIN, login);
  }

  async signOut(): Promise<void> {
    await api.signOut();
    this.person = null;
    sessionStorage.removeItem(LOGIN);
    router.replace('/sign-in');
  }
}

export const session = new Session();

onSignedOut(() => {
  session.person = null;
  const { path, query } = router.place;
  if (path === '/sign-in') return;
  const here = query.size > 0 ? `${path}?${query}` : path;
  router.replace(`/sign-in?next=${encodeURIComponent(here)}`);
});
