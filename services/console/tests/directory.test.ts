import { afterEach, expect, test, vi } from 'vitest';
import { auditFile, dayBegins, followers, type Entry, type Right } from '../src/lib/directory';
import { actLine, entryPlace, entrySentence, inside, loanSentence, rightSentence, rightState, sealed, span } from '../src/lib/directory-words';
import { actBody, branches, complete, leaving, newTarget, size, type ActForm } from '../src/lib/unit-tree';

afterEach(() => vi.unstubAllGlobals());

const right = (change: Partial<Right> = {}): Right => ({
  id: 'g1',
  role: 'approver',
  unit_id: 'u-1',
  unit_name: 'Phường Trà Vinh',
  from: '2025-07-01',
  to: null,
  reason: 'QĐ 12/QĐ-UBND',
  by: 'p-vinh',
  in_force: true,
  lender: null,
  lender_name: '',
  delegation: null,
  ...change,
});

test('a right is a sentence: what, where, since when and why', () => {
  expect(rightSentence(right())).toBe('Duyệt tin của phường Trà Vinh, từ 01/07/2025, lý do: QĐ 12/QĐ-UBND.');
  const lent = right({ from: '2026-12-01', to: '2026-12-05', reason: '', lender: 'p-hung', lender_name: 'Trần Văn Hùng' });
  expect(rightSentence(lent)).toBe('Duyệt tin của phường Trà Vinh, từ 01/12/2026 đến hết 05/12/2026, thay cho Trần Văn Hùng.');
  expect(span(null, null)).toBe('không giới hạn ngày');
});

test('a name of a place is small inside a sentence, a name that only looks like one is not', () => {
  expect(inside('Ủy ban nhân dân xã Cầu Kè')).toBe('ủy ban nhân dân xã Cầu Kè');
  expect(inside('Thị trấn Cầu Kè')).toBe('thị trấn Cầu Kè');
  expect(inside('Xãng')).toBe('Xãng');
});

test('a right that holds, will hold, is over, or rests is told apart by the day in Vietnam', () => {
  // 17:30 in UTC is half past midnight of the next day in Vietnam.
  const now = new Date('2026-11-27T17:30:00Z');
  expect(rightState(right(), now).tone).toBe('good');
  expect(rightState(right({ in_force: false, from: '2026-11-29' }), now).tone).toBe('warn');
  expect(rightState(right({ in_force: false, to: '2026-11-27' }), now).text).toBe('Đã kết thúc');
  expect(rightState(right({ in_force: false, to: '2026-11-28' }), now).text).toBe('Không có hiệu lực');
});

test('a loan says to whom and until when', () => {
  const loan = { id: 'l', to: 'p-2', to_name: 'Lê Minh Sơn', roles: ['approver', 'author'], unit_id: 'u', unit_name: 'Xã Cầu Kè', from: '2026-12-01', to_day: '2026-12-05', reason: 'Nghỉ phép' };
  expect(loanSentence(loan)).toBe('Lê Minh Sơn làm thay: Duyệt tin, Viết tin của xã Cầu Kè, từ 01/12/2026 đến hết 05/12/2026, lý do: Nghỉ phép.');
});

test('units hang under their parents, and none is lost whose parent is not in the list', () => {
  const unit = (id: string, parent_id: string | null) => ({ id, parent_id });
  const roots = branches([unit('b', 'a'), unit('a', null), unit('c', 'b'), unit('d', 'elsewhere')]);
  expect(roots.map(({ unit: { id } }) => id)).toEqual(['a', 'd']);
  expect(roots.map(size)).toEqual([2, 0]);
});

const form = (change: Partial<ActForm>): ActForm => ({
  kind: 'merge',
  date: '2025-07-01',
  act: ' 1687/NQ-UBTVQH15 ',
  from: [
    { id: 'u-1', name: 'Phường 1' },
    { id: 'u-2', name: 'Phường 2' },
  ],
  into: [{ ...newTarget(), name: ' Phường Trà Vinh ', kind: 'ward' }, newTarget()],
  under: [],
  ...change,
});

test('an act carries what its kind needs, and nothing that was filled in for another', () => {
  const told = { date: '2025-07-01', act: '1687/NQ-UBTVQH15' };
  expect(actBody(form({}))).toEqual({ ...told, kind: 'merge', from: ['u-1', 'u-2'], into: { name: 'Phường Trà Vinh', kind: 'ward' } });
  const there = { ...newTarget(), there: true, unit: [{ id: 'u-9', name: 'Xã A' }], name: 'left over' };
  expect(actBody(form({ kind: 'split', into: [there, { ...newTarget(), name: 'Xã B', code: '29301' }] }))).toEqual({
    ...told,
    kind: 'split',
    from: ['u-1'],
    into: ['u-9', { name: 'Xã B', code: '29301' }],
  });
  expect(actBody(form({ kind: 'rename', into: [there] }))).toMatchObject({ kind: 'rename', from: ['u-1'], into: { name: 'left over' } });
  expect(actBody(form({ kind: 'move', under: [{ id: 'u-86', name: 'Tỉnh' }] }))).toMatchObject({ from: ['u-1', 'u-2'], into: 'u-86' });
});

