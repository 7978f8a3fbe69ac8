/** Requests typed by what the services say of themselves: `platform.d.ts` is made of docs/api/platform.json (`npm run client`). */
import { request, withQuery, type Query } from './api';
import type { paths } from './platform';

type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation = { parameters: { path?: unknown; query?: unknown }; responses: object };

/** Addresses that answer to `V`. */
export type Path<V extends Verb> = { [P in keyof paths]: paths[P] extends { [verb in V]: Operation } ? P : never }[keyof paths];
type Of<V extends Verb, P extends Path<V>> = paths[P] extends { [verb in V]: infer O extends Operation } ? O : never;

/** Of a page the way on is always said, if only that there is none. */
type Paged<B> = B extends { items: infer L } ? ('next' extends keyof B ? { items: L; next: string | null } : B) : B;
type Json<R> = R extends { content: { 'application/json': infer B } } ? Paged<B> : undefined;
type Good = 200 | 201 | 202 | 204;
/** What an operation answers when it succeeds. */
export type Answer<O extends Operation> = Json<O['responses'][keyof O['responses'] & Good]>;

type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { body: B }
  : O extends { requestBody?: { content: { 'application/json': infer B } } }
    ? { body?: B }
    : object;
type Params<O extends Operation> = (O['parameters'] extends { path: infer P } ? { path: P } : object) &
  (O['parameters'] extends { query?: infer Q } ? { query?: { [N in keyof Q]?: Q[N] | '' | null } } : object);
/** What `verb` at `path` answers; one entry of the list at `path`; what is sent there. The names of schemas may change, addresses do not. */
export type Told<V extends Verb, P extends Path<V>> = Answer<Of<V, P>>;
export type One<P extends Path<'get'>> = Told<'get', P> extends { items: (infer I)[] } ? I : never;
export type Sent<V extends Verb, P extends Path<V>> = Of<V, P> extends { requestBody: { content: { 'application/json': infer B } } } ? B : never;

/** What a request carries; the version becomes If-Match, the key Idempotency-Key. */
export type Given<O extends Operation> = Params<O> & Body<O> & { ver?: number; key?: string };
type Rest<G> = object extends G ? [given?: G] : [given: G];

/** Sends `verb` to `path` and gives what it answers. Throws `Problem` for anything but success. */
export function call<V extends Verb, P extends Path<V>>(verb: V, path: P, ...rest: Rest<Given<Of<V, P>>>): Promise<Answer<Of<V, P>>> {
  const given = (rest[0] ?? {}) as { path?: Record<string, string>; query?: Query; body?: unknown; ver?: number; key?: string };
  const filled = (path as string).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given.path?.[name] ?? ''));
  return request(verb.toUpperCase(), withQuery(filled, given.query ?? {}), {
    body: given.body,
    ver: given.ver,
    idempotencyKey: given.key,
  });
}
