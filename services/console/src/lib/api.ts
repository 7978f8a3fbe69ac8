import { getLocale } from '../paraglide/runtime.js';
import { Problem, readProblem, unreachable } from './problem';
import type {
  Channel,
  Contest,
  DeliveryStatus,
  Fact,
  HistoryEntry,
  Item,
  ItemFields,
  ItemState,
  Page,
  Period,
  Person,
  Proof,
  Ranking,
  Session,
  Showing,
  TaskReport,
  TaskSummary,
  Topic,
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

type Query = Record<string, string | number | boolean | null | undefined>;

const REQUEST_MS = 20_000;
/** A megabyte over a weak 4G line. */
const FILE_MS = 180_000;
/** The person is signed in, but too long ago for what they ask: their password, and it goes on. */
export const SIGN_IN_AGAIN = 'alert.sign-in-again';

let signedOut: () => void = () => undefined;

/** Calls `listener` whenever a service says that nobody is signed in. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
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
  if (problem.status === 401 && path !== '/auth/sign-in' && problem.code !== SIGN_IN_AGAIN) signedOut();
  throw problem;
}

export const get = <T>(path: string, query: Query = {}): Promise<T> => request<T>('GET', withQuery(path, query));
/** What is asked for, or null where there is no such thing. */
const getIfThere = <T>(path: string): Promise<T | null> =>
  get<T>(path).catch((error: unknown) => {
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
  signIn: (login: string, password: string) =>
    request<{ person: Person }>('POST', '/auth/sign-in', { body: { login, password } }),
  signOut: () => request<void>('POST', '/auth/sign-out', { body: {} }),
  me: () => get<{ person: Person }>('/auth/me'),

  unit: (unitId: string) => get<Unit>(`${V1}/directory/units/${id(unitId)}`),
  units: (q: string) => get<Page<Unit>>(`${V1}/directory/units`, { q, limit: 12 }),
  /** All units of today: a province has some 125. */
  allUnits: async (): Promise<Unit[]> => {
    const found: Unit[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Unit> = await get<Page<Unit>>(`${V1}/directory/units`, { cursor, limit: 100 });
      found.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return found;
  },

  topics: () => get<Page<Topic>>(`${V1}/content/topics`),
  items: (state: ItemState | '', cursor: string | null = null) =>
    get<Page<Item>>(`${V1}/content/items`, { state, cursor, limit: 30 }),
  item: (itemId: string) => get<Item>(`${V1}/content/items/${id(itemId)}`),
  history: (itemId: string) => getIfThere<Page<HistoryEntry>>(`${V1}/content/items/${id(itemId)}/history`),
  createItem: (fields: ItemFields, key: string) =>
    request<Item>('POST', `${V1}/content/items`, { body: fields, idempotencyKey: key }),
  patchItem: (itemId: string, ver: number, fields: ItemFields) =>
    request<Item>('PATCH', `${V1}/content/items/${id(itemId)}`, { body: fields, ver }),
  submit: (item: Item) => act(item, 'submit'),
  approve: (item: Item) => act(item, 'approve', { approval_sha256: item.approval_sha256 }),
  sendBack: (item: Item, comment: string) => act(item, 'return', { comment }),
  withdraw: (item: Item) => act(item, 'withdraw'),

  sessions: (unitId: string) => get<Page<Session>>(`${V1}/broadcast/sessions`, { unit_id: unitId }),
  airings: (itemId: string) => get<Page<Showing>>(`${V1}/broadcast/airings`, { item_id: itemId, limit: 100 }),
  displays: (itemId: string) => get<Page<Showing>>(`${V1}/signboard/displays`, { item_id: itemId, limit: 100 }),
  airingStatus: (itemId: string) => getIfThere<DeliveryStatus>(`${V1}/broadcast/items/${id(itemId)}/status`),
  displayStatus: (itemId: string) => getIfThere<DeliveryStatus>(`${V1}/signboard/items/${id(itemId)}/status`),

  contests: (cursor: string | null = null) => get<Page<Contest>>(`${V1}/contest/contests`, { cursor, limit: 30 }),
  contest: (contestId: string) => get<Contest>(`${V1}/contest/contests/${id(contestId)}`),
  ranking: (contestId: string) => get<Ranking>(`${V1}/contest/contests/${id(contestId)}/ranking`, { limit: 100 }),

  periods: () => get<Page<Period>>(`${V1}/reporting/periods`),
  tasks: (period: string | null, view: View = 'then') => get<Page<TaskSummary>>(`${V1}/reporting/tasks`, { period, view }),
  task: (code: string, period: string | null, view: View) =>
    get<TaskReport>(`${V1}/reporting/tasks/${id(code)}`, { period, view }),
  proofs: (code: string, filter: ProofFilter, cursor: string | null = null) =>
    get<Page<Fact>>(`${V1}/reporting/tasks/${id(code)}/proofs`, { ...filter, cursor, limit: 50 }),
  proof: (factId: string) => get<Proof>(`${V1}/reporting/proofs/${id(factId)}`),
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
