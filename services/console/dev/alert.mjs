// Alerts of memory: the two-person rule, a sign-in that grows old, devices that answer one after the other.
import { people, unitName } from './data.mjs';
import { communes } from './fleet.mjs';
import { Refused } from './refused.mjs';

const RECENT_MS = Number(process.env.RECENT_MS ?? 300_000);
const now = (seconds = 0) => new Date(Date.now() - seconds * 1000).toISOString();
const act = (who, at = now()) => ({ by: who.id, name: who.name, at });
const page = (items) => ({ items, next: null });
const scopes = (ids) => ids.map((id) => ({ scope: /^(all|grp\.)/.test(id) ? id : `unit.${id}`, name: unitName(id) }));
const wording = (ver, body, requested) => ({
  ...body, ver, scopes: scopes(body.scopes), sound: null, sound_state: body.speak ? 'making' : 'none', requested, waits_until: now(-1800),
  confirmed: null, refused: null, reason: '', expires_at: null,
});

const old = wording(1, {
  status: 'exercise', severity: 'severe', headline: 'Diễn tập: xả lũ thượng nguồn', speak: true, minutes: 30, repeat: 3, gap_s: 10, scopes: ['xa-cau-ke', 'xa-tap-ngai'],
  texts: { vi: 'Đây là diễn tập. Nước sông dâng nhanh trong hai giờ tới. Bà con ven sông đưa người già và trẻ em lên nhà văn hóa xã.', km: 'នេះជាការហាត់សម។ ទឹកទន្លេកំពុងឡើងលឿន។' },
}, act(people.viet, now(90_300)));
const notices = [
  { id: 'ntc-cu', rev: 2, source: 'console', state: 'expired', created_at: now(90_300), cancelled: null, waiting: null, current: { ...old, sound_state: 'none', confirmed: act(people.duyet, now(90_000)), expires_at: now(88_200) } },
];

function reach(notice, ver = notice.current.ver) {
  const issued_at = notice.current.confirmed?.at ?? Refused.missing();
  const passed = (Date.now() - new Date(issued_at).getTime()) / 1000;
  const units = communes.slice(0, 12).map(({ id, name }, at) => {
    const devices = 12 + (at % 5);
    const reached = Math.min(devices - (at === 3 ? 2 : 0), Math.floor(passed * 8));
    const playing = notice.current.status === 'actual' ? Math.max(0, reached - 1) : 0;
    return { unit_id: id, unit_name: name, devices, reached, verified: reached, playing, finished: Math.floor(playing / 2), failed: 0 };
  });
  const sum = (of) => units.reduce((all, unit) => all + unit[of], 0);
  const totals = Object.fromEntries(['devices', 'reached', 'verified', 'playing', 'finished', 'failed'].map((of) => [of, sum(of)]));
  const times = { first: 0.04, p50: 0.21, p99: 0.88, last: 1.73 };
  return { notice_id: notice.id, ver, state: notice.state, issued_at, units, totals, verified_s: totals.verified ? times : null, played_s: totals.playing ? times : null };
}

function recent(signedInAt) {
  if (Date.now() - signedInAt > RECENT_MS) throw new Refused(403, 'alert.sign-in-again', 'Hãy đăng nhập lại', 'Lần đăng nhập trước đã quá 5 phút.');
}

/** What alert answers to `path` (behind `/api/v1/alert/notices`). */
export function answer(path, method, body, who, signedInAt) {
  const [id, verb] = path;
  if (id === undefined && method === 'POST') {
    recent(signedInAt);
    const asked = wording(1, body, act(who));
    const notice = { id: `ntc-${notices.length}`, rev: 1, source: 'console', state: 'requested', created_at: now(), cancelled: null, waiting: asked, current: asked };
    notices.unshift(notice);
    return [201, notice];
  }
  if (id === undefined) return [200, page(notices)];
  const notice = notices.find((one) => one.id === id) ?? Refused.missing();
  if (verb === undefined) return [200, notice];
  if (verb === 'reach') return [200, reach(notice)];
  if (verb === 'silent') return [200, page([{ device_id: 'd-loa-2', name: 'Cụm loa ấp Ô Tưng', unit_id: 'xa-tap-ngai', unit_name: 'Xã Tập Ngãi' }])];
  if (verb === 'report') {
    const one = reach(notice);
    return [200, { notice, versions: [{ ...one, ended_at: notice.current.expires_at, message: notice.current, silent: [{ device_id: 'd-loa-2', name: 'Cụm loa ấp Ô Tưng', unit_id: 'xa-tap-ngai', unit_name: 'Xã Tập Ngãi' }], silent_count: one.totals.devices - one.totals.reached }] }];
  }
  recent(signedInAt);
  if (verb === 'sound') {
    notice.waiting.sound = { sha256: 'a'.repeat(64), bytes: body.length, seconds: 4, spoken: false };
    return [200, notice];
  }
  if (verb === 'confirm') {
    if (notice.waiting?.requested.by === who.id) throw new Refused(403, 'alert.own-request', 'Cần người thứ hai', 'Người soạn không tự xác nhận được.');
    const current = { ...notice.waiting, confirmed: act(who), expires_at: now(-60 * notice.waiting.minutes) };
    return [200, Object.assign(notice, { state: 'in_force', rev: notice.rev + 1, waiting: null, current })];
  }
  if (verb === 'refuse') return [200, Object.assign(notice, { state: 'refused', waiting: null, current: { ...notice.waiting, refused: act(who), reason: body.reason } })];
  if (verb === 'update') return [200, Object.assign(notice, { waiting: wording(notice.current.ver + 1, body, act(who)) })];
  if (verb === 'cancel') return [200, Object.assign(notice, { state: 'cancelled', cancelled: act(who) })];
  return Refused.missing();
}

const source = { source_id: 'src-1', name: 'Đài Khí tượng Thủy văn', url: 'https://cap.example/atom.xml', automatic: false, fingerprints: ['ab'], created_by_name: 'Lâm Thị Ngọc Hân', created_at: now(9000), looked_at: now(60), ok_at: now(60), error: null, entries: 3, refusals: [{ code: 'expired', detail: 'Bản tin đã hết hiệu lực.', at: now(60), entry: 'x' }] };
/** What alert answers under `/api/v1/alert/cap/sources`. */
export const sources = () => [200, page([source])];
