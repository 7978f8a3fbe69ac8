// A fleet of memory: 3,000 devices in 124 communes, commands that are answered after a moment, alarms, updates.
import { Refused } from './refused.mjs';
import { devices as few, hash, unitName, units } from './data.mjs';

const ANSWER_MS = 1_200;
const now = (seconds = 0) => new Date(Date.now() - seconds * 1000).toISOString();
const page = (items, next = null) => ({ items, next });
const plain = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[đĐ]/g, 'd').toLowerCase();
const random = (seed) => parseInt(hash(seed).slice(0, 8), 16) / 0xffffffff;

const NAMES = ['Ấp Chợ', 'Ấp Ô Tưng', 'Khóm 3', 'Ấp Trà Điêu', 'Ấp Giồng Lức', 'Nhà văn hóa', 'Cầu Bà My', 'Chợ xã'];
export const communes = Array.from({ length: 124 }, (_, at) => ({
  id: units[at + 1]?.id ?? `xa-${at}`,
  name: units[at + 1]?.name ?? `Xã mẫu ${at}`,
  lat: 9.62 + Math.floor(at / 12) * 0.065,
  lon: 105.75 + (at % 12) * 0.075,
}));
const made = Array.from({ length: Number(process.env.DEVICES ?? 3000) }, (_, at) => {
  const commune = communes[at % communes.length];
  const online = random(`o${at}`) > 0.06;
  const bad = random(`a${at}`) > 0.96;
  return {
    ...few[0],
    device_id: `d-${hash(at).slice(0, 20)}`,
    name: `Cụm loa ${NAMES[at % NAMES.length]} số ${at + 1}`,
    kind: at % 23 === 0 ? 'board' : 'radio',
    unit_id: commune.id,
    unit_name: commune.name,
    lat: commune.lat + (random(`x${at}`) - 0.5) * 0.06,
    lon: commune.lon + (random(`y${at}`) - 0.5) * 0.07,
    online,
    last_seen: now(online ? 5 : 5000 + at),
    now: online && at % 5 === 0 ? 'Thanh toán không dùng tiền mặt' : null,
    alarms: bad ? [{ code: 'temperature', at: now(600), count: 2, detail: '78.2 C' }] : [],
  };
});
export const devices = [...few, ...made].map((device) => ({
  ver: 1, groups: [{ group_id: 've-song', name: 'Ven sông' }], volume: 70, temperature_c: 52.4, disk_free_mb: 5210, signal_dbm: -83, clock_offset_ms: 340,
  lat: 9.868, lon: 106.059, link: 'nats', ...device,
}));
const standing = (device) => (!device.online ? 'offline' : device.alarms.length > 0 ? 'alarm' : device.in_sync ? 'online' : 'drift');
const found = (deviceId) => devices.find((one) => one.device_id === deviceId) ?? Refused.missing();

/** What a division left in its first half: Cầu Kè was divided into itself and Tập Ngãi. */
const split = [communes[0], communes[1]];
const unsure = new Set(devices.filter((one) => one.unit_id === split[0].id).slice(0, Number(process.env.UNSURE ?? 3)).map((one) => one.device_id));
const guessed = () =>
  devices.filter((one) => unsure.has(one.device_id) && one.state === 'accepted').map(({ device_id, ver, name, kind, unit_id, unit_name, lat, lon }) => ({
    device_id, ver, name, kind, unit_id, unit_name, lat, lon, act_id: 'act-1', previous_unit_id: 'xa-cu', previous_unit_name: 'Xã Cầu Kè cũ',
    choices: split.map((one) => ({ unit_id: one.id, unit_name: one.name })),
  }));

const orders = [];
const alarms = [
  { alarm_id: 'al-1', code: 'offline', unit_id: 'xa-tap-ngai', unit_name: 'Xã Tập Ngãi', devices: 14, sample: devices.filter((one) => one.unit_id === 'xa-tap-ngai').slice(0, 14) },
  { alarm_id: 'al-2', code: 'silent', unit_id: 'xa-cau-ke', unit_name: 'Xã Cầu Kè', devices: 1, sample: [devices[0]] },
  { alarm_id: 'al-3', code: 'temperature', unit_id: 'xa-cau-ke', unit_name: 'Xã Cầu Kè', devices: 1, sample: [devices[2]] },
].map((one, at) => ({ most: one.devices, opened_at: now(700 * (at + 1)), closed_at: null, acknowledged: null, ...one }));
const updates = [
  { update_id: 'up-2', version: '0.2.0', state: 'running', reason: '', begun_at: now(4000), wave: 3, counts: { waiting: 2250, told: 308, done: 440, failed: 2 } },
  { update_id: 'up-1', version: '0.1.4', state: 'stopped', reason: 'errors', begun_at: now(900000), wave: 2, counts: { waiting: 2850, told: 0, done: 140, failed: 10 } },
].map((one) => ({ waves: ['1', '5%', '25%', '100%'], devices: 3000, ended_at: null, by_name: 'Trần Quốc Bảo', rolls_back: null, ...one }));

