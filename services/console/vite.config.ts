import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin as PostcssPlugin } from 'postcss';
import { defineConfig } from 'vitest/config';
import { offline } from './offline.mjs';
import { firstWords } from './words.mjs';

/** Fonts that the public pages use too, by the names under which they know them. */
const FONTS: Record<string, string> = {
  'noto-sans-latin-wght-normal.woff2': 'fonts/noto-sans.woff2',
  'noto-sans-vietnamese-wght-normal.woff2': 'fonts/noto-sans-vietnamese.woff2',
  'noto-sans-khmer-khmer-wght-normal.woff2': 'fonts/noto-sans-khmer.woff2',
};

/** Carbon's blocks that src/ui uses. A class is of a block when it is its name, an element or a modifier of it. */
const BLOCKS = [
  'assistive-text',
  'btn',
  'checkbox',
  'checkbox-label',
  'checkbox-label-text',
  'checkbox-wrapper',
  'content-switcher',
  'content-switcher-btn',
  'data-table',
  'data-table-content',
  'form',
  'form-item',
  'form-requirement',
  'inline-notification',
  'label',
  'progress-bar',
  'radio-button',
  'radio-button-group',
  'radio-button-wrapper',
  'select',
  'select-input',
  'select-option',
  'skeleton',
  'table-header-label',
  'tag',
  'text-area',
  'text-input',
  'text-input-wrapper',
  'tile',
  'visually-hidden',
];
const CLASS = /\.bx--([a-zA-Z0-9-]+?)(?=__|--|[^a-zA-Z0-9_-]|$)/g;

const wanted = (selector: string): boolean => {
  const blocks = [...selector.matchAll(CLASS)].map((hit) => hit[1] ?? '');
  return selector === ':root' || (blocks.length > 0 && blocks.every((block) => BLOCKS.includes(block)));
};

/** Carbon's whole sheet is 80 kB packed: all components, three more themes, resets of every element, a font from afar. */
const subset: PostcssPlugin = {
  postcssPlugin: 'carbon-subset',
  Once(root) {
    if (!root.source?.input.file?.includes('carbon-components-svelte')) return;
    root.walkAtRules('font-face', (face) => void face.remove());
    root.walkRules((rule) => {
      if (rule.parent?.type === 'atrule' && 'name' in rule.parent && String(rule.parent.name).endsWith('keyframes')) return;
      const kept = rule.selectors.filter(wanted);
      if (kept.length === 0) rule.remove();
      else rule.selectors = kept;
    });
    root.walkAtRules(/keyframes$/, (frames) => {
      if (!root.toString().includes(`${frames.params} `) && !root.toString().includes(` ${frames.params}`)) frames.remove();
    });
    root.walkAtRules('media', (media) => void (media.nodes?.length === 0 && media.remove()));
  },
};

const first = firstWords('src/main.ts');
const later = (file: string): boolean => {
  const key = /src\/paraglide\/messages\/([a-z_]+)\.js$/.exec(file)?.[1];
  return key !== undefined && !key.startsWith('_') && !first.has(key);
};

export default defineConfig({
  base: './',
  plugins: [svelte(), offline(Object.values(FONTS).slice(0, 2))],
  css: { postcss: { plugins: [subset] } },
  build: {
    target: 'es2020',
    // The page's policy allows files of its own origin only: nothing may become a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        // Messages that two pages share would each become a file of their own; those of later pages are not for the first load.
        advancedChunks: {
          groups: [
            { name: 'words', test: (file: string) => /src\/paraglide\//.test(file) && !later(file) },
            { name: 'words-later', test: later },
          ],
        },
        assetFileNames: ({ names }) => FONTS[names[0] ?? ''] ?? 'assets/[name]-[hash][extname]',
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8700', '/auth': 'http://127.0.0.1:8700' } },
  // One memory for all files of a worker: loading the thousand messages anew for each took most of the time.
  test: { include: ['tests/**/*.test.ts'], isolate: false, pool: 'threads' },
});
