// Keeps the page, its last state and its slides: a board whose browser restarts without its agent still shows them.
"use strict";

const CACHE = "board-1";
const MOST_SLIDES = 300;
const SHELL = ["/", "/app.js", "/style.css"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function fresh(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept) return kept;
    throw error;
  }
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
  const path = new URL(event.request.url).pathname;
  if (event.request.method !== "GET") return;
  event.respondWith(path.startsWith("/slides/") ? slide(event.request) : fresh(event.request));
});
