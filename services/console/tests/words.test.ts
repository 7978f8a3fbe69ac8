import { describe, expect, it } from 'vitest';
import { ago, dateTime, day, dayIn, duration, number } from '../src/lib/format';
import type { Device } from '../src/lib/fleet-types';
import { alarm, alarmTodo, isSettled } from '../src/lib/fleet-words';
import { diagnosis } from '../src/lib/diagnosis';
import { claimCode, deviceHealth } from '../src/lib/labels';
import { codeIn } from '../src/lib/qr';
import { wav } from '../src/lib/recording';
import { choosePeriod } from '../src/lib/periods';

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
    expect(number(-0.04)).toBe('0');
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
  it('say first that they are offline', () => {
    expect(deviceHealth(device({ online: false, in_sync: false })).text).toBe('Mất kết nối');
    expect(deviceHealth(device()).tone).toBe('good');
  });

  it('are claimed by a code however it is typed', () => {
    expect(claimCode('abcd efgh')).toBe('ABCD-EFGH');
    expect(claimCode(' ABCD-2345 ')).toBe('ABCD-2345');
  });

  it('are read from the QR code that they show, and from nothing else', () => {
    expect(codeIn('lantoa:claim:ABCD-2345:0123456789abcdef0123')).toBe('ABCD-2345');
    expect(codeIn('https://lantoa.example/#/devices/claim?code=ABCD-2345')).toBe('ABCD-2345');
    expect(codeIn('abcd-2345')).toBe('ABCD-2345');
    expect(codeIn('https://example.com/menu')).toBe('');
  });

  it('answer a diagnosis line by line, what is known in words and what is bad marked', () => {
    const found = diagnosis({ temperature_c: 81.5, odd: { a: 1 }, volume: 70, nothing: null });
    expect(found.map((row) => [row.name, row.text, row.bad])).toEqual([
      ['Nhiệt độ', '81,5 °C', true],
      ['Âm lượng', '70%', false],
      ['odd', '{"a":1}', false],
    ]);
  });
});

describe('alarms', () => {
  it('have a name and a next step for every cause, and a next step for one that nobody knows', () => {
    for (const code of ['offline', 'silent', 'sounding', 'signature_refused', 'download_refused', 'playback_failed', 'clock_off', 'disk_full', 'temperature', 'restarts']) {
      expect(alarm(code), code).not.toBe(code);
      expect(alarmTodo(code), code).not.toBe(alarmTodo('unknown'));
    }
  });

  it('leave a command open until its device has done it, failed, or the time is over', () => {
    expect((['sent', 'received', 'finished', 'failed', 'expired'] as const).map(isSettled)).toEqual([false, false, true, true, true]);
  });
});

describe('a recording', () => {
  it('is one channel of 16 bit PCM, clipped and not wrapped round', async () => {
    const file = new DataView(await wav(new Float32Array([0, 1, -1, 2]), 16_000).arrayBuffer());
    const text = (at: number): string => String.fromCharCode(...[0, 1, 2, 3].map((offset) => file.getUint8(at + offset)));
    expect([text(0), text(8), text(36)]).toEqual(['RIFF', 'WAVE', 'data']);
    expect([file.getUint16(22, true), file.getUint32(24, true), file.getUint16(34, true)]).toEqual([1, 16_000, 16]);
    expect([0, 1, 2, 3].map((at) => file.getInt16(44 + at * 2, true))).toEqual([0, 32_767, -32_767, 32_767]);
    expect(file.byteLength).toBe(52);
  });
});
