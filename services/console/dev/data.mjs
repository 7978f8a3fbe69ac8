// Sample answers for working on the pages without the services. Invented people and places of the demo province.
import { createHash } from 'node:crypto';

export const hash = (text) => createHash('sha256').update(String(text)).digest('hex');
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

export const units = [
  { id: 'tinh', code: '86', name: 'Tỉnh Vĩnh Long', kind: 'province', path: ['tinh'], lat: null, lon: null },
  { id: 'xa-cau-ke', code: '29308', name: 'Xã Cầu Kè', kind: 'commune', path: ['tinh', 'xa-cau-ke'], lat: 9.868, lon: 106.059 },
  { id: 'xa-tap-ngai', code: '29365', name: 'Xã Tập Ngãi', kind: 'commune', path: ['tinh', 'xa-tap-ngai'], lat: 9.868, lon: 106.059 },
  { id: 'phuong-tra-vinh', code: '29242', name: 'Phường Trà Vinh', kind: 'ward', path: ['tinh', 'phuong-tra-vinh'], lat: 9.868, lon: 106.059 },
];
export const unitName = (id) => units.find((unit) => unit.id === id)?.name ?? id;

const grant = (role, unit_id) => ({ role, unit_id, unit_name: unitName(unit_id) });
export const people = {
  viet: { id: 'p-viet', name: 'Thạch Thị Sa Rây', title: 'Công chức văn hóa – xã hội', grants: [grant('author', 'xa-cau-ke')] },
  duyet: { id: 'p-duyet', name: 'Nguyễn Văn Phước', title: 'Phó Chủ tịch UBND xã', grants: [grant('approver', 'tinh'), grant('reporter', 'xa-cau-ke')] },
  kythuat: { id: 'p-ky', name: 'Trần Quốc Bảo', title: 'Kỹ thuật viên', grants: [grant('technician', 'tinh')] },
  moi: { id: 'p-moi', name: 'Kim Thị Sóc Kha', title: 'Công chức văn hóa – xã hội', grants: [grant('author', 'xa-tap-ngai')] },
  quantri: { id: 'p-quantri', name: 'Lâm Thị Ngọc Hân', title: 'Chánh Văn phòng', grants: [grant('admin', 'tinh')] },
};

export const topics = [
  { code: 'benefits', name: 'Khái niệm và lợi ích chuyển đổi số', name_en: 'What digital transformation is good for' },
  { code: 'skills', name: 'Kỹ năng số: mua bán, thanh toán, dịch vụ công', name_en: 'Online skills' },
  { code: 'security', name: 'An toàn thông tin', name_en: 'Information security' },
];

const names = [
  ['Ấn phẩm: tờ rơi, pa nô, áp phích; kỹ năng an toàn cơ bản', 'Publications'],
  ['Chương trình phát thanh, phóng sự truyền hình', 'Radio and TV programmes'],
  ['Hỗ trợ xây dựng chuyên mục', 'Help build columns'],
  ['Biểu dương tập thể, cá nhân điển hình', 'Commend models'],
  ['Đài truyền thanh ứng dụng CNTT và bảng tin công cộng ở xã, phường', 'Commune IT radio and public boards'],
  ['Truyền thông trên trang thông tin của cơ quan', "Bodies' web pages"],
  ['Tập huấn viết tin cho cán bộ cơ sở', 'Training in writing news'],
  ['Truyền thông trên đài truyền thanh xã, phường', 'Commune stations'],
];
export const tasks = names.map(([title, title_en], index) => {
  const counted = ['05', '08'].includes(String(index + 1).padStart(2, '0'));
  return {
    code: String(index + 1).padStart(2, '0'),
    title,
    title_en,
    totals: counted ? { airings: 1284, airing_minutes: 2140.5, displays: 96, posts: 14, attempts: 2310 } : { airings: 0, airing_minutes: 0, displays: 0, posts: 0, attempts: 0 },
  };
});
export const periods = [
  { key: 'plan75-2026', start: '2025-11-15', end: '2026-11-14' },
  { key: 'plan75-2027', start: '2026-11-15', end: '2027-11-14' },
];

