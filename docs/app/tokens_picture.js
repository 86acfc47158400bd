// One frame of a clip, with the keys of one moment and the token over it.

const color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--mvit-${name}`).trim();

// A box is [y0, y1, x0, x1] in pixels of the clip, from the spans of a report along each axis.
const box = (spans, [, h, w]) => [...spans[1][h], ...spans[2][w]];

function outline(context, [y0, y1, x0, x1], style, width, dash = []) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.setLineDash([]);
}

// White under a line shows it on every picture. `point` is one pixel of the page.
function casedOutline(context, cell, style, point) {
  outline(context, cell, 'white', 3.5 * point);
  outline(context, cell, style, 2 * point);
}

function fill(context, [y0, y1, x0, x1], style) {
  context.fillStyle = style;
  context.fillRect(x0, y0, x1 - x0, y1 - y0);
}

const shrunk = ([y0, y1, x0, x1], by) => [y0 + by, Math.max(y0 + by, y1 - by),
  x0 + by, Math.max(x0 + by, x1 - by)];

function eachKey({ thw, cells }, moment, visit) {
  for (let h = 0; h < thw[1]; h += 1) {
    for (let w = 0; w < thw[2]; w += 1) {
      visit(box(cells, [moment, h, w]), (moment * thw[1] + h) * thw[2] + w);
    }
  }
}

function drawTiles(context, keys, moment, point) {
  const blue = color('k');
  const line = Math.min(point, ...keys.step.slice(1).map((pixels) => pixels / 10));
  eachKey(keys, moment, (cell) => {
    outline(context, shrunk(cell, line / 2), 'white', 2 * line);
    outline(context, shrunk(cell, line / 2), blue, line);
  });
}

// The filled part of each cell is the weight of its key, beside the largest of all moments.
function drawWeights(context, keys, moment, point, { onGrid, largest }) {
  const blue = color('k');
  eachKey(keys, moment, (cell, number) => {
    const [y0, y1, x0, x1] = cell;
    outline(context, cell, 'rgb(255 255 255 / 25%)', point / 2);
    const margin = (1 - Math.sqrt(onGrid[number] / largest)) / 2;
    const [high, wide] = [(y1 - y0) * margin, (x1 - x0) * margin];
    const part = [y0 + high, y1 - high, x0 + wide, x1 - wide];
    context.globalAlpha = 0.8;
    fill(context, part, blue);
    context.globalAlpha = 1;
    outline(context, shrunk(part, point / 2), 'rgb(255 255 255 / 80%)', point);
  });
}

function drawToken(context, { tokens, queries }, point) {
  const vermilion = color('q');
  if (queries.pooled) {
    casedOutline(context, box(queries.cells, queries.at), vermilion, point);
  }
  const cell = box(tokens.cells, tokens.at);
  fill(context, cell, 'white');
  fill(context, shrunk(cell, point), vermilion);
}

// Dashed lines, each in the gaps of the other where both are the same.
function drawWindows(context, { queries, keys }, key, point) {
  const windows = [[keys, key, 'k'], [queries, queries.at, 'q']]
    .filter(([grid]) => grid.pooled)
    .map(([grid, token, name]) => [box(grid.windows, token), color(name)]);
  for (const [cell] of windows) outline(context, cell, 'white', 3.5 * point);
  windows.forEach(([cell, style], i) => {
    context.lineDashOffset = 6 * i * point;
    outline(context, cell, style, 2 * point, [6 * point, 6 * point]);
  });
  context.lineDashOffset = 0;
}

// `view`: clip, report, frame, the moment of the keys, their weights (null: none are known), whether
// the token is in this frame, and the key whose window is shown (null: no windows).
export function drawPicture(canvas, view) {
  const { clip, report, frame, moment, weights } = view;
  const [frames, height, width] = report.clip;
  const shown = canvas.clientWidth;
  if (!shown) return;
  canvas.width = Math.round(shown * devicePixelRatio);
  canvas.height = Math.round((canvas.width * height) / width);
  const context = canvas.getContext('2d');
  context.scale(canvas.width / width, canvas.width / width);
  clip.draw(context, frame, width, height, frames);
  const point = width / shown;
  if (weights) drawWeights(context, report.keys, moment, point, weights);
  else drawTiles(context, report.keys, moment, point);
  if (view.key) drawWindows(context, report, view.key, point);
  if (view.token) drawToken(context, report, point);
}

// The place (y, x) of the clip under the pointer, in whole pixels.
export function placeUnder(canvas, event, [, height, width]) {
  const at = canvas.getBoundingClientRect();
  const part = (offset, length, pixels) =>
    Math.min(Math.max(Math.floor((offset / length) * pixels), 0), pixels - 1);
  return [part(event.clientY - at.top, at.height, height),
    part(event.clientX - at.left, at.width, width)];
}

// (h, w) of the key in whose cell a place (y, x) lies; null: in none.
export function keyUnder({ cells }, place) {
  const found = place.map((pixel, i) =>
    cells[i + 1].findIndex(([start, stop]) => start <= pixel + 0.5 && pixel + 0.5 < stop));
  return found.includes(-1) ? null : found;
}
