import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes `sw.js`, which keeps the console for a start without a network, from `src/sw.js`: it is told which files the first
 * page needs (those that the page names, and `fonts`), and the version that stands in the page too.
 * @param {string[]} fonts
 * @returns {import('vite').Plugin}
 */
export const offline = (fonts) => ({
  name: 'offline',
  apply: 'build',
  writeBundle({ dir = 'dist' }) {
    const page = readFileSync(join(dir, 'index.html'), 'utf8');
    const named = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((hit) => hit[1]);
    const files = [...new Set([...named, ...fonts])].sort();
    const worker = readFileSync('src/sw.js', 'utf8');
    const hash = createHash('sha256').update(page).update(worker);
    for (const file of files) hash.update(readFileSync(join(dir, file)));
    const version = hash.digest('hex').slice(0, 12);
    writeFileSync(join(dir, 'index.html'), page.replace('%VERSION%', version));
    writeFileSync(join(dir, 'sw.js'), worker.replace('%VERSION%', version).replace('%FILES%', JSON.stringify(['', ...files])));
  },
});
