import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const IMPORT = /\bimport\s(?!type\b)[^;]*?['"](\.[^'"]+)['"]|\bexport\s[^;]*?\bfrom\s['"](\.[^'"]+)['"]/g;

/** The file that an import names, whichever ending it leaves out. */
function source(path) {
  for (const ending of ['', '.ts', '.svelte', '.svelte.ts']) {
    try {
      return [path + ending, readFileSync(path + ending, 'utf8')];
    } catch {
      // Another ending.
    }
  }
  return [path, ''];
}

/**
 * Keys of the messages that the first load uses: those of every file that is imported, not asked for later, from `entry` on.
 * @param {string} entry
 * @returns {Set<string>}
 */
export function firstWords(entry) {
  const keys = new Set();
  const seen = new Set();
  const look = (path) => {
    if (seen.has(path) || path.includes('paraglide') || path.endsWith('.css')) return;
    seen.add(path);
    const [file, text] = source(path);
    for (const hit of text.matchAll(/\bm\.([a-z_]+)\(/g)) keys.add(hit[1]);
    for (const hit of text.matchAll(IMPORT)) look(resolve(dirname(file), hit[1] ?? hit[2]));
  };
  look(resolve(entry));
  return keys;
}
