import { describe, expect, it, vi } from 'vitest';
import { clean, create, same, type Draft, type ItemWriter } from '../src/lib/drafts';
import { unreachable } from '../src/lib/problem';
import type { Item, ItemFields } from '../src/lib/types';

const fields = (change: Partial<ItemFields> = {}): ItemFields => ({
  title: 'Lịch tiêm chủng',
  body: 'Trạm y tế xã tiêm chủng sáng thứ bảy.',
  priority: 'normal',
  unit_id: 'xa-mot',
  tasks: ['08'],
  topic: 'health',
  language: 'vi',
  ...change,
});

const item = (given: ItemFields, ver: number): Item => ({ ...given, id: 'item-1', ver }) as Item;
const draft = (change: Partial<Draft> = {}): Draft => ({ fields: fields(), ver: null, attempt: null, ...change });

function desk(): ItemWriter & { createItem: ReturnType<typeof vi.fn>; patchItem: ReturnType<typeof vi.fn> } {
  return {
    createItem: vi.fn(async (given: ItemFields) => item(given, 1)),
    patchItem: vi.fn(async (_id: string, ver: number, given: ItemFields) => item(given, ver + 1)),
  };
}

describe('creating an item', () => {
  it('keeps the attempt before anything is sent', async () => {
    const writer = desk();
    const keep = vi.fn(() => expect(writer.createItem).not.toHaveBeenCalled());
    await create(writer, draft(), () => 'key-1', keep);
    expect(keep).toHaveBeenCalledWith(draft({ attempt: { key: 'key-1', fields: fields() } }));
  });

  it('sends a lost attempt again under its first key', async () => {
    const writer = desk();
    writer.createItem.mockRejectedValueOnce(unreachable());
    let kept = draft();
    const keep = (next: Draft): void => void (kept = next);
    await expect(create(writer, kept, () => 'key-1', keep)).rejects.toThrow();
    await create(writer, kept, () => 'key-2', keep);
    expect(writer.createItem.mock.calls.map((call) => call[1])).toEqual(['key-1', 'key-1']);
  });

  it('sends what was typed since a lost attempt as a change of the one item', async () => {
    const writer = desk();
    const attempt = { key: 'key-1', fields: fields() };
    const made = await create(writer, draft({ fields: fields({ title: 'Khác' }), attempt }), () => 'key-2', () => undefined);
    expect(writer.createItem).toHaveBeenCalledWith(fields(), 'key-1');
    expect(made.title).toBe('Khác');
    expect(made.ver).toBe(2);
  });

  it('does not patch when nothing was typed since', async () => {
    const writer = desk();
    await create(writer, draft(), () => 'key-1', () => undefined);
    expect(writer.patchItem).not.toHaveBeenCalled();
  });
});

describe('fields as sent', () => {
  it('are composed Unicode without space around', () => {
    const sent = clean(fields({ title: ` ${'Lịch tiêm'.normalize('NFD')} `, body: 'một\r\nhai\n' }));
    expect(sent.title).toBe('Lịch tiêm');
    expect(sent.body).toBe('một\nhai');
  });

  it('are the same whatever the order of the tasks or the form of the accents', () => {
    expect(same(fields({ tasks: ['08', '05'] }), fields({ tasks: ['05', '08'] }))).toBe(true);
    expect(same(fields(), fields({ title: 'Lịch tiêm chủng'.normalize('NFD') }))).toBe(true);
    expect(same(fields(), fields({ priority: 'priority' }))).toBe(false);
  });
});
