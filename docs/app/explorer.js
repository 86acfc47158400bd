// The explorer: controls, totals against a reference, four panels, the plan, and the code. All that
// it shows of a design is the answer of `mvit_nb.design.design_report`; here it is only drawn.
import { copyText, h } from './dom.js';
import { PANELS } from './explorer_charts.js';
import { makeControls } from './explorer_controls.js';
import { startPython } from './python.js';

const SETTLED = 400; // ms without a change, until it goes into the address and to screen readers
const NARROWEST = 120; // pixels that a chart needs; a page has fewer while it is laid out
const COPIED = 2000; // ms that a button says so
const PINNED = 'pinned design';
const READY = 'Python is there: a change shows at once.';
const { page, report: first } = globalThis.mvitDesign;

const state = { start: first.start, reference: page.start, report: null, asked: 0, timer: 0 };
let python;

function modelList(id, changed) {
  const groups = Object.entries(page.models).map(([label, names]) =>
    h('optgroup', { label }, ...names.map((name) => h('option', { value: name }, name))));
  return h('select', { id, onchange: changed }, ...groups);
}

function labelled(text, input) {
  return h('div', { class: 'mvit-control' }, h('label', { for: input.id }, text), input);
}

function button(text, pressed) {
  return h('button', { type: 'button', onclick: pressed }, text);
}

const view = {
  status: h('p', { role: 'status', class: 'mvit-status' }),
  spoken: h('p', { 'aria-live': 'polite', class: 'mvit-unseen' }),
  line: h('p', { class: 'mvit-line' }),
  names: h('p', { class: 'mvit-names' }),
  sums: h('p', { class: 'mvit-sums' }),
  table: h('table', { class: 'mvit-totals' }),
  plan: h('table', {}),
  code: h('code', {}),
  start: modelList('mvit-start', () => restart(view.start.value)),
  reference: modelList('mvit-reference', () => compareWith(view.reference.value)),
};
const controls = makeControls(page.controls, () => update());

function panel({ name, title, note, legend = [] }) {
  const keys = legend.map((operator) => h('span', { class: 'mvit-key' },
    h('i', { style: `background: var(--mvit-${operator})` }), operator));
  const caption = h('figcaption', {}, h('b', {}, title), ...(note ? [` (${note}) `] : []), ...keys);
  const place = h('div', { class: 'mvit-chart' });
  return { figure: h('figure', { class: `mvit-${name}` }, caption, place), place };
}

const panels = PANELS.map((chart) => ({ ...chart, ...panel(chart) }));

function draw({ name, place, draw: plotted }) {
  const width = place.clientWidth;
  if (width < NARROWEST || !state.report) return;
  const svg = plotted(state.report, width);
  svg.querySelectorAll('[aria-label]').forEach((part) => part.removeAttribute('aria-label'));
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', state.report.panels[name]);
  place.replaceChildren(svg);
}

function totalsTable({ table, exact }) {
  const [names, ...lines] = table;
  const heads = lines.map(([name]) => h('th', { scope: 'col' }, ...breakable(name)));
  const rows = names.slice(1).map((name, i) => h('tr', {}, h('th', { scope: 'row' }, name),
    ...lines.map((cells, j) => h('td', {}, cells[i + 1],
      ...(j ? [] : [h('small', { class: 'mvit-exact' }, exact[i])])))));
  return [h('thead', {}, h('tr', {}, h('td'), ...heads)), h('tbody', {}, ...rows)];
}

// A long name of a model may break after each underscore.
function breakable(name) {
  return name.split('_').flatMap((part, i) => (i ? ['_', h('wbr'), part] : [part]));
}

function planTable([heads, ...rows]) {
  const head = h('tr', {}, ...heads.map((name) => h('th', { scope: 'col' }, name)));
  const cells = ([block, ...others]) =>
    h('tr', {}, h('th', { scope: 'row' }, block), ...others.map((text) => h('td', {}, text)));
  return [h('thead', {}, head), h('tbody', {}, ...rows.map(cells))];
}

function sentence({ table }) {
  const [, ours, theirs, , ratio] = table;
  return `${ours[1]} multiply-adds (× ${ratio[1]}) and ${ours[5]} parameters (× ${ratio[5]}), `
    + `beside ${theirs[0]}.`;
}

function show(report) {
  state.report = report;
  view.line.replaceChildren(`${report.words}.`);
  view.line.classList.remove('mvit-refused');
  view.names.replaceChildren();
  controls.blame('');
  view.sums.replaceChildren(sentence(report));
  view.table.replaceChildren(...totalsTable(report));
  view.plan.replaceChildren(...planTable(report.plan));
  view.code.replaceChildren(report.code);
  panels.forEach(draw);
}

