// The directory of memory: people and their rights, units and acts, the audit. RACE=1 lets somebody else change a person just before you do.
import { createHash } from 'node:crypto';
import { people as signedIn, units as few, unitName } from './data.mjs';
import { Refused } from './refused.mjs';

const page = (items) => ({ items, next: null });
const bare = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[đĐ]/g, 'd').toLowerCase();
export const fits = (asked, ...texts) => bare(asked ?? '').split(/\s+/).filter(Boolean).every((word) => bare(texts.join(' ')).includes(word));
const today = () => new Date().toISOString().slice(0, 10);
const find = (list, id) => list.find((one) => one.id === id) ?? Refused.missing();
const wrong = (pointer, message) => new Refused(422, 'invalid-request', 'Thông tin gửi lên chưa đúng', 'Xin xem lại các ô được chỉ ra.', [{ pointer, message }]);

const units = [
  ...few.map((unit) => ({ ...unit, parent_id: unit.path.at(-2) ?? null, valid_from: '2025-07-01' })),
  { id: 'ubnd-cau-ke', code: 'UBND', name: 'Ủy ban nhân dân xã Cầu Kè', kind: 'body', parent_id: 'xa-cau-ke', path: ['tinh', 'xa-cau-ke', 'ubnd-cau-ke'], valid_from: '2025-07-01' },
  { id: 'phuong-2', code: '29245', name: 'Phường 2', kind: 'ward', parent_id: 'tinh', path: ['tinh', 'phuong-2'], valid_from: null, valid_to: '2025-06-30', successors: [{ unit_id: 'phuong-tra-vinh', date: '2025-07-01', act: '1687/NQ-UBTVQH15' }] },
].map((unit) => ({ tree: unit.kind === 'body' ? 'administration' : 'territory', superior_id: null, valid_to: null, lat: null, lon: null, area_km2: null, successors: [], ver: 1, ...unit }));
const ref = ({ id, code, name }) => ({ id, code, name });
const lives = (unit) => unit.successors.length === 0;

let made = 0;
const right = (given) => ({ id: `g-${++made}`, unit_name: unitName(given.unit_id), from: null, to: null, reason: '', by: 'import', in_force: true, lender: null, lender_name: '', delegation: null, ...given });
const people = Object.entries(signedIn).map(([login, one]) => ({
  id: one.id, ver: 1, brief: false, name: one.name, title: one.title, body_id: 'ubnd-cau-ke', body_name: 'Ủy ban nhân dân xã Cầu Kè', login, phone: '', email: '', locked: false,
  grants: one.grants.map(({ role, unit_id }) => right({ role, unit_id, from: '2025-07-01', reason: 'QĐ 12/QĐ-UBND' })), delegations: [],
}));

const entries = [];
const chain = (id) => entries.filter((one) => one.chain === id);
const hash = (text) => createHash('sha256').update(text).digest('hex');
function note(who, action, object, unit = 'platform') {
  const seq = chain(unit).length + 1;
  entries.unshift({ chain: unit, chain_name: unit === 'platform' ? '' : unitName(unit), seq, at: new Date().toISOString(), actor: who.id, actor_name: who.name, action, object, before: hash(`b${object}${seq}`), after: hash(`a${object}${seq}`), origin: '113.161.20.7', trace_id: hash(object).slice(0, 32), hash: hash(`${unit}${seq}`) });
}
note(signedIn.duyet, 'content.item.approved', 'it-xong', 'xa-cau-ke');
note(signedIn.quantri, 'directory.account.granted', 'p-viet', 'xa-cau-ke');
note(signedIn.quantri, 'directory.account.locked', 'p-moi');

