// Keeps the console for a start without a network. Written into dist/ by the build, which fills in VERSION and FILES.
// Never touched: the API, sign-in, media and the public pages. What people see of the platform always comes from it.

const VERSION = '%VERSION%';
/** What the first page needs, by addresses relative to this file. */
const FILES = JSON.parse('%FILES%');

const PREFIX = 'lantoa-';
/** A page that stays open while the version changes still asks for files of the one before. */
const KEPT = 2;
/** A network that has not answered by then is as good as none: officers start the app under a tin roof. */
const PATIENCE_MS = 4_000;

const here = new URL('./', self.location.href);
const place = (request) => new URL(request.url).pathname.slice(here.pathname.length);
const hashed = (path) => path.startsWith('assets/');

/** One file of this version: what an older one has under the same hashed name is the same file. */
async function take(path) {
  const known = hashed(path) ? await caches.match(new URL(path, here)) : undefined;
  const answer = known ?? (await fetch(new URL(path, here), { cache: 'no-cache' }));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  const cache = await caches.open(PREFIX + VERSION);
  await cache.put(new URL(path, here), answer);
}

async function tell() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  await Promise.all(names.slice(0, -KEPT).map((name) => caches.delete(name)));
  await self.clients.claim();
  for (const client of await self.clients.matchAll({ type: 'window' })) client.postMessage({ version: VERSION });
}

/** The page from the network, from the cache when that does not answer in time. */
async function index(request) {
  const kept = await caches.match(here, { cacheName: PREFIX + VERSION });
  if (!kept) return fetch(request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  return Promise.race([late, fetch(request).catch(() => kept)]);
}

/** A file whose name says what is in it: the network is asked once. */
async function file(request) {
  const kept = (await caches.match(request, { cacheName: PREFIX + VERSION })) ?? (await caches.match(request));
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    const cache = await caches.open(PREFIX + VERSION);
    await cache.put(request, answer.clone());
  }
  return answer;
}

self.addEventListener('install', (event) => {
  event.waitUntil(Promise.all(FILES.map(take)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => event.waitUntil(tell()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(here.href) || request.headers.has('range')) return;
  const path = place(request);
  if (path === '' && request.mode === 'navigate') event.respondWith(index(request));
  else if (hashed(path) || FILES.includes(path)) event.respondWith(file(request));
});
