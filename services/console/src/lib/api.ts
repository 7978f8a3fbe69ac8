import { getLocale } from '../paraglide/runtime.js';
import { call } from './client';
import { Problem, readProblem, unreachable } from './problem';
import type {
  Channel,
  HistoryEntry,
  Item,
  ItemFields,
  ItemState,
  Page,
  Proof,
  Showing,
  Unit,
  View,
} from './types';

interface Options {
  body?: unknown;
  /** A file, sent as it is. */
  file?: Blob;
  ver?: number;
  idempotencyKey?: string;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

const REQUEST_MS = 20_000;
/** A megabyte over a weak 4G line. */
const FILE_MS = 180_000;
/** Where 401 says that what was shown is wrong, not that nobody is signed in. */
const DOORS = /^\/auth\/(sign-in|second-factor|new-password|again|passkey\/sign-in)$/;
const NOBODY = 'sign-in-required';
/** The person is signed in, but too long ago for what they ask: they show once more who they are, and it goes on. */
const AGAIN = /(^|\.)sign-in-again$/;

let signedOut: () => void = () => undefined;
let signInAgain: () => Promise<boolean> = () => Promise.resolve(false);

/** Calls `listener` whenever a service says that nobody is signed in. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

/** Calls `ask` when a service wants to know who sits here; where it gives true the request is sent once more. */
export function onSignInAgain(ask: () => Promise<boolean>): void {
  signInAgain = ask;
}

/** `path` with the parameters that have a value. */
export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/** Sends one request and gives its JSON. Throws `Problem` for anything but success. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  try {
    return await send<T>(method, path, options);
  } catch (error) {
    if (!(error instanceof Problem) || !AGAIN.test(error.code) || !(await signInAgain())) throw error;
    return send<T>(method, path, options);
  }
}

async function send<T>(method: string, path: string, options: Options): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': getLocale() };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.file !== undefined) headers['Content-Type'] = options.file.type || 'application/octet-stream';
  if (options.ver !== undefined) headers['If-Match'] = `"${options.ver}"`;
  if (options.idempotencyKey !== undefined) headers['Idempotency-Key'] = options.idempotencyKey;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(options.file ? FILE_MS : REQUEST_MS),
      body: options.file ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
    });
  } catch {
    throw unreachable();
  }
  if (answer.ok) {
    const text = await answer.text().catch(() => {
      throw unreachable();
    });
    return (text ? JSON.parse(text) : undefined) as T;
  }
  const problem = await readProblem(answer);
  if (problem.status === 401 && !AGAIN.test(problem.code) && (!DOORS.test(path) || problem.code === NOBODY)) signedOut();
  throw problem;
}

export const get = <T>(path: string, query: Query = {}): Promise<T> => request<T>('GET', withQuery(path, query));
/** What is asked for, or null where there is no such thing. */
const ifThere = <T>(answer: Promise<T>): Promise<T | null> =>
  answer.catch((error: unknown) => {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  });
export const V1 = '/api/v1';
export const id = encodeURIComponent;
const act = (item: Item, verb: string, body: unknown = {}): Promise<Item> =>
  request<Item>('POST', `${V1}/content/items/${id(item.id)}/${verb}`, {
    body,
    ver: item.ver,
    idempotencyKey: crypto.randomUUID(),
  });

export const api = {
  unit: (unitId: string) => call('get', '/api/v1/directory/units/{unit_id}', { path: { unit_id: unitId } }),
  units: (q: string) => call('get', '/api/v1/directory/units', { query: { q, limit: 12 } }),
  /** All units of today: a province has some 125. */
  allUnits: async (): Promise<Unit[]> => {
    const found: Unit[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Unit> = await call('get', '/api/v1/directory/units', { query: { cursor, limit: 100 } });
      found.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return found;
  },

  topics: () => call('get', '/api/v1/content/topics'),
  /** What many titles have is looked for step by step, and a step may find nothing: then the next, while it is wanted. */
  items: async (state: ItemState | '', cursor: string | null = null, q = '', limit = 30, wanted = () => true) => {
    const step = (from: string | null) => get<Page<Item>>(`${V1}/content/items`, { state, q, cursor: from, limit });
    let page = await step(cursor);
    while (page.items.length === 0 && page.next !== null && wanted()) page = await step(page.next);
    return page;
  },
  item: (itemId: string) => get<Item>(`${V1}/content/items/${id(itemId)}`),
  history: (itemId: string) => ifThere(get<Page<HistoryEntry>>(`${V1}/content/items/${id(itemId)}/history`)),
  createItem: (fields: ItemFields, key: string) =>
    request<Item>('POST', `${V1}/content/items`, { body: fields, idempotencyKey: key }),
  patchItem: (itemId: string, ver: number, fields: ItemFields) =>
    request<Item>('PATCH', `${V1}/content/items/${id(itemId)}`, { body: fields, ver }),
  submit: (item: Item) => act(item, 'submit'),
  approve: (item: Item) => act(item, 'approve', { approval_sha256: item.approval_sha256 }),
  sendBack: (item: Item, comment: string) => act(item, 'return', { comment }),
  withdraw: (item: Item) => act(item, 'withdraw'),

  sessions: (unitId: string) => call('get', '/api/v1/broadcast/sessions', { query: { unit_id: unitId } }),
  airings: (itemId: string): Promise<Page<Showing>> =>
    call('get', '/api/v1/broadcast/airings', { query: { item_id: itemId, limit: 100 } }),
  displays: (itemId: string): Promise<Page<Showing>> =>
    call('get', '/api/v1/signboard/displays', { query: { item_id: itemId, limit: 100 } }),
  airingStatus: (itemId: string) => ifThere(call('get', '/api/v1/broadcast/items/{item_id}/status', { path: { item_id: itemId } })),
  displayStatus: (itemId: string) => ifThere(call('get', '/api/v1/signboard/items/{item_id}/status', { path: { item_id: itemId } })),

  contests: (cursor: string | null = null) => call('get', '/api/v1/contest/contests', { query: { cursor, limit: 30 } }),
  contest: (contestId: string) => call('get', '/api/v1/contest/contests/{contest_id}', { path: { contest_id: contestId } }),
  ranking: (contestId: string) =>
    call('get', '/api/v1/contest/contests/{contest_id}/ranking', { path: { contest_id: contestId }, query: { limit: 100 } }),

  periods: () => call('get', '/api/v1/reporting/periods'),
  tasks: (period: string | null, view: View = 'then') => call('get', '/api/v1/reporting/tasks', { query: { period, view } }),
  task: (code: string, period: string | null, view: View) =>
    call('get', '/api/v1/reporting/tasks/{code}', { path: { code }, query: { period, view } }),
  proofs: (code: string, filter: ProofFilter, cursor: string | null = null) =>
    call('get', '/api/v1/reporting/tasks/{code}/proofs', { path: { code }, query: { ...filter, cursor, limit: 50 } }),
  proof: (factId: string) =>
    call('get', '/api/v1/reporting/proofs/{fact_id}', { path: { fact_id: factId } }) as Promise<Proof>,
};

export interface ProofFilter extends Query {
  period: string | null;
  unit_id: string | null;
  day: string | null;
  channel: Channel | null;
  view: View;
}

/** Where the papers of a period are: the yearly report for signature, the evidence behind it. */
export const documents = {
  yearly: (period: string) => withQuery(`${V1}/reporting/documents/yearly.docx`, { period }),
  evidence: (period: string, task?: string) => withQuery(`${V1}/reporting/documents/evidence.xlsx`, { period, task }),
};

/** Any thrown thing as a `Problem`. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(-1, { code: 'client', detail: String(error) });
