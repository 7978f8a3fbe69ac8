// Keeps the page and its slides: a board whose browser restarts without its agent still shows them.
"use strict";

const CACHE = "board-1";
const MOST_SLIDES = 300;
const PATIENCE_MS = 3000;
const SHELL = ["/", "/alert.js", "/app.js", "/style.css"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function shell(path) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) {
      await cache.put(path, answer.clone());
      return answer;
    }
  } catch {
    // The agent is away or hangs.
  }
  return (await cache.match(path)) ?? Response.error();
}

async function slide(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    const slides = (await cache.keys()).filter((key) => new URL(key.url).pathname.startsWith("/slides/"));
    for (const old of slides.slice(0, Math.max(0, slides.length - MOST_SLIDES))) await cache.delete(old);
  }
  return answer;
}

self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith("/slides/")) event.respondWith(slide(event.request));
  else if (SHELL.includes(pathname)) event.respondWith(shell(pathname));
});
