// The four panels of `mvit_nb.figures.overview`, drawn from a report.
import { axisX, axisY, barX, gridY, line, plot, pointerX, rect, rectY, text, tip }
  from '@observablehq/plot';

const OPERATORS = ['linear', 'attention', 'conv'];
const MARGINS = { marginLeft: 48, marginRight: 14, marginTop: 16, marginBottom: 26 };
const HEIGHT = 200;
const DIGIT = 7.5; // pixels that a character of a label takes
const PREFIXES = ['', ' k', ' M', ' G', ' T', ' P', ' E'];

const stageColor = (stage) => `var(--mvit-stage-${stage})`;
const operatorColor = (operator) => `var(--mvit-${operator})`;
const times = (sizes) => sizes.join('×');

// The patch embedding as the bar left of block 0, then the blocks.
function bars({ stem, blocks }) {
  const cubes = {
    x: -1, stage: 1, name: 'cubes', dim: stem.dim, thw: stem.thw, positions: stem.positions,
    flops: stem.multiply_adds, tip: `cubes\n${times(stem.thw)} positions\n${stem.dim} channels`,
  };
  return [cubes, ...blocks.map((block) => ({
    x: block.index, stage: block.stage, name: `block ${block.index}`, dim: block.dim,
    thw: block.thw_out, positions: block.positions_out, flops: block.multiply_adds,
    tip: `block ${block.index} of stage ${block.stage}\nQ: ${times(block.thw_out)}\n`
      + `K, V: ${times(block.thw_kv)}\n${block.dim} channels, ${block.num_heads} heads`,
  }))];
}

// Neighbours with the same label, as one label over their middle.
function runs(items, label, height) {
  const found = [];
  for (const item of items) {
    const last = found.at(-1);
    if (last?.label === label(item) && last.height === height(item)) last.to = item.x;
    else found.push({ label: label(item), height: height(item), from: item.x, to: item.x });
  }
  return found;
}

const middle = (run) => (run.from + run.to) / 2;

function gridLabel(frames) {
  return ([t, height, width]) => {
    const frame = height === width ? `${height}²` : `${height}×${width}`;
    return t === frames ? frame : `${t}×${frame}`;
  };
}

// Pixels of one block.
const room = (items, width) => (width - MARGINS.marginLeft - MARGINS.marginRight) / items.length;

// Bars that a line and labels can be read on, apart from each other where there is room.
function pale(items, width) {
  const inset = room(items, width) > 6 ? 0.5 : 0;
  return { fillOpacity: 0.45, insetLeft: inset, insetRight: inset };
}

function tick(value) {
  let step = 0;
  while (Math.abs(value) >= 1000 && step + 1 < PREFIXES.length) {
    value /= 1000;
    step += 1;
  }
  return `${+value.toPrecision(3)}${PREFIXES[step]}`;
}

// The numbers of all blocks, or of those that begin a stage, as far as there is room.
function blockAxis(items, width) {
  const wide = room(items, width) > 16;
  const ticks = [];
  items.forEach((item, i) => {
    const named = i && (wide || item.stage !== items[i - 1].stage);
    const free = !ticks.length || (item.x - ticks.at(-1)) * room(items, width) > 16;
    if (named && free) ticks.push(item.x);
  });
  return axisX(ticks, { tickFormat: String, tickSize: 3, label: null });
}

function valueAxis(ticks) {
  return [gridY(ticks, { strokeOpacity: 0.15 }), axisY(ticks, { tickFormat: tick, label: null })];
}

// From 0 up, at most `most` steps.
function linearTicks(highest, most = 4) {
  const power = 10 ** Math.floor(Math.log10(highest / most));
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => highest / size <= most);
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
}

function powersOfTen(low, high) {
  const first = Math.ceil(Math.log10(low));
  return Array.from({ length: Math.floor(Math.log10(high)) - first + 1 }, (_, i) => 10 ** (first + i));
}

const legible = (items, width) => ({ from, to, label }) =>
  (to - from + 1) * room(items, width) > DIGIT * label.length;

function frame(items, width) {
  return {
    ...MARGINS, width, height: HEIGHT,
    x: { domain: [-1.5, items.length - 1.5], label: null },
    color: { type: 'identity' },
    style: { background: 'transparent', color: 'inherit', fontSize: '12px' },
  };
}

function stageRects(items, options) {
  return rect(items, {
    x1: (item) => item.x - 0.5, x2: (item) => item.x + 0.5,
    fill: (item) => stageColor(item.stage), ...options,
  });
}

const bubble = (items, y) =>
  tip(items, pointerX({ x: 'x', y, title: 'tip', lineHeight: 1.25 }));

