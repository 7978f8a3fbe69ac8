// The board: shows slide after slide, tells its agent what was shown in full, and goes on with what it has when the
// agent is away. The service worker keeps page and slides over a restart of the browser.
"use strict";

const LOOK_MS = 1000;
const WAITING = "shown-waiting";
const MOST_WAITING = 500;
const frames = [...document.querySelectorAll(".slide")];
const rest = document.getElementById("rest");
let state = { slides: [], claim_code: null, offset_ms: 0 };
let front = 0;
let turn = -1;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => Date.now() + state.offset_ms;
const waiting = () => JSON.parse(localStorage.getItem(WAITING) || "[]");

async function look() {
  for (;;) {
    try {
      const answer = await fetch("/state");
      if (answer.ok) state = await answer.json();
      await tell();
    } catch {
      // The agent is away: what we have goes on.
    }
    await wait(LOOK_MS);
  }
}

async function tell() {
  for (const report of waiting()) {
    const answer = await fetch("/shown", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(report),
    });
    if (answer.status >= 500) return;
    localStorage.setItem(WAITING, JSON.stringify(waiting().slice(1)));
  }
}

function remember(slide, started, ended) {
  const report = {
    entry_id: slide.entry_id,
    sha256: slide.sha256,
    started_at: new Date(started).toISOString(),
    ended_at: new Date(ended).toISOString(),
  };
  localStorage.setItem(WAITING, JSON.stringify([...waiting(), report].slice(-MOST_WAITING)));
}

async function load(frame, slide) {
  // Fetched by the page and written into the frame: a sandboxed frame is not served by the service worker.
  const answer = await fetch(`/slides/${slide.sha256}`).catch(() => null);
  if (!answer?.ok) return false;
  const html = await answer.text();
  return new Promise((done) => {
    const late = setTimeout(() => done(false), 5000);
    frame.onload = () => {
      clearTimeout(late);
      done(true);
    };
    frame.srcdoc = html;
  });
}

function next() {
  const slides = state.slides.filter((slide) => Date.parse(slide.valid_until) > now());
  if (!slides.length) return null;
  turn = (turn + 1) % slides.length;
  return slides[turn];
}

function pause() {
  frames.forEach((frame) => frame.classList.remove("on"));
  rest.classList.add("on");
  document.getElementById("code").textContent = state.claim_code || "";
  document.getElementById("message").textContent = state.claim_code
    ? "Mã nhận thiết bị" : "Bảng tin điện tử công cộng";
  document.getElementById("clock").textContent = new Date(now()).toLocaleString("vi-VN", {
    timeZone: "Asia/Ho_Chi_Minh", dateStyle: "full", timeStyle: "short",
  });
}

async function show() {
  for (;;) {
    const slide = state.claim_code ? null : next();
    if (!slide) {
      pause();
      await wait(LOOK_MS);
      continue;
    }
    const frame = frames[1 - front];
    if (!(await load(frame, slide))) {
      await wait(LOOK_MS);
      continue;
    }
    frames[front].classList.remove("on");
    frame.classList.add("on");
    rest.classList.remove("on");
    front = 1 - front;
    const started = now();
    await wait(slide.milliseconds);
    if (document.visibilityState === "visible") remember(slide, started, now());
  }
}

navigator.serviceWorker?.register("/sw.js");
look();
show();