function person(method, [id, what, which], body, who, request) {
  const one = find(people, id);
  const done = (change, action) => {
    Object.assign(one, change, { ver: one.ver + 1 });
    note(who, `directory.account.${action}`, id, one.body_id ?? 'platform');
    return [200, one];
  };
  if (method === 'GET') return [200, one];
  if (method === 'PUT') {
    if (process.env.RACE) Object.assign(one, { title: 'Chức danh do người khác sửa', ver: one.ver + 1 }), delete process.env.RACE;
    if (request.headers['if-match'] !== `"${one.ver}"`) throw new Refused(412, 'stale_version', 'Đã có thay đổi', 'Người này vừa được người khác sửa.');
    if (body.phone && !/^[0-9+ ().-]*$/.test(body.phone)) throw wrong('/phone', 'Không đúng định dạng');
    return done({ ...body, body_name: body.body_id ? find(units, body.body_id).name : '' }, 'changed');
  }
  if (who.id === id && what !== 'delegations') throw new Refused(403, 'directory.not-yourself', 'Không tự đổi quyền của mình', 'Việc này do một quản trị viên khác thực hiện.');
  if (what === 'grants' && method === 'POST') {
    if (body.to && (body.to < today() || (body.from && body.to < body.from))) throw new Refused(422, 'directory.wrong-days', 'Ngày chưa đúng', 'Ngày kết thúc phải từ hôm nay trở đi và không trước ngày bắt đầu.', [{ pointer: '/to', message: 'Ngày chưa đúng' }]);
    return done({ grants: [...one.grants, right({ ...body, by: who.id, in_force: !body.from || body.from <= today() })] }, 'granted');
  }
  if (what === 'grants') return done({ grants: one.grants.filter((grant) => grant.id !== which) }, 'revoked');
  if (what === 'delegations' && method === 'POST') {
    const other = find(people, body.to);
    return done({ delegations: [...one.delegations, { ...body, id: `l-${++made}`, to_name: other.name, unit_name: unitName(body.unit_id) }] }, 'granted');
  }
  if (what === 'delegations') return done({ delegations: one.delegations.filter((loan) => loan.id !== which) }, 'revoked');
  if (what === 'lock') return done({ locked: true }, 'locked');
  if (what === 'unlock') return done({ locked: false }, 'unlocked');
  if (what === 'factors') return done({}, 'reset');
  return done({}, 'reset'), [200, { password: 'tre-vang-song-dao-4431523' }];
}

const acts = [];
function effects(body) {
  const from = body.from.map((id) => find(units, id));
  const gone = from.find((unit) => !lives(unit));
  if (gone) throw new Refused(422, 'directory.act-unit-ended', 'Đơn vị đã hết hiệu lực', `${gone.name} đã kết thúc hoặc đã có quyết định khác.`, [{ pointer: '/from', message: 'Đơn vị đã hết hiệu lực' }]);
  const into = [body.into].flat().map((target, at) => (typeof target === 'string' ? ref(find(units, target)) : { id: `moi-${acts.length}-${at}`, code: target.code ?? from[0].code, name: target.name }));
  const moves = body.kind === 'move';
  return {
    id: null, kind: body.kind, date: body.date, act: body.act, state: 'preview', from: from.map(ref), into, by_name: null, at: null, done_at: null, reversed_by_name: null, reversed_at: null,
    units: [...(moves ? [] : into.map((unit) => ({ unit, what: 'made', into: null }))), ...from.map((unit) => ({ unit: ref(unit), what: moves ? 'follows' : 'ended', into: into[0] }))],
    people: moves ? [] : people.flatMap((one) => one.grants.filter((grant) => body.from.includes(grant.unit_id)).map((grant) => ({ person_id: one.id, name: one.name, role: grant.role, unit: ref(find(units, grant.unit_id)), into: into[0] }))),
  };
}

function order(body, dry, who) {
  const told = effects(body);
  if (dry) return told;
  const waiting = body.date > today();
  const act = { ...told, id: `act-${acts.length + 1}`, state: waiting ? 'waiting' : 'done', by_name: who.name, at: new Date().toISOString(), done_at: waiting ? null : new Date().toISOString() };
  acts.unshift(act);
  for (const { unit, what } of act.units) {
    if (what === 'made' && !units.some(({ id }) => id === unit.id)) units.push({ ...find(units, body.from[0]), ...unit, path: ['tinh', unit.id], valid_from: body.date, successors: [] });
    if (what === 'ended') Object.assign(find(units, unit.id), { valid_to: body.date, successors: [{ unit_id: act.into[0].id, date: body.date, act: body.act }] });
  }
  note(who, 'directory.act.done', act.id);
  return act;
}

function reverse(act, dry, who) {
  const back = { made: 'void', ended: 'restored', follows: 'back' };
  const told = { ...act, state: 'preview', units: act.units.map((effect) => ({ ...effect, what: back[effect.what] ?? effect.what })), people: act.people.map((one) => ({ ...one, unit: one.into, into: one.unit })) };
  if (dry) return told;
  for (const { unit } of act.units.filter(({ what }) => what === 'ended')) Object.assign(find(units, unit.id), { valid_to: null, successors: [] });
  note(who, 'directory.act.reversed', act.id);
  return Object.assign(act, { state: 'reversed', reversed_by_name: who.name, reversed_at: new Date().toISOString() });
}

