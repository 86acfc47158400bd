// The page "Tokens": a clip to click on. Where a token sits, what its query cell is and which keys it
// meets says mvit_nb.tokens.token_report; here it is drawn, with the weights of a small network.
import { h } from './dom.js';
import { startPython } from './python.js';
import { photographClip, shapesClip } from './tokens_clips.js';
import { makeView } from './tokens_view.js';

const SETTLED = 400; // ms without a change, until it goes into the address
const TRAINED = 'trained';
const STEPS = { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] };
const folder = new URL('.', document.currentScript.src).href;
const { mvitAttention: small, mvitDesign: { page } } = globalThis;

// What is shown: a design, one of its clips, a block and a place (frame, y, x), and the answer.
const state = { query: small.query, example: 0, block: 0, place: null, report: null };
const clips = new Map();
let asked = 0;
let timer = 0;
let starting;

const clamp = (number, last) => Math.min(Math.max(number, 0), last);
const isTrained = (query) => query === small.query;
const middle = ({ clip }) => clip.map((length) => Math.floor(length / 2));
const hash = () => location.hash.slice(1);

const view = makeView(document.getElementById('mvit-tokens'), {
  pick: (place) => open({ ...state, place }),
  openBlock: (block) => open({ ...state, block }),
  openExample: (example) => open({ ...state, example }),
  openNetwork: (name) => open({ ...state, query: queryOf(name), block: 0, place: null }),
  step,
});

function clipOf({ query, example }) {
  const name = isTrained(query) ? example : 'photograph';
  if (!clips.has(name)) {
    clips.set(name, isTrained(query) ? shapesClip(small.clips[example], small)
      : photographClip(`${folder}grace_hopper.jpg`));
  }
  return clips.get(name);
}

async function ask({ query, block, place }) {
  const python = await starting;
  return python.call('tokens', 'token_report', query, block, place);
}

// Show a token of a design; without a place, the one in the middle of the clip.
async function open(wanted) {
  const number = (asked += 1);
  try {
    const place = wanted.place ?? middle(await ask({ ...wanted, place: [0, 0, 0] }));
    const [report, clip] = await Promise.all([ask({ ...wanted, place }), clipOf(wanted)]);
    if (number === asked) {
      view.refuse('');
      show({ ...wanted, place, report }, clip);
      settle();
    }
  } catch (error) {
    if (number === asked) view.refuse(error.message);
  }
  return state.report;
}

function show(found, clip) {
  Object.assign(state, found);
  view.show(state.report, clip);
  showChoice();
}

// An address that was opened in the meantime stays.
function settle() {
  const before = location.hash;
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (location.hash === before) history.replaceState(null, '', `#${address()}`);
  }, SETTLED);
}

// To the neighbour of the token, as far as there is one in the clip.
function step(event) {
  const move = STEPS[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const { tokens, clip } = state.report;
  const token = tokens.at.map((i, axis) => clamp(i + move[axis], tokens.thw[axis] - 1));
  const place = token.map((i, axis) => clamp(tokens.centres[axis][i], clip[axis] - 1));
  open({ ...state, place });
}

// The address of the page: the design as the explorer writes it (none: the trained network), then
// what this page adds.
function address() {
  const { query, example, block, place } = state;
  const design = isTrained(query) ? `clip=${example}` : query;
  return `${design}&block=${block}&at=${place.join(',')}`;
}

function parsed(text) {
  const own = { block: '0', at: '', clip: '0' };
  const design = text.split('&').filter((part) => {
    const [name, value] = part.split('=');
    if (!(name in own)) return part;
    own[name] = value;
    return false;
  }).join('&');
  return { query: design || small.query, block: Number(own.block),
    place: own.at ? own.at.split(',').map(Number) : null,
    example: clamp(Math.trunc(Number(own.clip)) || 0, small.clips.length - 1) };
}

function queryOf(name) {
  if (name === TRAINED) return small.query;
  return name.includes('=') ? name : `start=${name}`;
}

function fillChoices({ network, example }) {
  const option = (value, text) => h('option', { value }, text);
  const groups = Object.entries(page.models).map(([label, names]) =>
    h('optgroup', { label }, ...names.map((name) => option(name, name))));
  network.append(option(TRAINED, 'a small trained network'), ...groups);
  example.append(...small.clips.map(({ label, shape }, i) =>
    option(i, `a ${shape} moving ${small.classes[label]}`)));
}

function showChoice() {
  const { network, example, explorer } = view.choices;
  const own = isTrained(state.query) ? TRAINED : state.query.replace(/^start=([^&]*)$/, '$1');
  network.querySelector('.mvit-own')?.remove();
  network.value = own;
  if (network.value !== own) {
    network.append(h('option', { value: own, class: 'mvit-own' }, 'the design in the address'));
    network.value = own;
  }
  example.value = state.example;
  example.parentElement.hidden = !isTrained(state.query);
  explorer.href = `explorer.html#${state.query}`;
}

// Before Python is there: the token that the page opens with.
async function showFirst() {
  const clip = await clipOf(state);
  const { block, tokens: { centre } } = small.first;
  show({ ...state, block, place: centre, report: small.first }, clip);
}

async function begin() {
  fillChoices(view.choices);
  starting = startPython(view.say);
  try {
    if (!hash()) await showFirst();
    await starting;
  } catch (error) {
    view.fail(`Python could not be loaded: ${error.message}`);
    throw error;
  }
  if (hash()) await open(parsed(hash()));
  if (!state.report) await showFirst();
  view.say('Click in a picture, or move the token with the arrow keys.');
  window.addEventListener('hashchange', () => open(parsed(hash())));
}

const ready = begin();
ready.catch(() => {});

globalThis.mvitTokens = {
  ready,
  pick: (block, place) => open({ ...state, block, place }),
  address,
  report: () => state.report,
  weights: () => view.lines().map(({ name, weights }) => ({ name, row: weights?.row ?? null })),
};
