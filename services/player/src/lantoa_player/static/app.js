// The board: shows slide after slide, tells its agent what was shown in full, and goes on with what it has when the
// agent is away. The service worker keeps page and slides over a restart of the browser, localStorage the rest.
"use strict";

const LOOK_MS = 1000;
const PATIENCE_MS = 5000;
const STATE = "state";
const WAITING = "shown-waiting";
const ZONE = { timeZone: "Asia/Ho_Chi_Minh" };
const DAY = new Intl.DateTimeFormat("vi-VN", { ...ZONE, dateStyle: "full" });
const TIME = new Intl.DateTimeFormat("vi-VN", { ...ZONE, timeStyle: "short" });
const frames = [...document.querySelectorAll(".slide")];
const rest = document.getElementById("rest");
const kept = new Set();
let state = { name: document.title, slides: [], alerts: [], claim_code: null, revoked: false, connected: false, offset_ms: 0 };
let answered = false;
let front = 0;
let turn = -1;
let missed = 0;
let hides = 0;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => Date.now() + state.offset_ms;

// Reading what was kept: a damaged note is as good as none.
function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

async function forever(step) {
  for (;;) {
    try {
      await step();
    } catch (error) {
      console.warn(String(error));
      await wait(LOOK_MS);
    }
  }
}

// ---- with the agent

async function ask(path, options) {
  return fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
}

// The agent answers after a second, or at once when the notices in force are others than those that we know.
async function look() {
  try {
    const answer = await ask(`/state?known=${state.notices ?? ""}`, { cache: "no-store" });
    answered = answer.ok;
    if (answered) return take(await answer.json());
  } catch {
    answered = false; // What we have goes on.
  }
  return wait(LOOK_MS);
}

async function chores() {
  await tellAlerts();
  await tell();
  await keep();
  await wait(LOOK_MS);
}

function take(fresh) {
  const [before, after] = [JSON.stringify(state), JSON.stringify(fresh)];
  const news = fresh.notices !== state.notices;
  state = fresh;
  if (news) {
    if (inForce().length) hides += 1; // The slide is covered from now on.
    rouse();
  }
  // Written only when changed: the memory card of a board bears only so many writes.
  if (after !== before) localStorage.setItem(STATE, after);
}

async function tell() {
  for (const report of recall(WAITING, [])) {
    const answer = await ask("/shown", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(report),
    });
    if (answer.status >= 500) return;
    const others = recall(WAITING, []).filter((other) => other.entry_id !== report.entry_id);
    localStorage.setItem(WAITING, JSON.stringify(others));
  }
}

// One showing of an entry proves it, so one is enough to wait for the agent, however long it is away.
function remember(slide, started, elapsed) {
  const waiting = recall(WAITING, []);
  if (waiting.some((report) => report.entry_id === slide.entry_id)) return;
  const report = {
    entry_id: slide.entry_id,
    sha256: slide.sha256,
    started_at: new Date(started).toISOString(),
    ended_at: new Date(started + elapsed).toISOString(),
  };
  localStorage.setItem(WAITING, JSON.stringify([...waiting, report]));
}

// Through the service worker, so that slides not shown yet outlast the agent too.
async function keep() {
  if (!navigator.serviceWorker?.controller) return;
  for (const { sha256 } of state.slides) {
    if (!kept.has(sha256) && (await text(sha256)) !== null) kept.add(sha256);
  }
}

// ---- on the screen

// The slide itself, only if it is what its name says: what is reported as shown is what was approved.
async function text(sha256) {
  const path = `/slides/${sha256}`;
  for (const cache of ["default", "reload"]) {
    const answer = await ask(path, { cache });
    if (!answer.ok) return null;
    const bytes = await answer.arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex === sha256) return new TextDecoder().decode(bytes);
    for (const name of await caches.keys()) await (await caches.open(name)).delete(path);
  }
  return null;
}

// Fetched by the page and written into the frame: a sandboxed frame is not served by the service worker.
async function load(frame, slide) {
  const html = await text(slide.sha256).catch(() => null);
  if (html === null) return false;
  return new Promise((done) => {
    const late = setTimeout(() => done(false), PATIENCE_MS);
    frame.onload = () => {
      clearTimeout(late);
      done(true);
    };
    frame.srcdoc = html;
  });
}

const inTurn = () => (state.claim_code ? [] : state.slides.filter((slide) => Date.parse(slide.valid_until) > now()));
const wanted = (slide) => inTurn().some((other) => other.entry_id === slide.entry_id);

async function next() {
  if (inForce().length) return wait(LOOK_MS);
  const slides = inTurn();
  if (missed >= slides.length) pause();
  if (!slides.length) return wait(LOOK_MS);
  turn = (turn + 1) % slides.length;
  const slide = slides[turn];
  const frame = frames[1 - front];
  if (!(await load(frame, slide))) {
    missed += 1;
    return wait(LOOK_MS);
  }
  missed = 0;
  frames[front].classList.remove("on");
  frame.classList.add("on");
  rest.classList.remove("on");
  front = 1 - front;
  return show(slide);
}

async function show(slide) {
  const started = now();
  const since = performance.now(); // A clock that is set meanwhile makes no showing longer or shorter.
  const seen = document.visibilityState === "visible";
  const before = hides;
  for (;;) {
    const elapsed = performance.now() - since;
    if (elapsed >= slide.milliseconds) {
      if (seen && hides === before) remember(slide, started, elapsed);
      return;
    }
    if (!wanted(slide) || inForce().length) return;
    await wait(Math.min(slide.milliseconds - elapsed, LOOK_MS));
  }
}

function note() {
  if (state.revoked) return "Bảng tin đã ngừng hoạt động";
  if (!answered) return "Đang chờ chương trình của bảng";
  return state.connected || state.claim_code ? "" : "Đang chờ kết nối máy chủ";
}

function pause() {
  for (const frame of frames) frame.classList.remove("on");
  rest.classList.add("on");
  rest.classList.toggle("unclaimed", Boolean(state.claim_code));
  const texts = { name: state.name, code: state.claim_code, time: TIME.format(now()), day: DAY.format(now()), note: note() };
  for (const [id, words] of Object.entries(texts)) document.getElementById(id).textContent = words ?? "";
}

document.addEventListener("visibilitychange", () => {
  hides += 1;
});
state = recall(STATE, state);
navigator.serviceWorker?.register("/sw.js");
forever(look);
forever(chores);
forever(warn);
forever(next);
