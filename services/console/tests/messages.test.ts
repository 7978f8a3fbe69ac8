import { describe, expect, it } from 'vitest';
import en from '../messages/en.json';
import vi from '../messages/vi.json';

const sources = Object.values(
  import.meta.glob<string>('../src/**/*.{svelte,ts}', { query: '?raw', import: 'default', eager: true }),
);
const used = new Set(sources.flatMap((text) => [...text.matchAll(/\bm\.([a-z_]+)\(/g)].map((hit) => hit[1] ?? '')));
const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

describe('message catalogues', () => {
  it('have the same keys in both languages', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(vi).sort());
  });

  it('hold every message that the pages use, and none that they do not', () => {
    expect(Object.keys(vi).sort()).toEqual([...used].sort());
  });

  it('have words for every message', () => {
    for (const catalogue of [vi, en]) {
      for (const [key, text] of Object.entries(catalogue)) expect(text.trim(), key).not.toBe('');
    }
  });

  it('have the same holes to fill in both languages', () => {
    for (const [key, text] of Object.entries(vi)) expect(holes(en[key as keyof typeof en]), key).toEqual(holes(text));
  });
});