// The last good design stays on the page; at the beginning this is the one that is started with.
function refuse(message) {
  if (!state.report) show(first);
  view.line.replaceChildren(h('b', {}, 'Not possible: '), message);
  const labels = controls.blame(message);
  view.names.replaceChildren(labels.length ? `Marked below: ${labels.join(', ')}.` : '');
  view.sums.replaceChildren(`The last design that is possible: ${sentence(state.report)}`);
  view.line.classList.add('mvit-refused');
}

function query() {
  const words = Object.entries(controls.words());
  const moved = words.map(([name, word]) => `${name}=${encodeURIComponent(word)}`);
  return [`start=${state.start}`, ...moved].join('&');
}

// Show what the controls stand for, or the sentence that says why they stand for nothing.
async function update() {
  if (!python) return;
  const number = (state.asked += 1);
  let refusal;
  try {
    const report = await python.call('design', 'design_report', query(), state.reference);
    if (number !== state.asked) return;
    show(report);
  } catch (error) {
    if (number !== state.asked) return;
    refuse(error.message);
    refusal = error.message;
  }
  const before = location.hash;
  clearTimeout(state.timer);
  state.timer = setTimeout(() => settle(refusal, before), SETTLED);
}

// What is shown goes into the address, unless another one was opened in the meantime.
function settle(refusal, before) {
  view.spoken.replaceChildren(refusal ? `Not possible: ${refusal}` : view.sums.textContent);
  if (refusal || location.hash !== before) return;
  if (address() !== state.report.query) location.hash = state.report.query;
}

const address = () => location.hash.slice(1);

// Put the controls where a design has them, and show it.
async function restore(design) {
  try {
    const { start, values } = await python.call('design', 'design_words', design);
    state.start = start;
    view.start.value = start;
    controls.set(values);
  } catch (error) {
    state.asked += 1;
    return refuse(error.message);
  }
  return update();
}

function restart(name) {
  return restore(`start=${name}`);
}

function compareWith(reference) {
  state.reference = reference;
  return update();
}

function pin() {
  const old = view.reference.querySelector('.mvit-pinned');
  const option = h('option', { value: state.report.query, class: 'mvit-pinned' }, PINNED);
  old?.remove();
  view.reference.prepend(option);
  view.reference.value = option.value;
  return compareWith(option.value);
}

function copyButton(name, what, text) {
  const made = button(name, async () => {
    const copied = await copyText(text());
    view.status.replaceChildren(copied ? `${what} is copied.` : `${what} was not copied: ${text()}`);
    made.replaceChildren(copied ? 'Copied' : 'Not copied');
    setTimeout(() => {
      made.replaceChildren(name);
      if (copied) view.status.replaceChildren(READY);
    }, COPIED);
  });
  return made;
}

function link() {
  return `${location.href.split('#')[0]}#${state.report.query}`;
}

function build(root) {
  const tools = h('div', { class: 'mvit-tools' },
    labelled('start from', view.start), labelled('compare with', view.reference),
    button('Start again', () => restart(state.start)), button('Pin this design', pin),
    copyButton('Copy link', 'The link', link));
  const code = h('div', { class: 'mvit-code' }, h('pre', { tabindex: 0 }, view.code),
    copyButton('Copy as Python', 'The code', () => state.report.code));
  const plan = h('details', {}, h('summary', {}, 'The plan as a table'),
    h('div', { class: 'mvit-scroll', tabindex: 0, role: 'region', 'aria-label': 'The plan' },
      view.plan));
  const results = h('div', { class: 'mvit-results' },
    h('div', { class: 'mvit-panels' }, ...panels.map(({ figure }) => figure)),
    view.table, plan, code);
  root.replaceChildren(view.status, view.spoken, tools,
    h('div', { class: 'mvit-summary' }, view.line, view.names, view.sums),
    h('div', { class: 'mvit-columns' }, controls.form, results));
  redrawWhenWidthChanges(results);
}

function redrawWhenWidthChanges(box) {
  let drawn = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === drawn) return;
    drawn = box.clientWidth;
    panels.forEach(draw);
  }).observe(box);
}

// Before Python is there: the controls, and the design that they start with, unless the address
// names another.
function open() {
  controls.set(first.values);
  view.start.value = first.start;
  view.reference.value = state.reference;
  if (!address()) show(first);
}

async function begin(root) {
  build(root);
  open();
  try {
    python = await startPython((said) => view.status.replaceChildren(said));
  } catch (error) {
    view.status.replaceChildren(`Python could not be loaded: ${error.message}`);
    view.status.classList.add('mvit-refused');
    throw error;
  }
  await (address() ? restore(address()) : update());
  view.status.replaceChildren(READY);
  window.addEventListener('hashchange', () => {
    const refused = view.line.classList.contains('mvit-refused');
    if (refused || address() !== state.report.query) restore(address());
  });
}

const ready = begin(document.getElementById('mvit-explorer'));
ready.catch(() => {});

globalThis.mvitExplorer = {
  ready,
  report: () => state.report,
  set: (name, value) => {
    controls.set({ [name]: String(value) });
    return update();
  },
};
