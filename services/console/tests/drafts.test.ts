import { describe, expect, it, vi } from 'vitest';
import { deliver, PICTURE_GONE, type Around, type Deciding, type Desk, type Job, type Sending } from '../src/lib/deliver';
import { clean, fieldsOf, keepDraft, loadDraft, same, withoutLocal } from '../src/lib/drafts';
import { Problem, unreachable } from '../src/lib/problem';
import type { Item, ItemFields } from '../src/lib/types';

const LOCAL = 'local:00000000-0000-4000-8000-000000000001';
const SHA = 'ab'.repeat(32);
const figure = (src: string): string => `<figure><img src="${src}" alt="Chợ"></figure>`;
const fields = (change: Partial<ItemFields> = {}): ItemFields => ({
  title: 'Lịch tiêm chủng',
  body_html: '<p>Trạm y tế xã tiêm chủng sáng thứ bảy.</p>',
  priority: 'normal',
  unit_id: 'xa-mot',
  tasks: ['08'],
  topic: 'health',
  language: 'vi',
  air_from: null,
  air_until: null,
  ...change,
});

/** Content with one item, which may die after it did what it was asked: then its answer is lost. */
class Office implements Desk {
  made: Record<string, Item> = {};
  now: Item | undefined;
  loses: string[] = [];
  calls: string[] = [];

  private answer(name: string, change: Partial<Item>, ver?: number): Promise<Item> {
    this.calls.push(name);
    if (ver !== undefined && ver !== this.now?.ver) return Promise.reject(new Problem(412, { code: 'stale-version' }));
    const differs = Object.entries(change).some(([key, value]) => JSON.stringify(this.now?.[key as keyof Item]) !== JSON.stringify(value));
    if (this.now && differs) this.now = { ...this.now, ...change, ver: this.now.ver + 1 };
    return this.lost(name) ? Promise.reject(unreachable()) : Promise.resolve(this.now as Item);
  }

  private lost(name: string): boolean {
    const at = this.loses.indexOf(name);
    if (at >= 0) this.loses.splice(at, 1);
    return at >= 0;
  }

  createItem(given: ItemFields, key: string): Promise<Item> {
    this.now ??= { ...given, id: 'it', ver: 1, revision: 1, state: 'draft', allowed: ['edit', 'submit'], pictures: [] } as unknown as Item;
    this.made[key] ??= this.now;
    return this.answer('create', {});
  }
  patchItem = (_: string, ver: number, given: ItemFields): Promise<Item> => this.answer('patch', given, ver);
  putPicture(): Promise<{ sha256: string; width: number; height: number; bytes: number }> {
    this.calls.push('picture');
    return this.lost('picture') ? Promise.reject(unreachable()) : Promise.resolve({ sha256: SHA, width: 4, height: 3, bytes: 9 });
  }
  item = (): Promise<Item> => this.answer('look', {});
  submit = ({ ver }: Item): Promise<Item> => this.answer('submit', { state: 'submitted', allowed: ['edit'] }, ver);
  approve = ({ ver, approval_sha256 }: Item): Promise<Item> =>
    this.answer('approve', { state: 'approved', approval_sha256, approver: { id: 'p', name: 'P' } }, ver);
  sendBack = ({ ver }: Item, comment: string): Promise<Item> => this.answer('return', { state: 'returned', comment }, ver);
  withdraw = ({ ver }: Item): Promise<Item> => this.answer('withdraw', { state: 'withdrawn' }, ver);
}

const about = { id: 'job', person: 'p', title: 't', at: '2026-11-27T05:00:00Z' };
const sending = (change: Partial<Sending> = {}): Sending => ({ ...about, itemId: null, ver: null, kind: 'submit', fields: fields(), attempt: null, ...change });
const deciding = (change: Partial<Deciding> = {}): Deciding => ({ ...about, itemId: 'it', ver: 1, kind: 'approve', seen: SHA, comment: '', ...change });

/** Tries until it is done, each time with what was kept last, as a phone does that finds its network again. */
async function stubborn(desk: Office, job: Job, picture: Around['picture'] = async () => new Blob(['x'])): Promise<Item> {
  let kept = job;
  let keys = 0;
  for (let tries = 0; tries < 9; tries++) {
    try {
      return await deliver(kept, { desk, picture, newKey: () => `key-${++keys}`, keep: (next) => void (kept = next) });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 0) throw error;
    }
  }
  throw new Error('never done');
}

