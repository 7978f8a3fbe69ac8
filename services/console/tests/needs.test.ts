import { describe, expect, it } from 'vitest';
import type { FleetAlarm } from '../src/lib/fleet-types';
import { deadlines, inOrder, mine, toApprove, toPlace, toTend, unsent, Urgency } from '../src/lib/needs';
import type { Item, Period } from '../src/lib/types';

const item = (id: string, change: Partial<Item> = {}): Item =>
  ({
    id,
    ver: 3,
    title: `Tin ${id}`,
    state: 'in_review',
    priority: 'normal',
    unit_name: 'Xã Cầu Kè',
    author: { id: 'p', name: 'Sa Rây' },
    updated_at: '2026-11-23T01:00:00Z',
    comment: null,
    ...change,
  }) as Item;
const alarmOf = (change: Partial<FleetAlarm>): FleetAlarm =>
  ({ alarm_id: 'a', code: 'offline', unit_id: 'u', unit_name: 'Xã Tập Ngãi', devices: 1, sample: [{ device_id: 'd-1', name: 'Cụm loa ấp Chợ' }], opened_at: '2026-11-23T00:00:00Z', ...change }) as FleetAlarm;
const now = new Date('2026-11-23T02:00:00Z');

describe('what needs a person now', () => {
  it('has lives first, then silence, then what others wait for, then what is one’s own', () => {
    const all = [
      ...mine([item('draft', { state: 'draft' }), item('returned', { state: 'returned' })]),
      ...toApprove([item('plain'), item('urgent', { priority: 'emergency' })]),
      ...toTend([alarmOf({})], now),
    ];
    expect(inOrder(all).map(({ key }) => key)).toEqual(['item:urgent', 'alarm:a', 'item:plain', 'item:returned', 'item:draft']);
  });

  it('has of two equals the one that waits longer first', () => {
    const late = item('late', { updated_at: '2026-11-22T01:00:00Z' });
    expect(inOrder(toApprove([item('new'), late])).map(({ key }) => key)).toEqual(['item:late', 'item:new']);
  });

  it('tells who approves the days on which an item is to be heard', () => {
    const [open, dated] = toApprove([item('open'), item('dated', { air_from: '2026-11-24', air_until: '2026-11-26' })]);
    expect(open?.lines).toHaveLength(1);
    expect(dated?.lines[1]).toBe('Phát từ ngày 24/11/2026 đến hết ngày 26/11/2026');
  });

  it('leads from an alarm of one device to that device, from one of many to the list', () => {
    const [one, many] = toTend([alarmOf({}), alarmOf({ devices: 14 })], now);
    expect([one?.href, many?.href]).toEqual(['/devices/d-1', '/devices/alarms']);
    expect(one?.title).toBe('Cụm loa ấp Chợ');
  });
});

describe('devices without a known place', () => {
  it('are one thing to do, and none where there are none', () => {
    expect(toPlace(0)).toEqual([]);
    expect(toPlace(12)).toMatchObject([{ href: '/devices/unsure', urgency: Urgency.Broken }]);
    expect(toPlace(12)[0]?.title).toContain('12');
  });
});

describe('what stands on this device only', () => {
  it('is a conflict when its item has changed since', () => {
    const kept = [{ itemId: 'x', title: 'Của tôi', ver: 2 }];
    expect(unsent(kept, new Map([['x', item('x', { ver: 3 })]]))[0]?.urgency).toBe(Urgency.Conflict);
    expect(unsent(kept, new Map([['x', item('x', { ver: 2 })]]))[0]?.urgency).toBe(Urgency.Unsent);
    expect(unsent(kept, new Map())[0]?.urgency).toBe(Urgency.Unsent);
  });

  it('leads to where it is written on', () => {
    const found = unsent([{ itemId: null, title: '', ver: null }], new Map());
    expect(found[0]).toMatchObject({ href: '/items/new', title: '(chưa có tiêu đề)' });
  });
});

describe('a report period', () => {
  const period = (end: string): Period => ({ key: 'p', start: '2025-11-15', end });
  const urgency = (today: string, unproven = 0): Urgency | undefined => deadlines([period('2026-11-14')], unproven, today)[0]?.urgency;

  it('is told of a month before its end and presses in the last week', () => {
    expect(urgency('2026-10-01')).toBeUndefined();
    expect(urgency('2026-10-16')).toBe(Urgency.Deadline);
    expect(urgency('2026-11-08')).toBe(Urgency.Overdue);
    expect(urgency('2026-11-14')).toBe(Urgency.Overdue);
  });

  it('presses for a month after its end, then is let be', () => {
    expect(urgency('2026-11-15')).toBe(Urgency.Overdue);
    expect(urgency('2026-12-20')).toBeUndefined();
  });

  it('is told of early when tasks have no evidence', () => {
    expect(urgency('2026-03-01', 6)).toBe(Urgency.Deadline);
  });
});
