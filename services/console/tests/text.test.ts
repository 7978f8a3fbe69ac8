import { describe, expect, it } from 'vitest';
import { toBytes, toText } from '../src/lib/passkeys';
import { found } from '../src/lib/text';

describe('a search', () => {
  it('needs no accents and no order', () => {
    expect(found('ngai tap', 'Xã Tập Ngãi')).toBe(true);
    expect(found('DUONG', 'Đường dây nóng')).toBe(true);
    expect(found('Tập Ngãi'.normalize('NFD'), 'xa tap ngai')).toBe(true);
  });

  it('finds the beginning of a word, not its middle', () => {
    expect(found('tiem', 'Lịch tiêm chủng')).toBe(true);
    expect(found('iem', 'Lịch tiêm chủng')).toBe(false);
  });

  it('wants every word', () => {
    expect(found('tiem nuoc', 'Lịch tiêm chủng')).toBe(false);
  });

  it('reads Khmer', () => {
    expect(found('ការណែនាំ', 'ការណែនាំអំពីការបង់ប្រាក់')).toBe(true);
  });
});

describe('bytes of a passkey', () => {
  it('come and go as base64url', () => {
    const bytes = Uint8Array.from([0, 250, 251, 252, 253, 254, 255]);
    expect(toText(bytes.buffer)).toBe('APr7_P3-_w');
    expect(toBytes('APr7_P3-_w')).toEqual(bytes);
  });
});
