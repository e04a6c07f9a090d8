"use strict";
const PER_PAGE = 10, UNDO_SECONDS = 10;
const SAID = { accept: "Accepted", reject: "Rejected", replace: "Replaced by your own picture" };
const KEYS = { a: "accept", r: "reject", p: "replace" };
const written = typeof held !== "undefined"; // by entries.js, which the command writes beside this page
const many = (number) => number.toLocaleString("en");
const byId = (id) => document.getElementById(id);
let entries = [], undoable = [], shownPage = -1, current = 0, page = new AbortController(), chosen = null, isAlone = written;
const own = new Map(); // a person's own pictures, by the entry's number

// ---- what the command says. A page that it wrote asks nobody: its pictures are scripts beside it.

async function ask(path, options = {}) {
  const headers = { authorization: sessionStorage.getItem("session") };
  const answer = await fetch(path, { cache: "no-store", ...options, headers });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

const arriving = new Map();
window.arrived = (name, base64, why) => arriving.get(name)(base64, why);

function fromScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    arriving.set(name, (base64, why) =>
      base64 ? resolve(fetch(`data:;base64,${base64}`).then((answer) => answer.blob())) : reject(new Error(why)));
    script.onerror = () => reject(new Error("The picture's file is gone."));
    script.onload = () => script.remove();
    script.src = `pictures/${name}.js`;
    document.head.append(script);
  });
}

async function picture(number, side, signal) {
  if (side === "after" && own.has(number)) return own.get(number);
  return written ? fromScript(`${number}-${side}`) : (await ask(`/pictures/${number}/${side}`, { signal })).blob();
}

// ---- pictures: fetched side by side, decoded in turn, since each may have a camera's full size

let turn = Promise.resolve();
let last = { close() {} };

async function load(card) {
  const { signal } = page;
  const sides = await Promise.allSettled(["before", "after"].map((side) => picture(card.number, side, signal)));
  card.files = sides.map((side) => side.value);
  const problem = sides.find((side) => side.reason)?.reason.message;
  if (problem && card.isConnected) say(card, problem, true);
  draw(card);
}

/** Only the last card's pictures stay decoded: two of 24 megapixels take 200 MB. */
function draw(card) {
  turn = turn.then(async () => {
    if (!card.isConnected || !card.files) return;
    if (last.card !== card || last.files !== card.files) {
      const bitmaps = await Promise.all(card.files.map((file) => file && createImageBitmap(file).catch(() => null)));
      last.close();
      last = { card, files: card.files, bitmaps, close: () => bitmaps.forEach((bitmap) => bitmap?.close()) };
      if (card.files.some((file, side) => file && !bitmaps[side])) say(card, "This browser cannot show the picture.", true);
    }
    show(card, ...last.bitmaps);
  });
}

function lookElsewhere(card, event) {
  if (!card.place || !card.frame) return;
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (step) card.place = { x: card.place.x + step[0] / 20, y: card.place.y + step[1] / 20 };
  else if (event.type === "click" && event.detail) {
    const at = (offset, frameStart, length) => (offset * devicePixelRatio - frameStart) / length;
    const { left, top, width, height } = card.frame;
    card.place = { x: at(event.offsetX, left, width), y: at(event.offsetY, top, height) };
  } else return;
  event.preventDefault();
  draw(card);
}

// ---- cards, and pages of them

const nearby = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) nearby.unobserve(target), load(target);
}, { rootMargin: "100% 0px" });

function cardOf(number) {
  const entry = entries[number], card = byId("card").content.cloneNode(true).firstElementChild;
  card.number = number;
  card.id = `card-${number}`;
  card.setAttribute("aria-label", entry.name);
  card.querySelector("h2").textContent = entry.name;
  card.querySelector(".score").textContent = `score ${entry.score} of 1`;
  card.querySelector(".doubts").append(...entry.doubts.map((doubt) => Object.assign(document.createElement("li"), { textContent: doubt })));
  card.querySelector(".choice").onclick = ({ target }) => choose(number, target.closest("button")?.value);
  card.querySelector(".look").onclick = card.querySelector(".look").onkeydown = (event) => lookElsewhere(card, event);
  return card;
}

function turnTo(number) {
  if (number === shownPage) return;
  page.abort();
  page = new AbortController();
  shownPage = number;
  const first = number * PER_PAGE;
  const cards = entries.slice(first, first + PER_PAGE).map((_entry, place) => cardOf(first + place));
  nearby.disconnect();
  byId("cards").replaceChildren(...cards);
  cards.forEach((card) => (nearby.observe(card), showDecision(card.number)));
  const pages = Math.ceil(entries.length / PER_PAGE);
  byId("page").textContent = `${many(number + 1)} of ${many(pages)}`;
  byId("back").disabled = !number;
  byId("on").disabled = number + 1 >= pages;
}

function goTo(number, scrolls = true) {
  if (number < 0 || number >= entries.length) return;
  turnTo(Math.floor(number / PER_PAGE));
  const card = byId(`card-${number}`);
  card.focus({ preventScroll: true });
  if (scrolls) card.scrollIntoView();
}

function say(card, text, isError = false) {
  const said = card.querySelector(".said");
  said.textContent = text;
  said.classList.toggle("error", isError);
}

// ---- decisions: each waits a little before it is sent, so that Undo is true

