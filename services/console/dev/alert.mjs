// Alerts of memory: the two-person rule, a sign-in that grows old, devices that answer one after the other.
import { people } from './data.mjs';
import { communes } from './fleet.mjs';
import { Refused } from './refused.mjs';

const RECENT_MS = Number(process.env.RECENT_MS ?? 300_000);
const now = (seconds = 0) => new Date(Date.now() - seconds * 1000).toISOString();
const person = (who) => ({ id: who.id, name: who.name });
const page = (items) => ({ items, next: null });

const notices = [
  {
    notice_id: 'ntc-cu', ver: 2, state: 'expired', status: 'exercise', severity: 'severe', headline: 'Diễn tập: xả lũ thượng nguồn',
    texts: { vi: 'Đây là diễn tập. Nước sông dâng nhanh trong hai giờ tới. Bà con ven sông đưa người già và trẻ em lên nhà văn hóa xã.', km: 'នេះជាការហាត់សម។ ទឹកទន្លេកំពុងឡើងលឿន។' },
    scopes: ['xa-cau-ke', 'xa-tap-ngai'], minutes: 30, repeat: 3, gap_s: 10, requested_by: person(people.viet), requested_at: now(90_300), confirmed_by: person(people.duyet),
    issued_at: now(90_000), expires_at: now(88_200), ended_at: now(88_200), comment: null, sound: null,
  },
];

function reach(notice) {
  const passed = notice.issued_at ? (Date.now() - new Date(notice.issued_at).getTime()) / 1000 : 0;
  const units = communes.slice(0, 12).map(({ id, name }, at) => {
    const devices = 12 + (at % 5);
    const reached = Math.min(devices - (at === 3 ? 2 : 0), Math.floor(passed * 8));
    const played = notice.status === 'actual' ? Math.max(0, reached - 1) : 0;
    return { unit_id: id, unit_name: name, devices, reached, verified: reached, playing: played, finished: Math.floor(played / 2), failed: 0 };
  });
  const sum = (of) => units.reduce((all, unit) => all + unit[of], 0);
  return { units, totals: Object.fromEntries(['devices', 'reached', 'verified', 'playing', 'finished', 'failed'].map((of) => [of, sum(of)])) };
}

function recent(signedInAt) {
  if (Date.now() - signedInAt > RECENT_MS) throw new Refused(403, 'alert.sign-in-again', 'Cần đăng nhập lại', 'Lần đăng nhập trước đã quá 5 phút.');
}

/** What alert answers to `path` (behind `/api/v1/alert/notices`). */
export function answer(path, method, body, who, signedInAt) {
  const [id, verb] = path;
  if (id === undefined && method === 'POST') {
    recent(signedInAt);
    const notice = { ...body, notice_id: `ntc-${notices.length}`, ver: 1, state: 'requested', requested_by: person(who), requested_at: now(), confirmed_by: null, issued_at: null, expires_at: null, ended_at: null, comment: null, sound: null };
    notices.unshift(notice);
    return [201, notice];
  }
  if (id === undefined) return [200, page(notices)];
  const notice = notices.find((one) => one.notice_id === id) ?? Refused.missing();
  if (verb === undefined || verb === 'sound') return [200, notice];
  if (verb === 'reach') return [200, reach(notice)];
  if (verb === 'silent') return [200, page([{ device_id: 'd-loa-2', name: 'Cụm loa ấp Ô Tưng', unit_id: 'xa-tap-ngai', last_seen: now(3000) }])];
  if (verb === 'report') {
    return [200, { notice, reach: reach(notice), events: [{ at: notice.requested_at, what: 'Soạn và gửi xác nhận', by: notice.requested_by.name }, { at: notice.issued_at, what: 'Xác nhận và phát', by: notice.confirmed_by?.name ?? null }] }];
  }
  recent(signedInAt);
  if (verb === 'confirm') {
    if (notice.requested_by.id === who.id) throw new Refused(409, 'alert.own-request', 'Cần người thứ hai', 'Người soạn không tự xác nhận được.');
    return [200, Object.assign(notice, { state: 'in_force', ver: notice.ver + 1, confirmed_by: person(who), issued_at: now(), expires_at: now(-60 * notice.minutes) })];
  }
  if (verb === 'refuse') return [200, Object.assign(notice, { state: 'refused', comment: body.comment, ended_at: now() })];
  if (verb === 'cancel') return [200, Object.assign(notice, { state: 'cancelled', ended_at: now() })];
  return Refused.missing();
}
