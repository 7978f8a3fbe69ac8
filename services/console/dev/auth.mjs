// The door of memory. viet: password alone · duyet: TOTP (123456), passkey or recovery code · moi: a new password is asked for ·
// quantri: a second factor is asked for · any password but "sai", any code but 000000.
import { people } from './data.mjs';
import { Refused } from './refused.mjs';

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const page = (items) => ({ items, next: null });
const CHALLENGE = 'c29tZS1jaGFsbGVuZ2Utb2YtbWVtb3J5LTEyMzQ1Njc4';
const SHOWN = { challenge: CHALLENGE, timeout: 60_000, rpId: 'localhost', userVerification: 'required', allowCredentials: [] };
const CODES = ['7k3m-9xqa', 'p2vd-81hc', '0wnz-e6rt', 'c4yj-5ugb', 'h8sl-f3oq', 'q1da-7mkx', 'v6te-2prc', 'z9bn-4wij'];

const GRANTABLE = ['directory.unit.read', 'content.item.read', 'content.item.write', 'fleet.device.read', 'reporting.report.read', 'reporting.paper.make', 'content.item.edit'];

const fresh = (totp, passkeys) => ({
  totp, recovery_left: totp ? 8 : 0, signed_in_at: 0, renewed: true,
  passkeys: passkeys.map((name, at) => ({ id: `pk-${at}`, name, created_at: ago(90_000), used_on: '2026-11-26' })),
  sessions: [
    { id: 's-1', device: 'Chrome, Android', place: '113.161.20.0/24', begun_at: ago(30), used_at: ago(0), here: true, app: null },
    { id: 's-2', device: 'Edge, Windows', place: '10.4.2.0/24', begun_at: ago(2900), used_at: ago(320), here: false, app: null },
  ],
  tokens: [],
});
const accounts = { viet: fresh(false, []), duyet: fresh(true, ['Điện thoại của tôi']), kythuat: fresh(false, []), quantri: fresh(false, []), moi: { ...fresh(false, []), renewed: false } };
const mustAdd = (login) => login === 'quantri' && !accounts[login].totp && accounts[login].passkeys.length === 0;

const wrongCode = () => new Refused(401, 'directory.code-refused', 'Mã không đúng', 'Mã này không đúng hoặc đã dùng rồi. Xin thử lại.');
const me = (login) => {
  const { totp, passkeys, recovery_left } = accounts[login];
  return { person: people[login], factors: { totp, passkeys: passkeys.length, recovery_left }, must_add_factor: mustAdd(login) };
};
const cookie = (login) => ({ 'Set-Cookie': `__Host-sid=${login}; Path=/; Secure; HttpOnly; SameSite=Lax` });

function enter(login) {
  accounts[login].signed_in_at = Date.now();
  return [200, me(login), cookie(login)];
}

/** What follows a proof: the next step of the door, or inside. */
function step(login, second) {
  const account = accounts[login];
  const ways = [...(account.totp ? ['totp'] : []), ...(account.passkeys.length > 0 ? ['passkey'] : []), ...(account.totp ? ['recovery'] : [])];
  if (!second && ways.length > 0) return [200, { next: 'second-factor', ways, ticket: login }];
  if (!account.renewed) return [200, { next: 'new-password', ticket: login }];
  return enter(login);
}

function proven(body) {
  if (body.totp === '000000' || body.recovery === 'sai' || body.password === 'sai') throw wrongCode();
}

function weak(password, pointer) {
  if (password.length < 10) throw new Refused(422, 'directory.password-short', 'Mật khẩu quá ngắn', 'Mật khẩu cần ít nhất 10 ký tự.', [{ pointer, message: 'Cần ít nhất 10 ký tự.' }]);
}

/** Since when the person has shown who they are. */
export const signedInAt = (login) => accounts[login].signed_in_at;

/** What is answered to who stands outside; undefined for other paths. */
export function door(what, body) {
  if (what === 'ways') return [200, { password: true, passkey: true, oidc: process.env.OIDC ? { name: process.env.OIDC } : null }];
  if (what === 'sign-in') {
    if (!accounts[body.login] || body.password === 'sai') throw new Refused(401, 'directory.sign-in-refused', 'Chưa đăng nhập được', 'Tên đăng nhập hoặc mật khẩu không đúng.');
    return step(body.login, false);
  }
  if (what === 'second-factor') return proven(body), step(body.ticket, true);
  if (what === 'new-password') {
    weak(body.password, '/password');
    accounts[body.ticket].renewed = true;
    return enter(body.ticket);
  }
  if (what === 'passkey/options') return [200, SHOWN];
  if (what === 'passkey/sign-in') return step('duyet', true);
  return undefined;
}

/** What is answered to `login`, who is inside. */
export function inside(what, method, body, login) {
  const account = accounts[login];
  const [kind, id] = what.split('/');
  const remove = (list) => void (account[list] = account[list].filter((one) => one.id !== id));
  if (what === 'me') return [200, me(login)];
  if (what === 'again') return proven(body), enter(login);
  if (what === 'password') return proven({ password: body.old }), weak(body.new, '/new'), enter(login);
  if (what === 'totp/begin') return [200, { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', uri: `otpauth://totp/Lan%20T%E1%BB%8Fa:${login}?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Lan%20T%E1%BB%8Fa` }];
  if (what === 'totp/confirm') return proven({ totp: body.code }), Object.assign(account, { totp: true, recovery_left: CODES.length }), [200, { recovery_codes: CODES }];
  if (what === 'totp') return Object.assign(account, { totp: false }), [204];
  if (what === 'recovery') return Object.assign(account, { recovery_left: CODES.length }), [200, { recovery_codes: CODES }];
  if (what === 'passkeys/begin') return [200, { challenge: CHALLENGE, rp: { id: 'localhost', name: 'Lan Tỏa' }, user: { id: Buffer.from(login).toString('base64url'), name: login, displayName: people[login].name }, pubKeyCredParams: [{ type: 'public-key', alg: -7 }], excludeCredentials: [], authenticatorSelection: { residentKey: 'required', userVerification: 'required' }, timeout: 60_000 }];
  if (what === 'passkeys' && method === 'POST') {
    const made = { id: `pk-${Date.now()}`, name: body.name, created_at: ago(0), used_on: null };
    account.passkeys.push(made);
    const first = account.recovery_left === 0;
    account.recovery_left ||= CODES.length;
    return [201, { passkey: made, recovery_codes: first ? CODES : [] }];
  }
  if (what === 'sessions/end-others') return Object.assign(account, { sessions: account.sessions.filter((one) => one.here) }), [204];
  if (what === 'tokens' && method === 'POST') {
    const made = { id: `tk-${Date.now()}`, name: body.name, permissions: body.permissions, created_at: ago(0), ends_at: ago(-body.days * 1440), used_on: null };
    account.tokens.push(made);
    return [201, { item: made, token: `lt_${Buffer.from(made.id + login).toString('hex')}` }];
  }
  if (method === 'DELETE' && id) return remove(kind), [204];
  if (what === 'tokens') return [200, { items: account.tokens, grantable: GRANTABLE }];
  if (what === 'oidc/link') return [200, { location: '/' }];
  return [200, page(account[kind] ?? Refused.missing())];
}
