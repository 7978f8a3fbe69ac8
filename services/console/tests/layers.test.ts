import { describe, expect, it } from 'vitest';

const sources = import.meta.glob<string>('../src/**/*.{svelte,ts}', { query: '?raw', import: 'default', eager: true });
const files = Object.entries(sources);

describe('the component library', () => {
  it('is known to src/ui alone, so that it can be exchanged', () => {
    const outside = files.filter(([path]) => !path.startsWith('../src/ui/') && path !== '../src/main.ts');
    expect(outside.length).toBeGreaterThan(10);
    expect(outside.filter(([, text]) => text.includes('carbon-components-svelte')).map(([path]) => path)).toEqual([]);
  });
});

describe('the page policy', () => {
  it('meets no style or script inside the markup', () => {
    const inline = files.filter(([, text]) => /\sstyle="|\{@html|\son[a-z]+="/.test(text)).map(([path]) => path);
    expect(inline).toEqual([]);
  });
});
