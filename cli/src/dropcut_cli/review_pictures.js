"use strict";
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

// ---- what a card shows

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