function filtered(query) {
  const is = (name, of) => !query.get(name) || query.get(name) === of;
  const q = plain(query.get('q') ?? '');
  return devices.filter(
    (one) => one.state !== 'pending' && is('unit_id', one.unit_id) && is('kind', one.kind) && is('state', standing(one)) &&
      is('version', one.version) && (!query.get('group') || one.groups.some((group) => group.group_id === query.get('group'))) && (!q || plain(`${one.name} ${one.unit_name}`).includes(q)),
  );
}

function command(body) {
  const order_id = `ord-${orders.length + 1}`;
  const commands = body.device_ids.map((device_id, at) => ({
    cmd_id: `cmd-${order_id}-${at}`, order_id, device_id, device_name: found(device_id).name, name: body.name, args: body.args,
    state: 'sent', detail: '', data: null, at: now(), by_name: 'Trần Quốc Bảo', answered_at: null, upload: false,
  }));
  for (const one of commands) {
    // As the platform does: told again and again until it answers or the time is over.
    const tell = (left) => setTimeout(() => {
      if (!found(one.device_id).online) return left > 0 ? tell(left - 1) : Object.assign(one, { state: 'expired' });
      Object.assign(one, { state: 'finished', answered_at: now() });
      if (one.name === 'diagnose') one.data = { heartbeat: { at: now(), version: '0.1.0', state: 'idle', volume: 70, temperature_c: 81.2, disk_free_mb: 5210, clock_offset_ms: 340, boots: 12 }, program: '0.1.0', model: 'LT-S1', key_set: 3, cache_files: 14, cache_bytes: 31_400_000, waiting: 0, refusals: { signature: 2 } };
      one.upload = ['screenshot', 'log_upload'].includes(one.name);
      if (one.name === 'volume') found(one.device_id).volume = one.args.percent;
    }, ANSWER_MS * (1 + random(one.cmd_id)));
    tell(3);
  }
  orders.unshift({ order_id, name: body.name, args: body.args, at: now(), expires_at: now(-120), by_name: 'Trần Quốc Bảo', items: commands });
  return { order_id };
}

function counted(order) {
  const counts = {};
  for (const { state } of order.items) counts[state] = (counts[state] ?? 0) + 1;
  return { ...order, open: order.items.some(({ state }) => state === 'sent'), counts };
}

