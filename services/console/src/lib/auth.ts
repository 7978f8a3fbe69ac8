import { get, id, request } from './api';
import type { One, Told } from './client';
import type { Person } from './types';

/** By what a person proves at the door who they are. */
export type Ways = Told<'get', '/auth/ways'>;
export type Factor = 'totp' | 'passkey' | 'recovery';

export type Factors = Told<'get', '/auth/me'>['factors'];

export interface Me {
  person: Person;
  factors: Factors;
  /** The post they hold asks for a second factor and they have none yet. */
  must_add_factor: boolean;
}

/** What follows a step at the door: the person is in, or another step. The ticket says how far they are. */
export type Step = Me | { next: 'second-factor'; ways: Factor[]; ticket: string } | { next: 'new-password'; ticket: string };

/** `used_on` is the day of its last use. */
export type Passkey = One<'/auth/passkeys'>;
/** `device` is the browser as its owner would know it, `place` the network it came from, `here` the session that asks. */
export type SignedInDevice = One<'/auth/sessions'>;
export type AccessToken = One<'/auth/tokens'>;

interface List<T> {
  items: T[];
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
  again: (proof: Proof) => post<Me>('again', proof),
  signOut: () => post<void>('sign-out'),

  /** Options to prove that one holds a passkey: at the door, as a second factor (with the ticket), or once more. */
  passkeyOptions: (ticket?: string) => post<Ceremony>('passkey/options', ticket === undefined ? {} : { ticket }),
  passkeySignIn: (passkey: Ceremony) => post<Step>('passkey/sign-in', { passkey }),

  changePassword: (old: string, fresh: string) => post<Me>('password', { old, new: fresh }),
  totpBegin: () => post<{ secret: string; uri: string }>('totp/begin'),
  totpConfirm: (code: string) => post<{ recovery_codes: string[] }>('totp/confirm', { code }),
  totpRemove: () => request<void>('DELETE', '/auth/totp'),
  recovery: () => post<{ recovery_codes: string[] }>('recovery'),

  passkeys: () => get<List<Passkey>>('/auth/passkeys'),
  passkeyBegin: () => post<Ceremony>('passkeys/begin'),
  /** Recovery codes come with the first factor. */
  passkeyAdd: (name: string, credential: Ceremony) =>
    post<{ passkey: Passkey; recovery_codes: string[] }>('passkeys', { name, credential }),
  passkeyRemove: (passkeyId: string) => request<void>('DELETE', `/auth/passkeys/${id(passkeyId)}`),

  sessions: () => get<List<SignedInDevice>>('/auth/sessions'),
  endSession: (sessionId: string) => request<void>('DELETE', `/auth/sessions/${id(sessionId)}`),
  endOthers: () => post<void>('sessions/end-others'),

  /** Where to send the browser, so that the issuer may name this person from then on. */
  oidcLink: () => post<{ location: string }>('oidc/link'),

  tokens: () => get<List<AccessToken> & { grantable: string[] }>('/auth/tokens'),
  makeToken: (name: string, permissions: string[], days: number) =>
    post<{ token: string; item: AccessToken }>('tokens', { name, permissions, days }),
  removeToken: (tokenId: string) => request<void>('DELETE', `/auth/tokens/${id(tokenId)}`),
};

/** Where signing in at the authority's own issuer begins; it comes back to `next`, an address of this site. */
export const oidcStart = (next: string): string => `/auth/oidc/start?${new URLSearchParams({ next })}`;