function keyLine(blocks) {
  const edges = blocks.map((block) => [block.index - 0.5, block.positions_kv]);
  edges.push([blocks.length - 0.5, blocks.at(-1).positions_kv]);
  return line(edges, {
    curve: 'step-after', stroke: 'currentColor', strokeWidth: 1.6, strokeDasharray: '4 2',
  });
}

function positions(report, width) {
  const { stem, blocks } = report;
  const items = bars(report);
  const all = [...items.map((item) => item.positions), ...blocks.map((row) => row.positions_kv)];
  const [low, high] = [Math.min(...all) / 3, 2.2 * Math.max(...all)];
  const label = gridLabel(stem.thw[0]);
  const queries = runs(items, (item) => label(item.thw), (item) => item.positions);
  const keys = runs(blocks.map((block) => ({ x: block.index, ...block })),
    (block) => label(block.thw_kv), (block) => block.positions_kv);
  return plot({
    ...frame(items, width),
    y: { type: 'log', domain: [low, high] },
    marks: [
      ...valueAxis(powersOfTen(low, high)), blockAxis(items, width),
      stageRects(items, { y1: low, y2: 'positions', ...pale(items, width) }),
      keyLine(blocks),
      text(queries, { x: middle, y: 'height', text: 'label', dy: -8 }),
      text(keys.filter(legible(items, width)), { x: middle, y: 'height', text: 'label', dy: 9 }),
      bubble(items, 'positions'),
    ],
  });
}

function channels(report, width) {
  const items = bars(report);
  const labels = runs(items, (item) => String(item.dim), (item) => item.dim);
  const highest = Math.max(...items.map((item) => item.dim));
  return plot({
    ...frame(items, width),
    y: { domain: [0, 1.15 * highest] },
    marks: [
      ...valueAxis(linearTicks(highest)), blockAxis(items, width),
      stageRects(items, { y1: 0, y2: 'dim', ...pale(items, width) }),
      text(labels, { x: middle, y: 'height', text: 'label', dy: -8 }),
      bubble(items, 'dim'),
    ],
  });
}

function multiplyAdds(report, width) {
  const items = bars(report).map((item) => ({ ...item, sum: sum(OPERATORS, item.flops) }));
  const parts = items.flatMap((item) =>
    OPERATORS.map((operator) => ({ ...item, operator, value: item.flops[operator] })));
  const highest = Math.max(...items.map((item) => item.sum));
  return plot({
    ...frame(items, width),
    y: { domain: [-0.045 * highest, 1.05 * highest] },
    marks: [
      ...valueAxis(linearTicks(highest)), blockAxis(items, width),
      rectY(parts, {
        x1: (part) => part.x - 0.43, x2: (part) => part.x + 0.43, y: 'value',
        fill: (part) => operatorColor(part.operator), stroke: 'currentColor', strokeWidth: 0.4,
      }),
      stageRects(items, { y1: -0.045 * highest, y2: -0.012 * highest }),
      bubble(items, 'sum'),
    ],
  });
}

const sum = (names, values) => names.reduce((total, name) => total + values[name], 0);

function parameters({ stages }, width) {
  const largest = Math.max(...stages.map((stage) => stage.parameters));
  const inner = width - 58 - MARGINS.marginRight;
  const longest = Math.max(...stages.map((stage) => stage.text.length));
  const end = (largest * inner) / Math.max(inner - DIGIT * longest - 5, inner / 4);
  return plot({
    ...MARGINS, marginLeft: 58, marginTop: 6, width, height: Math.max(HEIGHT, 24 * stages.length + 32),
    x: { domain: [0, end] },
    y: { domain: stages.map((stage) => stage.name), padding: 0.2 },
    color: { type: 'identity' },
    style: { background: 'transparent', color: 'inherit', fontSize: '12px' },
    marks: [
      axisX(linearTicks(largest, 2), { tickFormat: tick, label: null }),
      axisY({ tickSize: 0, label: null }),
      barX(stages, {
        x: 'parameters', y: 'name',
        fill: (stage) => (stage.stage ? stageColor(stage.stage) : 'currentColor'),
        fillOpacity: (stage) => (stage.stage ? 1 : 0.35),
      }),
      text(stages, { x: 'parameters', y: 'name', text: 'text', dx: 5, textAnchor: 'start' }),
    ],
  });
}

export const PANELS = [
  { name: 'positions', title: 'Positions per block', draw: positions,
    note: 'on a log scale; bars: H×W of a frame as it leaves the block; dashed: keys and values' },
  { name: 'channels', title: 'Channels per block', draw: channels, note: 'as they come in' },
  { name: 'multiply-adds', title: 'Multiply-adds per block', draw: multiplyAdds,
    note: 'left of block 0 the cubes; strip: the colour of the stage', legend: OPERATORS },
  { name: 'parameters', title: 'Parameters per stage', draw: parameters },
];
