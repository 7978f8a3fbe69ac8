import { onSignedOut, onSignInAgain } from './api';
import { auth, type Factors, type Me, type Ways } from './auth';
import { router } from './router.svelte';
import type { Grant, Person, Role } from './types';

const PERSON = 'lantoa.person';
const NO_FACTORS: Factors = { totp: false, passkeys: 0, recovery_left: 0 };

class Session {
  person = $state.raw<Person | null>(null);
  factors = $state.raw<Factors>(NO_FACTORS);
  /** By what one can sign in here; until that is known, and where it cannot be learnt, there is the password. */
  ways = $state.raw<Ways>({ password: true, passkey: false, oidc: null });
  /** Who was signed in last on this device, while no service can be asked: their drafts are theirs without a network too. */
  remembered = $state(false);
  /** Nothing else is open before a second factor is added. */
  mustAddFactor = $state(false);

  /** Whether the person holds `role` anywhere. What they may do with one thing is for its service to say. */
  holds(role: Role): boolean {
    return this.grantsFor(role).length > 0;
  }

  /** Grants of exactly this role. */
  grants(role: Role): Grant[] {
    return this.person?.grants.filter((grant) => grant.role === role) ?? [];
  }

  /** Units in which the person holds `role`, each once. */
  grantsFor(role: Role): Grant[] {
    const grants = this.person?.grants.filter((grant) => grant.role === role || grant.role === 'admin') ?? [];
    return grants.filter((grant, index) => grants.findIndex((other) => other.unit_id === grant.unit_id) === index);
  }

  async load(): Promise<void> {
    this.know(await auth.me());
  }

  async learnWays(): Promise<void> {
    this.ways = await auth.ways().catch(() => this.ways);
  }

  know({ person, factors, must_add_factor }: Me): void {
    // Nothing new is written, placed or warned in a unit that is no more: its papers are for the services to give out.
    this.person = { ...person, grants: person.grants.filter((grant) => !grant.held_by) };
    this.remembered = false;
    localStorage.setItem(PERSON, JSON.stringify(this.person));
    this.factors = factors ?? NO_FACTORS;
    this.mustAddFactor = must_add_factor ?? false;
  }

  /** Takes the person of last time, for a start without a network. Gives whether there is one. */
  remember(): boolean {
    const kept = localStorage.getItem(PERSON);
    if (kept !== null) this.person ??= JSON.parse(kept) as Person;
    this.remembered = kept !== null;
    return this.remembered;
  }

  forget(): void {
    this.person = null;
    localStorage.removeItem(PERSON);
  }

  async signOut(): Promise<void> {
    await auth.signOut();
    this.forget();
    router.replace('/sign-in');
  }
}

export const session = new Session();

onSignedOut(() => {
  session.forget();
  const { path, query } = router.place;
  if (path === '/sign-in') return;
  const here = query.size > 0 ? `${path}?${query}` : path;
  router.replace(`/sign-in?next=${encodeURIComponent(here)}`);
});

/** A deed that needs to know for certain who sits here waits until they have shown it, or said no. */
class Again {
  /** Gives the answer; there while the question stands. */
  answer = $state.raw<(shown: boolean) => void>();
  #asked: Promise<boolean> | undefined;

  ask = (): Promise<boolean> => {
    this.#asked ??= new Promise<boolean>((resolve) => {
      this.answer = resolve;
    }).finally(() => {
      this.answer = undefined;
      this.#asked = undefined;
    });
    return this.#asked;
  };
}

export const again = new Again();
onSignInAgain(again.ask);
