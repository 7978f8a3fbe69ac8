/** Passkeys: the browser's own dialogue, with options and answers as the JSON of WebAuthn level 3 (bytes in base64url). */
import type { Ceremony } from './auth';
import { CLOSED, KNOWN, Problem } from './problem';

/** Whether this browser knows passkeys at all. */
export const knowsPasskeys = (): boolean => typeof PublicKeyCredential === 'function';

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

export function toText(bytes: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(plain).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

interface Named {
  id: string;
}
const named = (list: unknown): (PublicKeyCredentialDescriptor & { id: BufferSource })[] =>
  ((list as (Named & PublicKeyCredentialDescriptor)[] | undefined) ?? []).map((one) => ({ ...one, id: toBytes(one.id as unknown as string) }));

async function ask(dialogue: Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await dialogue;
    if (credential) return credential as PublicKeyCredential;
  } catch (error) {
    const known = error instanceof DOMException && error.name === 'InvalidStateError';
    throw new Problem(-1, { code: known ? KNOWN : CLOSED });
  }
  throw new Problem(-1, { code: CLOSED });
}

const sent = (credential: PublicKeyCredential, response: Ceremony): Ceremony => ({
  id: credential.id,
  rawId: toText(credential.rawId),
  type: credential.type,
  authenticatorAttachment: credential.authenticatorAttachment,
  clientExtensionResults: credential.getClientExtensionResults(),
  response,
});

/** Makes a passkey on this device. Throws `Problem` with `CLOSED` or `KNOWN`. */
export async function makePasskey(options: Ceremony): Promise<Ceremony> {
  const given = (options.publicKey ?? options) as Ceremony;
  const user = given.user as Ceremony;
  const publicKey = {
    ...given,
    challenge: toBytes(given.challenge as string),
    user: { ...user, id: toBytes(user.id as string) },
    excludeCredentials: named(given.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
  const credential = await ask(navigator.credentials.create({ publicKey }));
  const response = credential.response as AuthenticatorAttestationResponse;
  return sent(credential, {
    clientDataJSON: toText(response.clientDataJSON),
    attestationObject: toText(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
}

/** Proves that this device holds a passkey. Throws `Problem` with `CLOSED`. */
export async function showPasskey(options: Ceremony): Promise<Ceremony> {
  const given = (options.publicKey ?? options) as Ceremony;
  const publicKey = {
    ...given,
    challenge: toBytes(given.challenge as string),
    allowCredentials: named(given.allowCredentials),
  } as unknown as PublicKeyCredentialRequestOptions;
  const credential = await ask(navigator.credentials.get({ publicKey }));
  const response = credential.response as AuthenticatorAssertionResponse;
  return sent(credential, {
    clientDataJSON: toText(response.clientDataJSON),
    authenticatorData: toText(response.authenticatorData),
    signature: toText(response.signature),
    userHandle: response.userHandle ? toText(response.userHandle) : null,
  });
}