describe('sending an item', () => {
  it('makes it, brings its pictures, and hands it in', async () => {
    const desk = new Office();
    const item = await stubborn(desk, sending({ fields: fields({ body_html: `<p>Sáng thứ bảy tiêm.</p>\n${figure(LOCAL)}` }) }));
    expect(desk.calls).toEqual(['create', 'picture', 'patch', 'submit']);
    expect(item.state).toBe('submitted');
    expect(item.body_html).toBe(`<p>Sáng thứ bảy tiêm.</p>\n${figure(`pictures/${SHA}`)}`);
  });

  it('keeps the key of a creation before anything is sent', async () => {
    const desk = new Office();
    const keep = vi.fn((_: Job) => expect(desk.calls.length === 0 || (_ as Sending).itemId === 'it').toBe(true));
    await deliver(sending(), { desk, picture: async () => undefined, newKey: () => 'key-1', keep });
    expect(keep.mock.calls[0]?.[0]).toMatchObject({ attempt: { key: 'key-1', fields: fields() } });
  });

  it.each([['create'], ['picture'], ['patch'], ['submit'], ['create', 'picture', 'patch', 'submit']])(
    'does each step once when the answers to %s are lost',
    async (...loses) => {
      const desk = Object.assign(new Office(), { loses });
      const item = await stubborn(desk, sending({ fields: fields({ body_html: `<p>Sáng thứ bảy.</p>\n${figure(LOCAL)}` }) }));
      expect(Object.keys(desk.made)).toEqual(['key-1']);
      expect(item).toMatchObject({ state: 'submitted', ver: 3 });
    },
  );

  it('sends what was typed since a lost creation as a change of the one item', async () => {
    const desk = new Office();
    const item = await stubborn(desk, sending({ kind: 'save', fields: fields({ title: 'Khác' }), attempt: { key: 'old', fields: fields() } }));
    expect(Object.keys(desk.made)).toEqual(['old']);
    expect(item).toMatchObject({ title: 'Khác', state: 'draft' });
  });

  it('leaves alone what another person changed meanwhile', async () => {
    const desk = Object.assign(new Office(), { now: { ...fields({ title: 'Của người khác' }), id: 'it', ver: 7, state: 'draft', allowed: [] } as unknown as Item });
    await expect(stubborn(desk, sending({ itemId: 'it', ver: 3 }))).rejects.toMatchObject({ status: 412 });
    expect(desk.now?.title).toBe('Của người khác');
  });

  it('says so when a picture is on another phone', async () => {
    const job = sending({ fields: fields({ body_html: figure(LOCAL) }) });
    await expect(stubborn(new Office(), job, async () => undefined)).rejects.toMatchObject({ code: PICTURE_GONE });
  });
});

describe('deciding about an item', () => {
  const reviewed = (): Office => Object.assign(new Office(), { now: { ...fields(), id: 'it', ver: 1, state: 'in_review' } as unknown as Item });

  it.each(['approve', 'return', 'withdraw'] as const)('is done once when the answer to %s is lost', async (kind) => {
    const desk = Object.assign(reviewed(), { loses: [kind] });
    await stubborn(desk, deciding({ kind, comment: 'Ghi rõ giờ.' }));
    expect(desk.now?.ver).toBe(2);
  });

  it('never approves what is no longer what was seen', async () => {
    const desk = reviewed();
    await desk.patchItem('it', 1, fields({ title: 'Đã sửa' }));
    await expect(stubborn(desk, deciding())).rejects.toMatchObject({ status: 412 });
    expect(desk.now?.state).toBe('in_review');
  });
});

describe('fields as sent', () => {
  it('are composed Unicode without space around', () => {
    expect(clean(fields({ title: ` ${'Lịch tiêm'.normalize('NFD')} ` })).title).toBe('Lịch tiêm');
  });

  it('are the same whatever the order of the tasks or the form of the accents', () => {
    expect(same(fields({ tasks: ['08', '05'] }), fields({ tasks: ['05', '08'] }))).toBe(true);
    expect(same(fields(), fields({ title: 'Lịch tiêm chủng'.normalize('NFD') }))).toBe(true);
    expect(same(fields(), fields({ priority: 'priority' }))).toBe(false);
    expect(same(fields(), fields({ air_until: '2026-12-05' }))).toBe(false);
  });

  it('of an item of old days are its plain text, formatted', () => {
    expect(fieldsOf({ ...fields(), body: '# Một\n\nHai.', body_html: null } as unknown as Item).body_html).toBe('<h2>Một</h2>\n<p>Hai.</p>');
  });

  it('have no day where a box was emptied', () => {
    expect(clean(fields({ air_from: '', air_until: '2026-12-05' }))).toMatchObject({ air_from: null, air_until: '2026-12-05' });
  });

  it('are kept with their days, and open where they were kept before there were any', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    });
    keepDraft('p', 'it', { fields: fields({ air_from: '2026-12-01' }), ver: 3, attempt: null });
    expect(loadDraft('p', 'it')?.fields.air_from).toBe('2026-12-01');
    const { air_from: _, air_until: __, ...older } = fields();
    keepDraft('p', null, { fields: older as ItemFields, ver: null, attempt: null });
    expect(same(loadDraft('p', null)?.fields as ItemFields, fields())).toBe(true);
    vi.unstubAllGlobals();
  });

  it('leave out pictures that content does not have', () => {
    expect(withoutLocal(fields({ body_html: `<p>a</p>\n${figure(LOCAL)}\n${figure(`pictures/${SHA}`)}` })).body_html).toBe(
      `<p>a</p>\n${figure(`pictures/${SHA}`)}`,
    );
  });
});
