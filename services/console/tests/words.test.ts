import { describe, expect, it } from 'vitest';
import { ago, dateTime, day, dayIn, duration, number } from '../src/lib/format';
import { claimCode, deviceHealth, needsCare } from '../src/lib/labels';
import { choosePeriod } from '../src/lib/periods';
import type { Device } from '../src/lib/types';

const device = (change: Partial<Device> = {}): Device =>
  ({ state: 'accepted', online: true, in_sync: true, alarms: [], ...change }) as Device;

describe('times', () => {
  it('are shown in the time of Vietnam', () => {
    expect(dateTime('2026-11-13T22:00:00Z')).toBe('05:00, 14/11/2026');
    expect(dayIn(new Date('2026-11-14T17:00:00Z'))).toBe('2026-11-15');
  });

  it('leave a calendar day as it is', () => {
    expect(day('2026-11-15')).toBe('15/11/2026');
  });

  it('tell how long ago in the largest unit that fits', () => {
    const now = new Date('2026-11-23T10:00:00Z');
    expect(ago('2026-11-23T09:57:10Z', now)).toBe('2 phút trước');
    expect(ago('2026-11-21T09:00:00Z', now)).toBe('2 ngày trước');
    expect(ago('2026-11-23T10:00:05Z', now)).toBe('0 giây trước');
  });

  it('tell a length in words', () => {
    expect(duration(64.6)).toBe('1 phút 5 giây');
    expect(duration(59.4)).toBe('59 giây');
  });
});

describe('numbers', () => {
  it('are written the Vietnamese way', () => {
    expect(number(1234.56)).toBe('1.234,6');
  });
});

describe('periods', () => {
  const periods = [
    { key: 'plan75-2026', start: '2025-11-15', end: '2026-11-14' },
    { key: 'plan75-2027', start: '2026-11-15', end: '2027-11-14' },
  ];

  it('change on 15 November', () => {
    expect(choosePeriod(periods, null, '2026-11-14')?.key).toBe('plan75-2026');
    expect(choosePeriod(periods, null, '2026-11-15')?.key).toBe('plan75-2027');
  });

  it('obey what is asked for', () => {
    expect(choosePeriod(periods, 'plan75-2026', '2026-12-01')?.key).toBe('plan75-2026');
  });

  it('fall back on the latest, or on none', () => {
    expect(choosePeriod(periods, 'nonsense', '2031-01-01')?.key).toBe('plan75-2027');
    expect(choosePeriod([], null, '2026-11-15')).toBeUndefined();
  });
});

describe('devices', () => {
  it('need care when silent, behind or alarmed, but only in service', () => {
    const alarms = [{ code: 'disk_full', at: '2026-11-23T10:00:00Z', count: 1, detail: '' }];
    expect(needsCare(device())).toBe(false);
    expect(needsCare(device({ online: false }))).toBe(true);
    expect(needsCare(device({ in_sync: false }))).toBe(true);
    expect(needsCare(device({ alarms }))).toBe(true);
    expect(needsCare(device({ state: 'revoked', online: false }))).toBe(false);
  });

  it('say first that they are offline', () => {
    expect(deviceHealth(device({ online: false, in_sync: false })).text).toBe('Mất kết nối');
    expect(deviceHealth(device()).tone).toBe('good');
  });

  it('are claimed by a code however it is typed', () => {
    expect(claimCode('abcd efgh')).toBe('ABCD-EFGH');
    expect(claimCode(' ABCD-2345 ')).toBe('ABCD-2345');
  });
});
