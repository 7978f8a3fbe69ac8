// Alerts: over everything, one page after the other in letters that can be read from afar, until they are over.
// They outlast the agent and a restart of the browser as everything in the state does.
"use strict";

const REPORTS = "alerted-waiting";
const SIZES = [12, 10, 8, 7, 6, 5.2]; // In hundredths of the shorter side.
const KINDS = {
  extreme: ["Đặc biệt khẩn cấp", "អាសន្នបំផុត"],
  severe: ["Khẩn cấp", "អាសន្ន"],
  moderate: ["Cảnh báo", "ការព្រមាន"],
  minor: ["Thông báo", "ការជូនដំណឹង"],
};
const LANGUAGES = ["vi", "km", "en"];
const board = document.getElementById("alert");
const words = document.getElementById("alert-texts");
let rouse = () => {};

const inForce = () => (state.alerts ?? []).filter((notice) => Date.parse(notice.expires_at) > now());
const refs = () => inForce().map((notice) => notice.ref).join(" ");

// Until the time is over or the notices have changed.
function doze(ms) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    rouse = () => {
      clearTimeout(timer);
      done();
    };
  });
}

function fill(notice, texts, size) {
  const [vi, km] = KINDS[notice.severity];
  board.className = `on ${notice.severity}`;
  board.style.setProperty("--size", `${size}vmin`);
  board.style.setProperty("--headline", `${notice.headline.length > 60 ? Math.min(size, 6.4) : size * 1.15}vmin`);
  document.getElementById("alert-kind").textContent = vi;
  document.getElementById("alert-kind-km").textContent = km;
  document.getElementById("alert-until").textContent = `đến ${TIME.format(Date.parse(notice.expires_at))}`;
  document.getElementById("alert-headline").textContent = notice.headline;
  words.replaceChildren(
    ...texts.map(([language, text]) => {
      const paragraph = document.createElement("p");
      paragraph.lang = language;
      paragraph.textContent = text;
      return paragraph;
    }),
  );
}

function fits(notice, texts, size) {
  fill(notice, texts, size);
  return words.scrollHeight <= words.clientHeight && board.scrollHeight <= board.clientHeight;
}

const largest = (notice, texts) => SIZES.find((size) => fits(notice, texts, size));

// A text that is too long for one page goes on on the next, after a sentence if that leaves the page half full.
function split(notice, language, text) {
  const least = SIZES.at(-1);
  const pieces = [...new Intl.Segmenter(language, { granularity: "word" }).segment(text)].map((piece) => piece.segment);
  const pages = [];
  while (pieces.length) {
    let [low, high] = [1, pieces.length];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fits(notice, [[language, pieces.slice(0, middle).join("")]], least)) low = middle;
      else high = middle - 1;
    }
    if (low < pieces.length) {
      const end = pieces.slice(0, low).findLastIndex((piece) => /[.!?។]/.test(piece)) + 1;
      if (end > low / 2) low = end;
    }
    pages.push({ texts: [[language, pieces.splice(0, low).join("").trim()]], size: least });
  }
  return pages;
}

function pagesOf(notice) {
  const texts = LANGUAGES.filter((language) => notice.texts[language]).map((language) => [language, notice.texts[language]]);
  const together = largest(notice, texts);
  if (together) return [{ texts, size: together }];
  return texts.flatMap(([language, text]) => {
    const size = largest(notice, [[language, text]]);
    return size ? [{ texts: [[language, text]], size }] : split(notice, language, text);
  });
}

// How long a page stands: time to look up, and to read it aloud to somebody.
function dwell(page) {
  const letters = page.texts.reduce((sum, [, text]) => sum + text.length, 0);
  return Math.max(8000, 3000 + 60 * letters) / (state.speed || 1);
}

function report(ref, stage) {
  const waiting = recall(REPORTS, []);
  if (waiting.some((told) => told.ref === ref && told.stage === stage)) return;
  localStorage.setItem(REPORTS, JSON.stringify([...waiting, { ref, stage }]));
}

async function tellAlerts() {
  for (const told of recall(REPORTS, [])) {
    const answer = await ask("/alerted", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(told),
    });
    if (answer.status >= 500) return;
    const others = recall(REPORTS, []).filter((other) => other.ref !== told.ref || other.stage !== told.stage);
    localStorage.setItem(REPORTS, JSON.stringify(others));
  }
}

const told = new Set();

function once(ref, stage) {
  if (told.has(`${ref} ${stage}`)) return;
  told.add(`${ref} ${stage}`);
  report(ref, stage);
  tellAlerts().catch(() => {});
}

// One round through all that is in force; a change begins a new one.
async function warn() {
  const round = refs();
  if (!round) {
    if (board.classList.contains("on")) board.className = "";
    return doze(LOOK_MS);
  }
  for (const notice of inForce()) {
    const pages = pagesOf(notice);
    const before = hides;
    let seen = document.visibilityState === "visible";
    for (const [number, page] of pages.entries()) {
      fill(notice, page.texts, page.size);
      document.getElementById("alert-page").textContent = pages.length > 1 ? `${number + 1} / ${pages.length}` : "";
      if (seen) once(notice.ref, "playing");
      const until = performance.now() + dwell(page);
      for (let left = dwell(page); left > 0; left = until - performance.now()) {
        await doze(Math.min(left, LOOK_MS));
        if (refs() !== round) return undefined;
      }
      seen &&= hides === before;
    }
    if (seen) once(notice.ref, "finished");
  }
  return undefined;
}
