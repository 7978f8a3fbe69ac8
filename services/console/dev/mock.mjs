// A stand-in for the gateway: serves dist/ under the policy of production and answers the console's requests from memory.
// Sign in as viet (author), duyet (approver), quantri (administrator), kythuat (technician) or moi (new): see auth.mjs.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as alert from './alert.mjs';
import { door, inside, signedInAt } from './auth.mjs';
import * as data from './data.mjs';
import * as directory from './directory.mjs';
import * as fleet from './fleet.mjs';
import { Refused } from './refused.mjs';

const DIST = process.env.DIST ?? fileURLToPath(new URL('../dist', import.meta.url));
const RENDER_MS = 2_500;
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2', '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json' };
const PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const RENDITION_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

const seen = new Map();
/** Pictures by hash, and the revisions that were submitted by item. */
const pictures = new Map();
const revisions = new Map();
const page = (list) => ({ items: list, next: null });

const find = (list, key, id) => list.find((one) => one[key] === id) ?? missing();
const missing = Refused.missing;

function allowed(item, who) {
  const is = (role) => who.grants.some((grant) => grant.role === role);
  const own = item.author.id === who.id;
  const can = [];
  if (own && item.state !== 'submitted') can.push('edit');
  if (own && ['draft', 'returned', 'render_failed'].includes(item.state)) can.push('submit');
  if (is('approver') && !own && item.state === 'in_review') can.push('approve', 'return');
  if (is('approver') && item.state === 'approved') can.push('withdraw');
  return can;
}
/** What would be heard: content derives it, here a line for each element is enough. */
const plain = (html) => html.replace(/<(h2|h3)>/g, '# ').replace(/<li>/g, '- ').replace(/<\/(p|h2|h3|li)>\n?/g, '\n\n').replace(/<[^>]+>/g, '').replace(/&quot;/g, '"').replace(/&#x27;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&').trim();
const written = (body) => ({ ...body, body_html: body.body_html ?? null, body: body.body_html ? plain(body.body_html) : body.body });
const shownIn = (item) => [...(item.body_html ?? '').matchAll(/pictures\/([0-9a-f]{64})/g)].map(([, sha256]) => ({ sha256, width: 640, height: 480, bytes: pictures.get(sha256)?.[1].length ?? 0 }));
const seenBy = (item, who) => ({ body_html: null, air_from: null, air_until: null, ...item, pictures: shownIn(item), unit_name: data.unitName(item.unit_id), allowed: allowed(item, who) });

function change(item, request, fields) {
  const match = request.headers['if-match'];
  if (match === undefined) throw new Refused(428, 'if_match_missing', 'Thiếu phiên bản', 'Yêu cầu thiếu If-Match.');
  if (match !== `"${item.ver}"`) throw new Refused(412, 'stale_version', 'Đã có thay đổi', 'Bản tin vừa được người khác sửa.');
  return Object.assign(item, fields, { ver: item.ver + 1, updated_at: new Date().toISOString() });
}

function create(request, body, who) {
  const key = request.headers['idempotency-key'];
  if (!key) throw new Refused(400, 'idempotency_key_missing', 'Thiếu khóa', 'Yêu cầu thiếu Idempotency-Key.');
  if (!seen.has(key)) {
    const now = new Date().toISOString();
    const item = { ...written(body), id: `it-${data.items.length + 1}`, ver: 1, revision: 1, state: 'draft', author: { id: who.id, name: who.name }, approver: null, approved_at: null, comment: null, created_at: now, updated_at: now, approval_sha256: null, renditions: [], failure: null };
    data.items.unshift(item);
    seen.set(key, item);
  }
  return seen.get(key);
}

function act(item, verb, request, body, who) {
  if (verb === 'submit') {
    revisions.set(`${item.id}.${item.revision}`, { revision: item.revision, at: item.updated_at, title: item.title, body: item.body, body_html: item.body_html ?? null, air_from: item.air_from ?? null, air_until: item.air_until ?? null });
    setTimeout(() => {
      if (item.state !== 'submitted') return;
      data.render(item);
      tell('content.item.rendered', item.id);
    }, RENDER_MS);
    return change(item, request, { state: 'submitted', comment: null, failure: null });
  }
  if (verb === 'approve') {
    if (body.approval_sha256 !== item.approval_sha256) throw new Refused(409, 'approval_mismatch', 'Không duyệt được', 'Bản bạn xem không phải bản mới nhất.');
    return change(item, request, { state: 'approved', approver: { id: who.id, name: who.name }, approved_at: new Date().toISOString() });
  }
  if (verb === 'return') return change(item, request, { state: 'returned', comment: body.comment, renditions: [], approval_sha256: null });
  return verb === 'withdraw' ? change(item, request, { state: 'withdrawn' }) : missing();
}

function rendition(item, kind) {
  if (kind === 'board') {
    return ['text/html; charset=utf-8', `<!doctype html><meta charset="utf-8"><style>body{margin:0;width:1920px;height:1080px;display:grid;place-content:center;background:#7a1010;color:#fff;font:700 110px 'Noto Sans',sans-serif;text-align:center}</style><p>${item.title}</p>`];
  }
  if (kind === 'web') {
    return ['text/html; charset=utf-8', `<!doctype html><html lang="vi"><meta charset="utf-8"><title>t</title><style>body{margin:1rem;font:18px/1.6 'Noto Sans',sans-serif}</style><h1>${item.title}</h1>${item.body_html?.replace(/src="pictures\/([0-9a-f]{64})"/g, (_, sha256) => `style="max-width:100%" src="data:${pictures.get(sha256)?.[0]};base64,${pictures.get(sha256)?.[1].toString('base64')}"`) ?? item.body.split('\n\n').map((text) => `<p>${text}</p>`).join('')}`];
  }
  const rate = 8000;
  const wav = Buffer.alloc(44 + rate * 6 * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  [1, 1].forEach((value, index) => wav.writeUInt16LE(value, 20 + index * 2));
  [rate, rate * 2].forEach((value, index) => wav.writeUInt32LE(value, 24 + index * 4));
  [2, 16].forEach((value, index) => wav.writeUInt16LE(value, 32 + index * 2));
  wav.write('data', 36);
  wav.writeUInt32LE(wav.length - 44, 40);
  for (let at = 0; at < rate * 6; at++) wav.writeInt16LE(Math.sin((at / rate) * 440 * 2 * Math.PI) * 6000, 44 + at * 2);
  return ['audio/wav', wav];
}

function content(path, method, query, request, body, who) {
  const [id, verb, kind] = path;
  if (id === undefined) {
    if (method === 'POST') return [201, seenBy(create(request, body, who), who)];
    const state = query.get('state');
    const found = data.items.filter((item) => (!state || item.state === state) && directory.fits(query.get('q'), item.title));
    return [200, page(found.slice(0, Number(query.get('limit') ?? 30)).map((item) => seenBy(item, who)))];
  }
  const item = find(data.items, 'id', id);
  if (verb === 'renditions') return [200, rendition(item, kind)];
  if (verb === 'history') return [200, page(data.history)];
  if (verb === 'revisions') return [200, revisions.get(`${id}.${kind}`) ?? { revision: Number(kind), at: item.updated_at, title: item.title, body: item.body.replace('sáng', 'chiều'), body_html: null, air_from: null, air_until: null }];
  if (verb === 'pictures' && method === 'GET') return [200, pictures.get(kind) ?? missing()];
  if (verb === 'pictures') {
    const sha256 = data.hash(body.toString('base64'));
    pictures.set(sha256, [request.headers['content-type'], body]);
    return [201, { sha256, width: 640, height: 480, bytes: body.length }];
  }
  if (method === 'PATCH') {
    if (body.title.length > 120) throw new Refused(422, 'invalid', 'Chưa lưu được', 'Xem lại các ô được ghi dưới đây.', [{ pointer: '/title', message: 'Tiêu đề dài quá 120 ký tự.' }]);
    change(item, request, { ...written(body), state: 'draft', revision: item.state === 'draft' ? item.revision : item.revision + 1, renditions: [], approval_sha256: null, approver: null, approved_at: null });
  } else if (method === 'POST') {
    act(item, verb, request, body, who);
    tell(`content.item.${verb}`, item.id);
  }
  return [200, seenBy(item, who)];
}

function reporting(path, query) {
  if (path[0] === 'periods') return page(data.periods);
  if (path[0] === 'proofs') return data.proof(path[1]);
  if (path[1] === undefined) return page(data.tasks);
  if (path[2] === 'proofs') return page(data.facts(query.get('channel')));
  const task = find(data.tasks, 'code', path[1]);
  const empty = task.totals.airings === 0;
  const totals = { airings: 12, airing_minutes: 21.5, displays: 6, posts: 1, attempts: 40 };
  return {
    ...task,
    period: data.periods.find((period) => period.key === query.get('period')) ?? data.periods[1],
    by_unit: empty ? [] : data.units.slice(1).map((unit) => ({ unit_id: unit.id, unit_name: unit.name, former: unit.id === 'xa-tap-ngai', ...totals })),
    by_day: empty ? [] : ['2026-11-21', '2026-11-22', '2026-11-23'].map((day) => ({ day, ...totals })),
  };
}

function answer(request, url, body) {
  const login = /__Host-sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const who = data.people[login];
  const atDoor = url.pathname.startsWith('/auth/') ? url.pathname.slice('/auth/'.length) : '';
  const outside = atDoor && door(atDoor, body);
  if (outside) return outside;
  if (!who) throw new Refused(401, 'sign-in-required', 'Chưa đăng nhập', 'Xin đăng nhập lại.');
  if (atDoor === 'sign-out') return [204, undefined, { 'Set-Cookie': '__Host-sid=; Path=/; Secure; HttpOnly; Max-Age=0' }];
  if (atDoor) return inside(atDoor, request.method, body, login);
  const [, , , service, kind, ...path] = url.pathname.split('/').map(decodeURIComponent);
  const query = url.searchParams;
  if (kind === 'counts') return [200, directory.counts(service, query.getAll('unit_id'))];
  if (service === 'content' && kind === 'topics') return [200, page(data.topics)];
  if (service === 'content') return content(path, request.method, query, request, body, who);
  if (service === 'fleet') return fleet.answer([kind, ...path], request.method, query, body);
  if (service === 'alert' && kind === 'cap') return alert.sources();
  if (service === 'alert' && kind === 'notices') return alert.answer(path, request.method, body, who, signedInAt(login));
  if (service === 'reporting') return [200, reporting([kind, ...path], query)];
  if (service === 'directory') return directory.answer(kind, path, request, query, body, who);
  if (service === 'contest') return [200, path[1] ? data.ranking : path[0] ? find(data.contests, 'id', path[0]) : page(data.contests)];
  if (kind === 'items') return [200, service === 'broadcast' ? { planned: 14, confirmed: 12, missed: 1, waiting: 1, unplaced: null } : { planned: 2, confirmed: 2, missed: 0, waiting: 0 }];
  if (kind === 'sessions') return [200, page([{ id: 's1', unit_id: 'xa-cau-ke', starts_at: new Date(Date.now() + 9 * 3600_000).toISOString(), entries: [{ entry_id: 'e1', item_id: 'it-xong', title: 't', seconds: 64.6 }] }])];
  if (kind === 'airings') return [200, page(query.get('item_id') === 'it-xong' ? data.showings('radio') : [])];
  if (kind === 'displays') return [200, page(query.get('item_id') === 'it-xong' ? data.showings('board') : [])];
  return missing();
}

const listening = new Set();
/** Hints as the gateway gives them: something changed, never what. LIVE=0 leaves the console to its clock. */
function hints(request, response) {
  if (process.env.LIVE === '0') return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': here\n\n');
  listening.add(response);
  request.on('close', () => listening.delete(response));
}
let told = 0;
const tell = (type, id) => {
  const data = JSON.stringify({ type, id, unit_id: 'xa-cau-ke', at: new Date().toISOString() });
  for (const response of listening) response.write(`id: ${++told}\nevent: ${type}\ndata: ${data}\n\n`);
};
setInterval(() => { for (const response of listening) response.write(': still here\n\n'); }, 15_000).unref();

function file(url, response) {
  const wanted = join(DIST, normalize(url.pathname));
  const path = wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, 'index.html');
  response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': PAGE_POLICY, 'X-Content-Type-Options': 'nosniff' });
  createReadStream(path).pipe(response);
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  if (!/^\/(api|auth)\//.test(url.pathname)) return file(url, response);
  if (url.pathname === '/api/v1/live') return hints(request, response);
  try {
    const parts = [];
    for await (const part of request) parts.push(part);
    const sent = Buffer.concat(parts);
    const kind = request.headers['content-type'] ?? '';
    const [status, given, headers = {}] = answer(request, url, /json/.test(kind) ? JSON.parse(sent) : /^image/.test(kind) ? sent : sent.toString());
    if (Array.isArray(given)) {
      response.writeHead(status, { 'Content-Type': given[0], 'Content-Security-Policy': RENDITION_POLICY });
      return response.end(given[1]);
    }
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(given === undefined ? undefined : JSON.stringify(given));
  } catch (error) {
    const refused = error instanceof Refused ? error : new Refused(500, 'internal', 'Lỗi hệ thống', String(error));
    response.writeHead(refused.status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify(refused.body));
  }
});
server.listen(Number(process.env.PORT ?? 8700), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
