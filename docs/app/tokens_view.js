// The elements of the page "Tokens", and how a report is shown in them.
import { h } from './dom.js';
import { makeFilm } from './tokens_film.js';
import { drawPicture, keyUnder, placeUnder } from './tokens_picture.js';
import { headLines, inWords, onMoment, percent, weightOf } from './tokens_weights.js';

const NO_KEY = null;
const clamp = (number, last) => Math.min(Math.max(number, 0), last);
const frameAt = (centre, { clip: [frames] }) => clamp(Math.round(centre), frames - 1);
const frameOf = (report) => frameAt(report.tokens.centre[0], report);

// `asked`: pick(place), step(event), openBlock(number), openNetwork(value), openExample(number).
function makeElements(asked) {
  const [network, example, block] = ['network', 'example', 'block'].map((name) =>
    h(name === 'block' ? 'input' : 'select', { id: `mvit-${name}` }));
  Object.assign(block, { type: 'range', min: 0 });
  network.addEventListener('change', () => asked.openNetwork(network.value));
  example.addEventListener('change', () => asked.openExample(Number(example.value)));
  block.addEventListener('input', () => asked.openBlock(Number(block.value)));
  return {
    network, example, block,
    status: h('p', { role: 'status', class: 'mvit-status' }),
    refusal: h('p', { role: 'alert', class: 'mvit-refused', hidden: true }),
    blockName: h('output', { for: 'mvit-block' }),
    stages: h('div', { class: 'mvit-stages', 'aria-hidden': 'true' }),
    picture: h('canvas', { class: 'mvit-picture', tabindex: 0, role: 'application',
      'aria-label': 'The clip. Arrow keys move the token, Page Up and Page Down the moment.',
      'aria-describedby': 'mvit-said', onkeydown: asked.step }),
    caption: h('figcaption'),
    legend: h('ul', { class: 'mvit-legend' }),
    keyLine: h('p', { class: 'mvit-key-line' }),
    line: h('p', { 'aria-live': 'polite', id: 'mvit-said', class: 'mvit-line' }),
    words: h('div', { class: 'mvit-words' }),
    filmTitle: h('h2'),
    filmNote: h('p'),
    rowTitle: h('h2'),
    row: h('table'),
    explorer: h('a', {}, 'Open this design in the explorer'),
    shown: h('div', { hidden: true }),
  };
}

function showLegend(el, { queries, keys }) {
  const item = (kind, text) => h('li', {}, h('i', { class: `mvit-mark ${kind}` }), text);
  const dashed = [
    [queries, 'mvit-of-q', 'what the query cell is pooled from'],
    [keys, 'mvit-of-k', 'what one key is pooled from']].filter(([grid]) => grid.pooled);
  el.legend.replaceChildren(
    item('mvit-of-q mvit-full', queries.pooled ? 'the token' : 'the token, which is its own query'),
    ...(queries.pooled ? [item('mvit-of-q', 'its query cell')] : []),
    item('mvit-of-k mvit-full', 'keys'),
    ...dashed.map(([, kind, text]) => item(`${kind} mvit-dashed`, text)));
}

function arrange(root, el, film) {
  const labelled = (text, input, ...more) => h('div', { class: 'mvit-control' },
    h('label', { for: input.id }, ...text), input, ...more);
  const tools = h('div', { class: 'mvit-tools' }, labelled(['network'], el.network),
    labelled(['clip'], el.example), el.explorer);
  const large = h('figure', { class: 'mvit-large' }, el.picture, el.caption, el.legend, el.keyLine);
  const table = h('div', { class: 'mvit-scroll', tabindex: 0, role: 'region',
    'aria-label': "The plan's row" }, el.row);
  el.shown.append(labelled(['block ', el.blockName], el.block, el.stages),
    h('div', { class: 'mvit-pair' }, large, h('div', {}, el.line, el.words)),
    el.filmTitle, el.filmNote, film.element, el.rowTitle, table);
  root.replaceChildren(el.status, tools, el.refusal, el.shown);
}

function showBlock(el, { block, blocks, stages }) {
  el.block.max = blocks - 1;
  el.block.value = block;
  el.block.setAttribute('aria-valuetext', `block ${block}, stage ${stages[block]}`);
  el.blockName.replaceChildren(`${block} of 0 to ${blocks - 1}, stage ${stages[block]}`);
  el.stages.replaceChildren(...stages.map((stage, i) => h('i', {
    style: `background: var(--mvit-stage-${stage})`, class: i === block ? 'mvit-now' : null })));
}

function showWords(el, report, line) {
  const part = (kind, title, text) => h('p', { class: kind }, h('b', {}, title), ' ', text);
  const { said } = report;
  el.line.replaceChildren(said.line);
  el.words.replaceChildren(part('mvit-of-q', 'Token.', said.token),
    part('mvit-of-q', 'Query.', said.query), part('mvit-of-k', 'Keys.', said.keys),
    ...(line.weights ? [part('mvit-of-k', 'Weights.', inWords(line, report))] : []));
}

