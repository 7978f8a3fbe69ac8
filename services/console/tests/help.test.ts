import { describe, expect, it } from 'vitest';
import { WORDS } from '../src/lib/help';

const sources = Object.values(
  import.meta.glob<string>('../src/**/*.svelte', { query: '?raw', import: 'default', eager: true }),
).join('');

describe('a hard word', () => {
  it('is explained where a page says it', () => {
    expect(Object.keys(WORDS).filter((word) => !sources.includes(`<Help of="${word}" />`))).toEqual([]);
  });
});