function showDecision(number) {
  const entry = entries[number], card = byId(`card-${number}`);
  const after = written ? "" : entry.sent ? " and sent" : `. It is sent in ${UNDO_SECONDS} seconds`;
  if (card) {
    say(card, entry.error || (entry.decision ? `${SAID[entry.decision]}${after}.` : ""), Boolean(entry.error));
    for (const button of card.querySelectorAll(".choice button")) {
      button.setAttribute("aria-pressed", String(button.value === entry.decision));
      button.disabled = Boolean(entry.sent);
    }
  }
  const of = (word) => many(entries.filter((each) => each.decision === word).length);
  byId("count").textContent = `${many(entries.filter((each) => each.decision).length)} of ${many(entries.length)} decided`;
  byId("counts").textContent = `${of("accept")} accepted, ${of("reject")} rejected, ${of("replace")} replaced`;
  byId("undo").disabled = byId("send").disabled = !undoable.length;
  byId("send").textContent = isAlone ? "Save" : "Send";
}

function choose(number, word) {
  if (!word || !entries[number] || entries[number].sent) return;
  chosen = number;
  if (word === "replace") byId("file").click();
  else decide(number, word);
}

async function replaceBy(number, file) {
  byId("file").value = "";
  try {
    if (!isAlone) await ask(`/own/${number}`, { method: "PUT", body: file });
  } catch (error) {
    entries[number].error = error.message;
    return showDecision(number);
  }
  own.set(number, file);
  const card = byId(`card-${number}`);
  if (card?.files) (card.files = [card.files[0], file]), draw(card);
  decide(number, "replace");
}

function decide(number, word) {
  Object.assign(entries[number], { decision: word, at: Date.now(), error: "" });
  undoable = [...undoable.filter((each) => each !== number), number];
  if (word !== "replace" && own.delete(number)) load(byId(`card-${number}`));
  showDecision(number);
  const next = entries.findIndex((entry, place) => place > number && !entry.decision);
  const first = entries.findIndex((entry) => !entry.decision);
  goTo(next >= 0 ? next : first >= 0 ? first : number);
}

function undo() {
  const number = undoable.pop();
  if (number === undefined) return;
  entries[number].decision = null;
  goTo(number);
  const card = byId(`card-${number}`);
  if (own.delete(number)) load(card);
  showDecision(number);
}

async function send(numbers) {
  if (!numbers.length) return;
  undoable = undoable.filter((number) => !numbers.includes(number));
  numbers.forEach((number) => (entries[number].sent = true));
  const body = JSON.stringify(numbers.map((number) => ({ number, decision: entries[number].decision })));
  try {
    const answer = await ask("/decisions", { method: "POST", body, keepalive: true });
    for (const { number, error } of await answer.json())
      if (error) Object.assign(entries[number], { sent: false, decision: null, error });
    if (entries.every((entry) => entry.sent)) byId("note").textContent = "Everything is decided and sent. The command has ended; close this page.";
  } catch {
    numbers.forEach((number) => (entries[number].sent = false));
    [undoable, isAlone] = [[...numbers, ...undoable], true];
    byId("note").textContent = "The command does not answer any more, and what is marked as not sent was not carried out. Save " +
      "the decisions, and carry them out by dropcut review --apply FILE.";
  }
  numbers.forEach(showDecision);
}

function save() {
  const lines = entries.map((entry, number) => entry.decision && !entry.sent && JSON.stringify({
    bucket: entry.bucket, key: entry.key, job_id: entry.job_id, decision: entry.decision, file: own.get(number)?.name,
  }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.filter(Boolean).map((line) => `${line}\n`).join("")]));
  link.download = "decisions.jsonl";
  link.click();
  undoable = [];
  showDecision(shownPage * PER_PAGE);
}

// ---- the beginning

byId("cards").addEventListener("focusin", ({ target }) => (current = target.closest("article").number));
byId("undo").onclick = undo;
byId("send").onclick = () => (isAlone ? save() : send(undoable));
byId("back").onclick = () => goTo((shownPage - 1) * PER_PAGE);
byId("on").onclick = () => goTo((shownPage + 1) * PER_PAGE);
byId("file").onchange = ({ target }) => target.files.length && replaceBy(chosen, target.files[0]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (KEYS[key]) choose(current, KEYS[key]);
  else if (key === "u") undo();
  else if (key === "j") goTo(current + 1);
  else if (key === "k") goTo(current - 1);
});
addEventListener("resize", () => document.querySelectorAll("article").forEach(draw));
addEventListener("pagehide", () => isAlone || send(undoable));
addEventListener("beforeunload", (event) => isAlone && undoable.length && event.preventDefault());
if (!written) setInterval(() => isAlone || send(undoable.filter((number) => Date.now() - entries[number].at > UNDO_SECONDS * 1000)), 500);

async function begin() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (token) sessionStorage.setItem("session", await (await ask("/session", { method: "POST", body: token })).text());
  entries = (await (await ask("/entries")).json()).map((entry) => ({ ...entry, sent: Boolean(entry.decision) }));
}

if (written) byId("note").textContent = "Save your decisions at the end, and carry them out by dropcut review --apply FILE.";
(written ? Promise.resolve((entries = held)) : begin()).then(
  () => (goTo(0, false), showDecision(0)),
  (error) => (byId("count").textContent = `${error.message} Start dropcut review --serve again.`),
);