function showRow(el, { block, row }) {
  const heads = ['field', 'value', 'meaning'].map((name) => h('th', { scope: 'col' }, name));
  const lines = Object.entries(row).map(([name, { value, meaning }]) =>
    h('tr', {}, h('th', { scope: 'row' }, h('code', {}, name)), h('td', {}, value),
      h('td', {}, meaning)));
  el.rowTitle.replaceChildren(`The plan's row of block ${block}`);
  el.row.replaceChildren(h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...lines));
}

function heldBy({ windows }, token) {
  return ['frames', 'y', 'x'].map((name, axis) => {
    const [start, stop] = windows[axis][token[axis]];
    return `${name} ${start} to ${stop - 1}`;
  }).join(', ');
}

export function makeView(root, asked) {
  const el = makeElements(asked);
  const film = makeFilm({ pickUnder, chooseHead });
  let now = null;              // { report, clip }
  let head = '';
  let key = NO_KEY;            // under the pointer

  const chosen = () => now.lines.find(({ name }) => name === head) ?? now.lines[0];

  function pickUnder(canvas, event, frame) {
    asked.pick([frame, ...placeUnder(canvas, event, now.report.clip)]);
  }

  function chooseHead(name) {
    head = name;
    draw();
  }

  function overLarge(event) {
    if (event.buttons === 1) return pickUnder(el.picture, event, frameOf(now.report));
    const place = placeUnder(el.picture, event, now.report.clip);
    return setKey(event.type === 'pointerleave' ? NO_KEY : keyUnder(now.report.keys, place));
  }

  function setKey(found) {
    if (String(found) === String(key)) return;
    key = found;
    drawLarge();
  }

  function drawLarge() {
    const { report, clip } = now;
    const { name, weights } = chosen();
    const marked = [report.keys.at[0], ...(key ?? report.keys.at.slice(1))];
    drawPicture(el.picture, { clip, report, frame: frameOf(report), moment: marked[0], weights,
      token: true, key: marked });
    el.caption.replaceChildren(`Frame ${frameOf(report)} of 0 to ${report.clip[0] - 1}`
      + (weights ? `, with the weights of ${name}. The network says: ${clip.verdict}.`
        : '. Keys are outlines only: there is no trained network here that would weigh them.'));
    const weight = weights ? `; its weight is ${percent(weightOf(weights, report, marked))}` : '';
    el.keyLine.replaceChildren(`Key (${marked.join(', ')}) holds ${heldBy(report.keys, marked)}`
      + `${weight}.`);
  }

  function drawFilm() {
    const { report, clip, lines } = now;
    const { keys, clip: [, height, width] } = report;
    const frames = keys.centres[0].map((centre) => frameAt(centre, report));
    const rows = lines.map(({ name, weights }) => ({
      name, weights,
      label: `Keys of every moment${name ? `: ${name}` : ''}`,
      captions: frames.map((frame, moment) =>
        `frame ${frame}${weights ? `: ${percent(onMoment(weights, report, moment))}` : ''}`),
    }));
    const count = (keys.count - report.num_cls).toLocaleString('en');
    el.filmTitle.replaceChildren(`All ${count} keys of the grid, ${keys.thw.join('×')}`);
    el.filmNote.replaceChildren('Attention is global: the query meets all of these keys. There is a '
      + 'picture for each moment of the grid.', lines[0].weights
      ? ' The filled part of a cell is the weight of its key, beside the largest of the line; below '
        + 'a picture stands what all its keys weigh together. The buttons say whose weights the '
        + 'large picture shows.' : '');
    film.show(rows, frames, `${width} / ${height}`, chosen().name,
      (canvas, frame, moment, weights) => drawPicture(canvas,
        { clip, report, frame, moment, weights, token: moment === keys.at[0], key: null }));
  }

  function draw() {
    const { report } = now;
    el.shown.hidden = false;
    el.picture.style.aspectRatio = `${report.clip[2]} / ${report.clip[1]}`;
    drawLarge();
    drawFilm();
    showLegend(el, report);
    showBlock(el, report);
    showWords(el, report, chosen());
    showRow(el, report);
  }

  arrange(root, el, film);
  el.picture.addEventListener('pointerdown', (event) =>
    pickUnder(el.picture, event, frameOf(now.report)));
  el.picture.addEventListener('pointermove', overLarge);
  el.picture.addEventListener('pointerleave', overLarge);
  new ResizeObserver(() => now && draw()).observe(el.shown);

  return {
    say: (sentence) => el.status.replaceChildren(sentence),
    fail(sentence) {
      el.status.replaceChildren(sentence);
      el.status.classList.add('mvit-refused');
    },
    refuse(sentence) {               // none: nothing is refused
      el.refusal.replaceChildren(h('b', {}, 'Not possible: '), sentence);
      el.refusal.hidden = !sentence;
    },
    show(report, clip) {
      now = { report, clip, lines: headLines(clip.blocks?.[report.block], report) };
      key = NO_KEY;
      draw();
    },
    lines: () => now.lines,
    choices: { network: el.network, example: el.example, explorer: el.explorer },
  };
}
