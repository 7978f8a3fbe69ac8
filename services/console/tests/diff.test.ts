import { describe, expect, it } from 'vitest';
import { counted, diff, type Change } from '../src/lib/diff';

const show = (changes: Change[]): string =>
  changes.map(({ kind, text }) => ({ same: text, added: `+${text}+`, removed: `-${text}-` })[kind]).join('');
const only = (changes: Change[], ...kinds: Change['kind'][]): string =>
  changes.filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text).join('');

describe('what changed between two texts', () => {
  it('is told by whole words', () => {
    expect(show(diff('Sáng thứ bảy, từ 7h30, tại trạm y tế.', 'Chiều thứ bảy, từ 7h30, tại nhà văn hóa.'))).toBe(
      '-Sáng -+Chiều +thứ bảy, từ 7h30, tại -trạm y tế.-+nhà văn hóa.+',
    );
  });

  it('stays in its paragraph', () => {
    expect(show(diff('Sáng thứ bảy.\n\nHết.', 'Sáng chủ nhật.\n\nHết.'))).toBe('Sáng -thứ bảy. -+chủ nhật.\n\n+Hết.');
  });

  it('is nothing when the accents were typed in another way', () => {
    expect(diff('Tiếng Việt'.normalize('NFD'), 'Tiếng Việt').every(({ kind }) => kind === 'same')).toBe(true);
  });

  it('finds a word of Khmer, which parts its words by nothing', () => {
    const { added, removed } = counted(diff('សូមបងប្អូនកុំប្រាប់លេខកូដ', 'សូមបងប្អូនប្រាប់លេខកូដ'));
    expect([added, removed]).toEqual([0, 1]);
  });

  it('leaves both texts whole, however they differ', () => {
    const sides = ['', 'a', 'a b c', 'c b a', 'x\n\ny z', 'a b a b a', 'b a b'];
    for (const before of sides) {
      for (const after of sides) {
        const changes = diff(before, after);
        expect(only(changes, 'same', 'added').replace(/\s+/g, ' ').trim()).toBe(after.replace(/\s+/g, ' ').trim());
        expect(only(changes, 'same', 'removed').replace(/\s/g, '')).toBe(before.replace(/\s/g, ''));
      }
    }
  });

  it('gives up on details where all of a long text is another', () => {
    const long = (word: string): string => Array.from({ length: 3000 }, (_, at) => `${word}${at}`).join(' ');
    expect(diff(long('a'), long('b')).map(({ kind }) => kind)).toEqual(['removed', 'added']);
  });
});