const body = `Kính thưa bà con,

Sáng thứ bảy tuần này, từ 7 giờ đến 11 giờ, tổ công nghệ số cộng đồng hướng dẫn bà con nộp hồ sơ dịch vụ công trực tuyến tại nhà văn hóa ấp Chợ.

Bà con nhớ mang theo căn cước và điện thoại. Tổ công nghệ không thu bất kỳ khoản phí nào. Ai gọi điện đòi mã OTP đều là lừa đảo.`;

const renditions = (seed) => [
  { kind: 'audio', blob: { sha256: hash(`a${seed}`), bytes: 96_000, media_type: 'audio/wav' }, seconds: 6, lufs: -16.1, voice: 'vi-vn-x-south' },
  { kind: 'board', blob: { sha256: hash(`b${seed}`), bytes: 900, media_type: 'text/html' }, seconds: null, lufs: null, voice: null },
  { kind: 'web', blob: { sha256: hash(`w${seed}`), bytes: 1200, media_type: 'text/html' }, seconds: null, lufs: null, voice: null },
];

const item = (id, state, title, more = {}) => ({
  id, ver: 3, revision: 1, state, title, body, priority: 'normal', unit_id: 'xa-cau-ke', tasks: ['05', '08'], topic: 'skills',
  language: 'vi', author: { id: 'p-viet', name: people.viet.name }, approver: null, approved_at: null, comment: null,
  created_at: ago(600), updated_at: ago(90), approval_sha256: null, renditions: [], failure: null, post: null, ...more,
});
export const render = (one) => Object.assign(one, { state: 'in_review', ver: one.ver + 1, renditions: renditions(one.id + one.revision), approval_sha256: hash(one.id + one.revision) });

export const items = [
  render(item('it-duyet', 'submitted', 'Hướng dẫn nộp hồ sơ dịch vụ công trực tuyến tại ấp Chợ')),
  item('it-nhap', 'draft', 'Cảnh giác cuộc gọi giả danh công an'),
  item('it-tra', 'returned', 'Lịch tiêm chủng mở rộng tháng 12', { comment: 'Ghi rõ giờ và địa điểm của từng ấp.' }),
  item('it-loi', 'render_failed', 'Thông báo cắt điện ngày 28 tháng 11', { failure: 'Câu thứ hai có ký hiệu mà máy đọc chưa biết: “⚡”.' }),
  { ...render(item('it-xong', 'submitted', 'Thanh toán không dùng tiền mặt ở chợ Cầu Kè')), state: 'approved', approver: { id: 'p-duyet', name: people.duyet.name }, approved_at: ago(60), post: { state: 'confirmed', url: '/tin/it-xong', confirmed_at: ago(55), reason: null } },
  item('it-khmer', 'draft', 'ការណែនាំអំពីការបង់ប្រាក់តាមទូរស័ព្ទ', { language: 'km', body: 'សូមបងប្អូនកុំប្រាប់លេខកូដ OTP ដល់អ្នកណាឡើយ។ ក្រុមបច្ចេកវិទ្យាឌីជីថលជួយបងប្អូននៅផ្ទះវប្បធម៌។' }),
];

export const history = [
  { at: ago(600), by: { id: 'p-viet', name: people.viet.name }, what: 'created', revision: 1, comment: null, reason: null },
  { at: ago(400), by: { id: 'p-viet', name: people.viet.name }, what: 'submitted', revision: 1 },
  { at: ago(300), by: { id: 'p-duyet', name: people.duyet.name }, what: 'returned', revision: 1, comment: 'Ghi rõ giờ của từng ấp.' },
  { at: ago(90), by: { id: 'p-viet', name: people.viet.name }, what: 'submitted', revision: 2 },
  { at: ago(60), by: { id: 'p-duyet', name: people.duyet.name }, what: 'approved', revision: 2 },
];