test('an act can be looked at only when all of it is filled in', () => {
  expect(complete(form({}))).toBe(true);
  expect(complete(form({ from: [] }))).toBe(false);
  expect(complete(form({ act: '  ' }))).toBe(false);
  expect(complete(form({ into: [newTarget()] }))).toBe(false);
  // A division needs two whole units; the second stands empty.
  expect(complete(form({ kind: 'split' }))).toBe(false);
  expect(complete(form({ kind: 'move' }))).toBe(false);
});

test('what follows an act is counted over every service, and only of units that end', async () => {
  const effects = [
    { what: 'made', unit: { id: 'new' } },
    { what: 'ended', unit: { id: 'u-1' } },
    { what: 'void', unit: { id: 'u-2' } },
    { what: 'follows', unit: { id: 'b-1' } },
  ];
  expect(leaving(effects)).toEqual(['u-1', 'u-2']);
  const answers: Record<string, object[]> = {
    fleet: [{ unit_id: 'u-1', radios: 3, boards: 1, both: 2 }, { unit_id: 'u-2', radios: 4, boards: 0, both: 0 }],
    broadcast: [{ unit_id: 'u-1', grids: 1, sessions: 5 }],
    signboard: [{ unit_id: 'u-2', entries: 7 }],
  };
  const asked: string[] = [];
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return Promise.resolve(Response.json({ items: answers[path.split('/')[3] ?? ''] }));
  });
  expect(await followers(['u-1', 'u-2'])).toEqual({ devices: 10, grids: 1, sessions: 5, entries: 7 });
  expect(asked).toContain('/api/v1/fleet/counts?unit_id=u-1&unit_id=u-2');
  expect(await followers([])).toEqual({ devices: 0, grids: 0, sessions: 0, entries: 0 });
  expect(asked).toHaveLength(3);
});

const entry = (change: Partial<Entry>): Entry => ({
  chain: 'platform',
  chain_name: '',
  seq: 5,
  at: '2026-11-27T22:13:20Z',
  actor: 'p-vinh',
  actor_name: 'Đỗ Quang Vinh',
  action: 'directory.account.granted',
  object: 'p-lan',
  before: '',
  after: '',
  origin: '',
  trace_id: '',
  hash: 'aa',
  ...change,
});

test('an entry of the audit is a plain sentence, also where nobody knows the names', () => {
  expect(entrySentence(entry({}), 'Nguyễn Thị Phương Lan')).toBe('Đỗ Quang Vinh đã cấp quyền cho Nguyễn Thị Phương Lan.');
  expect(entrySentence(entry({ action: 'directory.unit.changed', actor: 'operator', actor_name: '' }))).toBe('Người vận hành hệ thống đã ghi thông tin của một đơn vị.');
  expect(entrySentence(entry({ action: 'content.item.approved' }))).toBe('Đỗ Quang Vinh đã duyệt một bản tin.');
  expect(entrySentence(entry({ action: 'later.thing.done', actor: 'p-x', actor_name: '' }))).toBe('p-x đã làm việc later.thing.done.');
});

test('an entry leads to what was acted on, where a page shows it', () => {
  expect(entryPlace(entry({}))).toBe('#/people/p-lan');
  expect(entryPlace(entry({ action: 'content.item.approved', object: 'it 1' }))).toBe('#/items/it%201');
  expect(entryPlace(entry({ action: 'directory.audit.exported', object: '*' }))).toBeNull();
});

test('an entry is sealed when its chain is sealed as far as it', () => {
  const chains = [{ chain: 'platform', sealed_seq: 5 }];
  expect(sealed(entry({}), chains)).toBe(true);
  expect(sealed(entry({ seq: 6 }), chains)).toBe(false);
  expect(sealed(entry({ chain: 'u-1' }), chains)).toBe(false);
});

test('a day asked for is a day in Vietnam; half a day typed asks for nothing', () => {
  expect(dayBegins('2026-11-28')).toBe('2026-11-27T17:00:00.000Z');
  expect(dayBegins('2026-11-28', 1)).toBe('2026-11-28T17:00:00.000Z');
  expect(dayBegins('')).toBeNull();
  expect(dayBegins('2026-1')).toBeNull();
});

test('acts and files have their lines and addresses', () => {
  const named = (name: string) => ({ id: name, code: '', name });
  expect(actLine({ from: [named('A'), named('B')], into: [named('C')] })).toBe('A, B → C');
  expect(auditFile('u-1')).toBe('/api/v1/directory/audit/chains/u-1/export');
  expect(auditFile()).toBe('/api/v1/directory/audit/export');
});