function importList(text) {
  const rows = text.split(/\r?\n/).slice(1).filter(Boolean).map((line, at) => {
    const [code, name] = line.split(',');
    const good = /^[A-Z2-9]{4}-[A-Z2-9]{4}$/.test(code);
    return { row: at + 2, outcome: good ? 'created' : 'refused', detail: good ? name : `Mã “${code}” không đúng dạng.`, device_id: null, token: null };
  });
  return { rows };
}

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><rect width="640" height="360" fill="#7a1010"/></svg>`;

function one(device, verb, method, body) {
  if (verb === undefined) return device;
  if (verb === 'hours') {
    return page(Array.from({ length: 150 }, (_, at) => ({ at: new Date(Math.floor(Date.now() / 3_600_000 - at) * 3_600_000).toISOString(), restarts: 0, online: at % 31 === 7 ? 20 : 60, playing: [5, 17].includes(new Date(Date.now() - at * 3_600_000).getHours()) ? 24 : 0 })).filter((_, at) => at % 41 !== 0));
  }
  if (verb === 'timeline') {
    return page([
      { at: now(900), what: 'alarm', by_name: null, code: 'temperature' },
      { at: now(90000), what: 'command', by_name: 'Trần Quốc Bảo', code: 'test_tone' },
      { at: now(900000), what: 'claimed', by_name: 'Trần Quốc Bảo', unit_name: device.unit_name },
    ]);
  }
  if (verb === 'commands') return page(orders.flatMap((order) => order.items).filter((given) => given.device_id === device.device_id));
  if (verb === 'groups') return Object.assign(device, { groups: body.groups.map((name) => ({ group_id: name, name })), ver: device.ver + 1 });
  if (verb === 'move') unsure.delete(device.device_id);
  if (verb === 'move') return Object.assign(device, { unit_id: body.unit_id, unit_name: unitName(body.unit_id), ver: device.ver + 1 });
  if (verb === 'revoke') return Object.assign(device, { state: 'revoked', ver: device.ver + 1 });
  return Refused.missing();
}

/** What fleet answers to `path` (behind `/api/v1/fleet`). */
export function answer(path, method, query, body) {
  const [kind, id, verb, more] = path;
  if (kind === 'devices.csv') return [200, ['text/csv; charset=utf-8', 'device_id,name\n']];
  if (kind === 'map') {
    const list = filtered(query);
    return [200, { points: list.map((device) => [device.device_id, device.name, device.kind, device.lat, device.lon, standing(device), device.unit_id]), total: list.length }];
  }
  if (kind === 'summary') {
    const units = communes.map((commune) => {
      const own = devices.filter((device) => device.unit_id === commune.id);
      return { unit_id: commune.id, unit_name: commune.name, total: own.length, online: own.filter((device) => device.online).length, alarm: own.filter((device) => device.alarms.length > 0).length, drift: 0 };
    });
    const sum = (of) => units.reduce((all, unit) => all + unit[of], 0);
    return [200, { units: [{ unit_id: 'tinh', unit_name: 'Tỉnh Vĩnh Long', total: sum('total'), online: sum('online'), alarm: sum('alarm'), drift: 0 }, ...units] }];
  }
  if (kind === 'unsure') return [200, { items: guessed(), total: unsure.size }];
  if (kind === 'acts') return [200, { moved: 14, unsure: guessed() }];
  if (kind === 'groups') return [200, page([{ group_id: 'truong-hoc', name: 'Trường học', devices: 3 }, { group_id: 've-song', name: 'Ven sông', devices: 12 }])];
  if (kind === 'shapes') {
    return [200, { type: 'FeatureCollection', features: communes.map(({ id: unit_id, lat, lon }) => ({ type: 'Feature', properties: { unit_id }, geometry: { type: 'Polygon', coordinates: [[[lon - 0.037, lat - 0.032], [lon + 0.037, lat - 0.032], [lon + 0.037, lat + 0.032], [lon - 0.037, lat + 0.032], [lon - 0.037, lat - 0.032]]] } })) }];
  }
  if (kind === 'alarms' && verb === 'acknowledge') return [200, Object.assign(alarms.find((each) => each.alarm_id === id), { acknowledged: { by_name: 'Trần Quốc Bảo', at: now(), note: '' } })];
  if (kind === 'alarms') return [200, page(alarms.filter((each) => (each.closed_at === null) === (query.get('state') !== 'closed')))];
  if (kind === 'updates') {
    const update = updates.find((each) => each.update_id === id);
    if (verb) Object.assign(update, { state: { stop: 'stopped', resume: 'running', rollback: 'rolled_back' }[verb], reason: '' });
    return [200, update ?? page(updates)];
  }
  if (kind === 'commands' && id === 'uploads') return [200, ['image/svg+xml', PICTURE]];
  if (kind === 'commands') return method === 'POST' ? [202, command(body)] : [200, counted(orders.find((order) => order.order_id === id) ?? Refused.missing())];
  if (kind === 'receivers') return [200, { device_id: 'd-mqtt-1', token: 'lt_7f3kq9x2m4v8w1z5c6b0n' }];
  if (kind === 'devices' && id === 'import') return [200, importList(String(body))];
  if (kind === 'devices' && id === 'claim') {
    const device = devices.find((each) => each.state === 'pending');
    if (!device || !body.claim_code.includes('ABCD-2345')) throw new Refused(404, 'claim_code_unknown', 'Không có thiết bị nào mang mã này', 'Xem lại mã trên thiết bị. Thiết bị phải đang bật và có mạng.');
    setTimeout(() => Object.assign(device, { online: true, last_seen: now() }), 2_000);
    return [200, Object.assign(device, body, { state: 'accepted', groups: body.groups.map((name) => ({ group_id: name, name })), unit_name: unitName(body.unit_id), online: false, last_seen: null })];
  }
  if (kind === 'devices' && id) return [200, one(found(id), verb, method, body, more)];
  if (kind === 'devices') {
    const list = filtered(query);
    const from = Number(query.get('cursor') ?? 0);
    const to = from + Number(query.get('limit') ?? 50);
    return [200, page(list.slice(from, to), to < list.length ? String(to) : null)];
  }
  return Refused.missing();
}