export const contests = [
  { id: 'cds-2026', title: 'Tìm hiểu chuyển đổi số tỉnh Vĩnh Long 2026', title_en: 'Digital transformation quiz', unit_id: 'tinh', state: 'published', phase: 'open', questions: 3, opens_at: ago(6000), closes_at: ago(-9000), minutes: 10, rules_sha256: hash('rules'), answer_key_sha256: hash('key') },
];
export const ranking = { final: false, attempts: 3, all_correct: 1, ledger_sha256: hash('ledger'), items: [1, 2, 3].map((rank) => ({ rank, attempt_id: `a-${rank}`, unit_id: rank === 2 ? 'phuong-tra-vinh' : 'xa-cau-ke', score: 31 - rank, max_score: 30, seconds: 61 * rank })) };

const device = (device_id, name, kind, more = {}) => ({
  device_id, name, kind, state: 'accepted', unit_id: 'xa-cau-ke', unit_name: 'Xã Cầu Kè', site_type: 'hamlet', model: 'lantoa-station-1',
  online: true, last_seen: ago(0), version: '0.1.0', now: null, desired_seq: 12, reported_seq: 12, in_sync: true,
  public_key: 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4', alarms: [], ...more,
});
export const devices = [
  device('d-loa-1', 'Cụm loa ấp Chợ', 'radio', { now: 'Thanh toán không dùng tiền mặt ở chợ Cầu Kè' }),
  device('d-loa-2', 'Cụm loa ấp Ô Tưng', 'radio', { online: false, last_seen: ago(187), in_sync: false, reported_seq: 9, unit_id: 'xa-tap-ngai', unit_name: 'Xã Tập Ngãi' }),
  device('d-bang-1', 'Bảng tin trước UBND xã', 'board', { site_type: 'commune_office', model: 'lantoa-player-1', now: 'Thanh toán không dùng tiền mặt ở chợ Cầu Kè', alarms: [{ code: 'download_refused', at: ago(14), count: 3, detail: 'sha256 không khớp' }] }),
  device('d-moi', '', 'radio', { state: 'pending', online: false, last_seen: null, unit_id: null, unit_name: null, site_type: null }),
];

export const showings = (channel) =>
  devices.filter((one) => one.kind === channel && one.state === 'accepted').map((one, index) => ({
    id: `${one.device_id}:e1`, state: index === 0 ? 'confirmed' : 'cut', device_id: one.device_id, device_name: one.name, started_at: ago(45), seconds: 64.6,
  }));

export const facts = (channel) =>
  Array.from({ length: 7 }, (_, index) => ({
    fact_id: channel === 'board' ? `display:d-bang-1:e${index}` : `airing:d-loa-1:e${index}`,
    channel: channel === 'board' ? 'board' : 'radio',
    item_id: 'it-xong', title: 'Thanh toán không dùng tiền mặt ở chợ Cầu Kè', unit_id: 'xa-cau-ke', unit_name: 'Xã Cầu Kè',
    device_id: channel === 'board' ? 'd-bang-1' : 'd-loa-1', device_name: channel === 'board' ? 'Bảng tin trước UBND xã' : 'Cụm loa ấp Chợ',
    day: '2026-11-23', at: ago(45 + index * 60), started_at: ago(45 + index * 60), seconds: channel === 'board' ? 10 : 64.6,
  }));

export const proof = (factId) => {
  const fact = facts(factId.startsWith('display') ? 'board' : 'radio')[0];
  const p = JSON.stringify({ kind: 'aired', device_id: fact.device_id, local_id: 'e0.1', outcome: 'aired', audio_sha256: hash('a'), started_at: fact.started_at, seconds: fact.seconds });
  return {
    ...fact, fact_id: factId, proof: { kid: fact.device_id, p, sig: hash('sig').repeat(2).slice(0, 86) },
    device_public_key: devices[0].public_key, valid: !factId.endsWith('e1'), post: null, attempt: null, contest_id: null, doubts: factId.endsWith('e1') ? ['audio_sha256'] : [],
    chain: { approval_sha256: hash('ap'), rundown_sha256: hash('r'), audio_sha256: hash('a'), entry_id: hash('e').slice(0, 20) },
  };
};
