// What the heads of a block give to the keys that a query meets, and what to say of it.

const STRONGEST = 3;                          // keys that are named
export const percent = (part) => `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;

function weighed(name, row, { num_cls: first, keys }) {
  const onGrid = row.slice(first);
  const order = onGrid.map((_, i) => i).sort((a, b) => onGrid[b] - onGrid[a]);
  const weights = { row, onGrid, order, largest: onGrid[order[0]], cls: first ? row[0] : null,
    even: 1 / keys.count };
  return { name, weights };
}

// A line for the mean of the heads (of several) and for each head: { name, weights }. `readers`: of
// one block, as in tokens_clips.js; without them, one line without weights.
export function headLines(readers, report) {
  if (!readers) return [{ name: '', weights: null }];
  const heads = readers.map((reader) => reader(report.queries.index));
  const lines = heads.map((row, i) => weighed(`head ${i}`, row, report));
  if (heads.length === 1) return lines;
  const mean = heads[0].map((_, key) => heads.reduce((sum, row) => sum + row[key], 0) / heads.length);
  return [weighed(`the mean of ${heads.length} heads`, mean, report), ...lines];
}

// The part of the weights that the keys of one moment have together.
export function onMoment({ onGrid }, { keys: { thw: [, rows, columns] } }, moment) {
  const size = rows * columns;
  return onGrid.slice(moment * size, (moment + 1) * size).reduce((sum, part) => sum + part, 0);
}

export function weightOf({ onGrid }, { keys: { thw: [, rows, columns] } }, [t, y, x]) {
  return onGrid[(t * rows + y) * columns + x];
}

function keyOf(number, { keys: { thw: [, rows, columns] } }) {
  const [t, y] = [Math.floor(number / (rows * columns)), Math.floor(number / columns) % rows];
  return `(${t}, ${y}, ${number % columns})`;
}

export function inWords({ name, weights: { onGrid, order, cls, even } }, report) {
  const strongest = order.slice(0, STRONGEST).map((number) =>
    `${keyOf(number, report)} with ${percent(onGrid[number])}`);
  const ofClass = cls === null ? '' : ` The class token's key has ${percent(cls)}.`;
  return `In ${name} the strongest keys are ${strongest.join(', ')}. An even share would be `
    + `${percent(even)}.${ofClass}`;
}
