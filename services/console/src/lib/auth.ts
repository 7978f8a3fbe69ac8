import { get, id, request } from './api';
import type { Page, Person } from './types';

/** By what a person proves at the door who they are. */
export interface Ways {
  password: boolean;
  passkey: boolean;
  oidc: { name: string } | null;
}
export type Factor = 'totp' | 'passkey' | 'recovery';

/** What follows a step at the door: the person is in, or another step. The ticket says how far they are. */
export type Step =
  | { person: Person }
  | { next: 'second-factor'; ways: Factor[]; ticket: string }
  | { next: 'new-password'; ticket: string };

export interface Factors {
  totp: boolean;
  passkeys: number;
  recovery_left: number;
}

export interface Me {
  person: Person;
  factors: Factors;
  /** The post they hold asks for a second factor and they have none yet. */
  must_add_factor: boolean;
}

export interface Passkey {
  id: string;
  name: string;
  created_at: string;
  used_at: string | null;
}

export interface SignedInDevice {
  id: string;
  /** Where the session was begun: what the browser says of itself, and from which address. */
  agent: string;
  address: string;
  created_at: string;
  seen_at: string | null;
  current: boolean;
}

export interface AccessToken {
  id: string;
  name: string;
  permissions: string[];
  created_at: string;
  expires_at: string;
  used_at: string | null;
}

/** Options of the browser's own dialogue for passkeys, and what it gave back: as JSON, bytes in base64url. */
export type Ceremony = Record<string, unknown>;

/** What proves once more who sits here. */
export type Proof = { password: string } | { totp: string } | { passkey: Ceremony };

const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>('POST', `/auth/${path}`, { body });

/** Requests about who somebody is. */
export const auth = {
  ways: () => get<Ways>('/auth/ways'),
  me: () => get<Me>('/auth/me'),
  signIn: (login: string, password: string) => post<Step>('sign-in', { login, password }),
  secondFactor: (ticket: string, proof: { totp: string } | { recovery: string } | { passkey: Ceremony }) =>
    post<Step>('second-factor', { ticket, ...proof }),
  newPassword: (ticket: string, password: string) => post<Step>('new-password', { ticket, password }),
  again: (proof: Proof) => post<unknown>('again', proof),
  signOut: () => post<void>('sign-out'),

  /** Options to prove that one holds a passkey: at the door, as a second factor (with the ticket), or once more. */
  passkeyOptions: (ticket?: string) => post<Ceremony>('passkey/options', ticket === undefined ? {} : { ticket }),
  passkeySignIn: (credential: Ceremony) => post<Step>('passkey/sign-in', { credential }),

  changePassword: (old: string, fresh: string) => post<void>('password', { old, new: fresh }),
  totpBegin: () => post<{ secret: string; uri: string }>('totp/begin'),
  totpConfirm: (code: string) => post<{ recovery_codes: string[] }>('totp/confirm', { code }),
  totpRemove: () => request<void>('DELETE', '/auth/totp'),
  recovery: () => post<{ recovery_codes: string[] }>('recovery'),

  passkeys: () => get<Page<Passkey>>('/auth/passkeys'),
  passkeyBegin: () => post<Ceremony>('passkeys/begin'),
  passkeyAdd: (name: string, credential: Ceremony) => post<Passkey>('passkeys', { name, credential }),
  passkeyRemove: (passkeyId: string) => request<void>('DELETE', `/auth/passkeys/${id(passkeyId)}`),

  sessions: () => get<Page<SignedInDevice>>('/auth/sessions'),
  endSession: (sessionId: string) => request<void>('DELETE', `/auth/sessions/${id(sessionId)}`),
  endOthers: () => post<void>('sessions/end-others'),

  tokens: () => get<Page<AccessToken>>('/auth/tokens'),
  makeToken: (name: string, permissions: string[], days: number) =>
    post<AccessToken & { token: string }>('tokens', { name, permissions, days }),
  removeToken: (tokenId: string) => request<void>('DELETE', `/auth/tokens/${id(tokenId)}`),
};

/** Where signing in at the authority's own issuer begins; it comes back to `next`. */
export const oidcStart = (next: string): string => `/auth/oidc/start?${new URLSearchParams({ next: `/#${next}` })}`;
