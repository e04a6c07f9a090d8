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

// ---- where the doubt is

/** Where the outline has least of an edge in the photo, as imaging/quality.py finds it; where none lacks one, where the
    cut-out is softest. A window of that width and height, in parts of the picture; its middle. */
function doubtfulPlace(before, after, wide, high) {
  const scale = Math.sqrt(15000 / (after.width * after.height));
  const width = Math.max(3, Math.round(after.width * scale)), height = Math.max(3, Math.round(after.height * scale));
  const photo = before && isSameFrame(before, after) ? reduced(before, width, height) : null;
  const cut = reduced(after, width, height);
  const loose = new Float32Array(width * height), soft = new Float32Array(width * height);
  for (let y = 1; y < height - 1; y++) for (let x = 1; x < width - 1; x++) {
    const at = y * width + x, alpha = cut[4 * at + 3] / 255;
    soft[at] = alpha * (1 - alpha);
    if (!photo) continue;
    let sum = 0, squares = 0, ofColours = 0, support = 0;
    const means = [0, 0, 0], both = [0, 0, 0];
    for (let v = -1; v <= 1; v++) for (let u = -1; u <= 1; u++) {
      const near = 4 * (at + v * width + u), a = cut[near + 3] / 255;
      sum += a / 9; squares += a * a / 9;
      for (let band = 0; band < 3; band++) {
        const colour = photo[near + band];
        means[band] += colour / 9; both[band] += a * colour / 9; ofColours += colour * colour / 9;
      }
    }
    const variance = squares - sum * sum;
    for (let band = 0; band < 3; band++) {
      support += (both[band] - means[band] * sum) ** 2;
      ofColours -= means[band] ** 2;
    }
    if (variance > 0.02 && support / ((variance + 1e-4) * (ofColours + 12)) < 0.08) loose[at] = variance;
  }
  return fullest(loose, width, height, wide, high) || fullest(soft, width, height, wide, high) || { x: 0.5, y: 0.5 };
}

/** The middle of the weights in the window that has most of them; null without any. */
function fullest(weights, width, height, wide, high) {
  const columns = Math.min(width, Math.ceil(wide * width)), rows = Math.min(height, Math.ceil(high * height));
  const sums = Array.from({ length: height + 1 }, () => new Float64Array(width + 1)); // of all above and to the left
  let most = 0.05, corner = null;
  for (let y = 1; y <= height; y++) for (let x = 1; x <= width; x++) {
    sums[y][x] = weights[(y - 1) * width + x - 1] + sums[y][x - 1] + sums[y - 1][x] - sums[y - 1][x - 1];
    if (x < columns || y < rows) continue;
    const found = sums[y][x] - sums[y][x - columns] - sums[y - rows][x] + sums[y - rows][x - columns];
    if (found > most) [most, corner] = [found, [x - columns, y - rows]];
  }
  if (!corner) return null;
  const middle = { x: 0, y: 0 };
  for (let y = corner[1]; y < corner[1] + rows; y++) for (let x = corner[0]; x < corner[0] + columns; x++) {
    middle.x += weights[y * width + x] * (x + 0.5) / width / most;
    middle.y += weights[y * width + x] * (y + 0.5) / height / most;
  }
  return middle;
}

function reduced(bitmap, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

const isSameFrame = (one, other) => Math.abs(one.width * other.height / (one.height * other.width) - 1) < 0.02;

// ---- pictures: fetched side by side, decoded in turn, since each may have a camera's full size

let turn = Promise.resolve();
let open = { close() {} };

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
    if (open.card !== card || open.files !== card.files) {
      const decoded = await Promise.all(card.files.map((file) => file && createImageBitmap(file).catch(() => null)));
      open.close();
      open = { card, files: card.files, decoded, close: () => decoded.forEach((bitmap) => bitmap?.close()) };
      if (card.files.some((file, side) => file && !decoded[side])) say(card, "This browser cannot show the picture.", true);
    }
    show(card, ...open.decoded);
  });
}

function show(card, before, after) {
  const tiles = card.querySelectorAll(".before, .after");
  for (const tile of [...tiles, card.querySelector(".look canvas")])
    [tile.width, tile.height] = [tile.clientWidth, tile.clientHeight].map((side) => Math.round(side * devicePixelRatio));
  const whole = after || before, side = tiles[0].width;
  if (!whole) return;
  const part = [side / whole.width, side / whole.height].map((share) => Math.min(1, share));
  card.place ??= after ? doubtfulPlace(before, after, ...part) : { x: 0.5, y: 0.5 };
  card.place = { x: inside(card.place.x, part[0]), y: inside(card.place.y, part[1]) };
  for (const tile of tiles) {
    const bitmap = tile.className === "before" ? before : after;
    if (!bitmap) continue;
    // Pixel for pixel; a photo that is smaller than its cut-out is enlarged, so that both show the same.
    const shape = isSameFrame(bitmap, whole) ? whole : bitmap;
    const [left, top] = [side / 2 - card.place.x * shape.width, side / 2 - card.place.y * shape.height].map(Math.round);
    tile.getContext("2d").drawImage(bitmap, left, top, shape.width, shape.height);
  }
  showWhole(card, before, after, whole, part);
}

const inside = (middle, part) => Math.min(1 - part / 2, Math.max(part / 2, middle));

/** What was removed is faint; a frame shows where the other pictures are from. */
function showWhole(card, before, after, whole, part) {
  const canvas = card.querySelector(".look canvas"), context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / whole.width, canvas.height / whole.height, devicePixelRatio);
  const [width, height] = [whole.width * scale, whole.height * scale];
  card.frame = { left: (canvas.width - width) / 2, top: (canvas.height - height) / 2, width, height };
  context.translate(card.frame.left, card.frame.top);
  context.imageSmoothingQuality = "high";
  context.globalAlpha = after ? 0.3 : 1;
  if (before && isSameFrame(before, whole)) context.drawImage(before, 0, 0, width, height);
  context.globalAlpha = 1;
  if (after) context.drawImage(after, 0, 0, width, height);
  for (const [colour, line] of [["#000", 4], ["#fff", 2]]) {
    [context.strokeStyle, context.lineWidth] = [colour, line * devicePixelRatio];
    context.strokeRect((card.place.x - part[0] / 2) * width, (card.place.y - part[1] / 2) * height, part[0] * width, part[1] * height);
  }
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
  showDecision(number);
  const open = (_entry, place) => !entries[place].decision;
  const next = entries.findIndex((entry, place) => place > number && open(entry, place));
  goTo(next < 0 ? Math.max(number, entries.findIndex(open)) : next);
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