function unitsAnswer(query) {
  const [q, tree] = [query.get('q') ?? '', query.get('tree')];
  const now = units.filter((unit) => lives(unit) && (!tree || unit.tree === tree)).map((unit) => ({ ...unit, matched: null }));
  if (!q) return page(now);
  const old = units.filter((unit) => !lives(unit) && fits(q, unit.name, unit.code)).map((unit) => ({ ...find(units, unit.successors[0].unit_id), matched: unit.name }));
  return page([...now.filter((unit) => fits(q, unit.name, unit.code)), ...old]);
}

function importUnits(text, dry) {
  const rows = text.trim().split(/\r?\n/).slice(1).map((line, at) => {
    const [code, name, kind] = line.split(/[;,]/);
    const known = units.find((unit) => unit.code === code);
    if (!kind) return { row: at + 2, outcome: 'refused', unit_id: null, name: name ?? '', detail: 'Ô bắt buộc bị trống. Cột Loại phải có giá trị.', code: 'directory.row-empty' };
    return { row: at + 2, outcome: known ? (known.name === name ? 'unchanged' : 'changed') : 'created', unit_id: known?.id ?? `u-${code}`, name, detail: '', code: null };
  });
  return { dry_run: dry, rows, counts: {} };
}

function audit([what, name], query) {
  if (what === 'export' || name) return ['application/jsonl', entries.map((one) => JSON.stringify(one)).join('\n')];
  if (what === 'chains') {
    const chains = [...new Set(entries.map((one) => one.chain))].map((id) => ({ chain: id, name: id === 'platform' ? '' : unitName(id), seq: chain(id).length, hash: chain(id)[0].hash, sealed_seq: 1 }));
    return { items: chains, sealed_at: new Date(Date.now() - 1_500_000).toISOString() };
  }
  const asked = (key, of) => !query.get(key) || of === query.get(key);
  const action = query.get('action') ?? '';
  return page(entries.filter((one) => asked('unit_id', one.chain) && asked('person_id', one.actor) && (action.endsWith('.') || action === '' ? one.action.startsWith(action) : one.action === action) && one.at >= (query.get('since') ?? '') && one.at < (query.get('until') ?? '9')));
}

/** What directory answers to `/api/v1/directory/<kind>/<path>`. */
export function answer(kind, path, request, query, body, who) {
  const { method } = request;
  const dry = query.get('dry_run') === 'true';
  if (kind === 'people' && path[0]) return person(method, path, body, who, request);
  if (kind === 'people' && method === 'POST') {
    if (people.some((one) => one.login === body.login)) throw new Refused(409, 'directory.login-taken', 'Tên đăng nhập đã có người dùng', 'Xin chọn tên đăng nhập khác.');
    if (!body.body_id) throw new Refused(403, 'forbidden', 'Không có quyền', 'Tài khoản của ông/bà không có quyền làm việc này tại đơn vị này.');
    people.push({ id: `p-${body.login}`, ver: 1, brief: false, ...body, body_name: find(units, body.body_id).name, locked: false, grants: [], delegations: [] });
    note(who, 'directory.account.created', `p-${body.login}`);
    return [201, people.at(-1)];
  }
  if (kind === 'people') return [200, page(people.filter((one) => fits(query.get('q'), one.name, one.title, one.login)))];
  if (kind === 'acts' && path[1]) return [200, reverse(find(acts, path[0]), dry, who)];
  if (kind === 'acts') return [200, path[0] ? find(acts, path[0]) : method === 'POST' ? order(body, dry, who) : page(acts)];
  if (kind === 'audit') return [200, audit(path, query)];
  if (path[0] === 'import') return [200, importUnits(String(body), dry)];
  if (!path[0]) return [200, unitsAnswer(query)];
  const former = units.filter((unit) => unit.successors.some(({ unit_id }) => unit_id === path[0]));
  return [200, { ...find(units, path[0]), former: former.map(({ id, code, name, valid_to, successors }) => ({ unit_id: id, code, name, valid_to, successors })) }];
}

/** What hangs on units, as each service counts it. */
export const counts = (service, unitIds) => ({
  items: unitIds.map((unit_id) => ({ unit_id, ...{ fleet: { radios: 3, boards: 1, both: 0 }, broadcast: { grids: 1, sessions: 4 }, signboard: { entries: 6 } }[service] })),
});
