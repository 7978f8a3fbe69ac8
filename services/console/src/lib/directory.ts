/** Requests to directory: people and their rights, units and acts, the audit. */
import { get, request, V1, withQuery, type Query } from './api';
import { call } from './client';

const D = `${V1}/directory`;
const FEW = 8;
/** A page of a list. */
const MANY = 50;
const one = (person_id: string): { path: { person_id: string } } => ({ path: { person_id } });

export interface UnitFilter {
  q: string;
  tree: Tree | '';
  at: string;
}

/** What is asked of the audit; days are calendar days in Vietnam. */
export interface AuditFilter {
  unit_id: string;
  person_id: string;
  action: string;
  since: string;
  until: string;
}

export type Tree = 'territory' | 'administration' | 'party';
type GrantWish = NonNullable<Parameters<typeof call<'post', '/api/v1/directory/people/{person_id}/grants'>>[2]>['body'];
type LoanWish = NonNullable<Parameters<typeof call<'post', '/api/v1/directory/people/{person_id}/delegations'>>[2]>['body'];
type NewPerson = NonNullable<Parameters<typeof call<'post', '/api/v1/directory/people'>>[2]>['body'];
export type ActWish = NonNullable<Parameters<typeof call<'post', '/api/v1/directory/acts'>>[2]>['body'];
type Profile = NonNullable<Parameters<typeof call<'put', '/api/v1/directory/people/{person_id}'>>[2]>['body'];

/** A day in Vietnam as the moment at which it begins; `after` days later. */
export function dayBegins(day: string, after = 0): string | null {
  const moment = new Date(`${day}T00:00:00+07:00`);
  if (day === '' || Number.isNaN(moment.getTime())) return null;
  return new Date(moment.getTime() + after * 86_400_000).toISOString();
}

/** All pages of a list, one after the other. */
async function whole<T>(page: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const got: { items: T[]; next: string | null } = await page(cursor);
    items.push(...got.items);
    cursor = got.next;
  } while (cursor !== null);
  return items;
}

export const directory = {
  people: (q: string, unitId: string, cursor: string | null = null, limit = MANY) =>
    call('get', '/api/v1/directory/people', { query: { q, unit_id: unitId, cursor, limit } }),
  person: (personId: string) => call('get', '/api/v1/directory/people/{person_id}', one(personId)),
  create: (body: NewPerson, key: string) => call('post', '/api/v1/directory/people', { body, key }),
  change: (personId: string, ver: number, body: Profile) =>
    call('put', '/api/v1/directory/people/{person_id}', { ...one(personId), ver, body }),
  grant: (personId: string, body: GrantWish) => call('post', '/api/v1/directory/people/{person_id}/grants', { ...one(personId), body }),
  endGrant: (personId: string, grantId: string) =>
    call('delete', '/api/v1/directory/people/{person_id}/grants/{grant_id}', { path: { person_id: personId, grant_id: grantId } }),
  lend: (personId: string, body: LoanWish) => call('post', '/api/v1/directory/people/{person_id}/delegations', { ...one(personId), body }),
  takeBack: (personId: string, loan: string) =>
    call('delete', '/api/v1/directory/people/{person_id}/delegations/{delegation_id}', {
      path: { person_id: personId, delegation_id: loan },
    }),
  lock: (personId: string, reason: string) => call('post', '/api/v1/directory/people/{person_id}/lock', { ...one(personId), body: { reason } }),
  unlock: (personId: string) => call('post', '/api/v1/directory/people/{person_id}/unlock', one(personId)),
  password: (personId: string) => call('post', '/api/v1/directory/people/{person_id}/password', one(personId)),
  resetFactors: (personId: string) => call('post', '/api/v1/directory/people/{person_id}/factors/reset', one(personId)),

  units: (filter: UnitFilter, limit = MANY, cursor: string | null = null) =>
    call('get', '/api/v1/directory/units', { query: { ...filter, tree: filter.tree || null, limit, cursor } }),
  /** Every unit of a tree on a day: a province has some 160 with its bodies. */
  tree: (tree: Tree | '', at: string) => whole((cursor) => directory.units({ q: '', tree, at }, 100, cursor)),
  unit: (unitId: string) => call('get', '/api/v1/directory/units/{unit_id}', { path: { unit_id: unitId } }),
  findUnits: (q: string) => directory.units({ q, tree: '', at: '' }, FEW),
  importUnits: (file: Blob, dryRun: boolean) => request<UnitImport>('POST', withQuery(`${D}/units/import`, { dry_run: dryRun }), { file }),

  acts: (cursor: string | null) => call('get', '/api/v1/directory/acts', { query: { cursor, limit: MANY } }),
  act: (actId: string) => call('get', '/api/v1/directory/acts/{act_id}', { path: { act_id: actId } }),
  order: (body: ActWish, key: string, dryRun: boolean) => call('post', '/api/v1/directory/acts', { body, key, query: { dry_run: dryRun } }),
  reverse: (actId: string, dryRun: boolean) =>
    call('post', '/api/v1/directory/acts/{act_id}/reverse', { path: { act_id: actId }, query: { dry_run: dryRun } }),

  audit: ({ since, until, ...filter }: AuditFilter, cursor: string | null) =>
    call('get', '/api/v1/directory/audit', {
      query: { ...filter, since: dayBegins(since), until: dayBegins(until, 1), cursor, limit: MANY },
    }),
  chains: () => call('get', '/api/v1/directory/audit/chains'),
};

export type Person = Awaited<ReturnType<typeof directory.person>>;
export type Right = Person['grants'][number];
export type Loan = Person['delegations'][number];
export type FoundUnit = Awaited<ReturnType<typeof directory.units>>['items'][number];
export type WholeUnit = Awaited<ReturnType<typeof directory.unit>>;
export type ActSummary = Awaited<ReturnType<typeof directory.acts>>['items'][number];
export type Act = Awaited<ReturnType<typeof directory.act>>;
export type Entry = Awaited<ReturnType<typeof directory.audit>>['items'][number];
export type Chains = Awaited<ReturnType<typeof directory.chains>>;
export interface UnitImport {
  rows: { row: number; outcome: 'created' | 'changed' | 'unchanged' | 'refused'; unit_id: string | null; name: string; detail: string }[];
}

/** Where the audit is as JSON lines: of one chain, or of all that one may read. */
export const auditFile = (chain?: string): string =>
  chain === undefined ? `${D}/audit/export` : `${D}/audit/chains/${encodeURIComponent(chain)}/export`;

/** What of other services hangs on units. */
export interface Followers {
  devices: number;
  grids: number;
  sessions: number;
  entries: number;
}

/** Counts of what would follow these units, over all services that keep something by unit. */
export async function followers(unitIds: string[]): Promise<Followers> {
  const sum: Record<string, number> = {};
  if (unitIds.length > 0) {
    const query = new URLSearchParams(unitIds.map((id) => ['unit_id', id])).toString();
    const answers = await Promise.all(
      ['fleet', 'broadcast', 'signboard'].map((service) => get<{ items: Query[] }>(`${V1}/${service}/counts?${query}`)),
    );
    for (const [name, value] of answers.flatMap(({ items }) => items.flatMap((item) => Object.entries(item)))) {
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
    }
  }
  const of = (name: string): number => sum[name] ?? 0;
  return { devices: of('radios') + of('boards') + of('both'), grids: of('grids'), sessions: of('sessions'), entries: of('entries') };
}
