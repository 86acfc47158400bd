// The pieces of a workbook page that need no torch: each is written in a text area and checked by
// Python in this page, `mvit_nb.workbook.browser`. What is written stays in the browser's storage.
import { h } from './dom.js';
import { startPython } from './python.js';
import { makeEditor, setText } from './workbook_editor.js';

const KEYS = 'Tab indents, Escape and then Tab leaves the text, Ctrl+Enter checks.';
const ANSWERED = /\n+check_\w+\(answer\)\s*$/; // the last line of the cell of an exercise
const CHANGED = 'The text has changed since this check.';
const page = location.pathname.split('/').pop().replace(/\.html$/, '');

// A browser may forbid to store anything: then nothing is kept.
const kept = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  set(key, text) {
    try {
      if (text === null) localStorage.removeItem(key);
      else localStorage.setItem(key, text);
    } catch { /* nothing is kept */ }
  },
};

// A sentence with its code as code.
function words(text) {
  return text.split('`').map((part, i) => (i % 2 ? h('code', {}, part) : part));
}

function line(kind, mark, said, title, ...more) {
  return h('li', { class: `piece-${kind}` },
    h('span', { 'aria-hidden': 'true', class: 'piece-mark' }, mark),
    h('span', { class: 'visually-hidden' }, said),
    h('span', {}, ...words(title), ...more));
}

function verdict({ name, right, empty, total, passed }, exercise) {
  const counted = `${passed.length} of ${total} checks`;
  let found = right ? `right, ${counted}` : counted;
  if (exercise) found = right ? 'right' : 'not right yet';
  if (empty) found = exercise ? 'not answered yet' : 'not written yet';
  return h('p', { class: 'piece-verdict' }, exercise ? name : h('code', {}, name), `: ${found}`);
}

// An exercise has one check, which needs no title.
function steps({ passed, failed, message }, exercise) {
  if (exercise) return failed ? [line('failed', '✗', '', message)] : [];
  const lines = passed.map((title) => line('passed', '✓', 'passed: ', title));
  const said = h('span', { class: 'piece-message' }, ...words(message));
  return failed ? [...lines, line('failed', '✗', 'failed: ', failed, said)] : lines;
}

function report(answer, exercise) {
  const lines = steps(answer, exercise);
  const printed = answer.printed
    ? [h('p', {}, 'It printed:'), h('pre', { tabindex: 0 }, answer.printed)] : [];
  const kind = answer.right ? 'piece-right' : 'piece-wrong';
  return h('div', { class: answer.empty ? '' : kind }, verdict(answer, exercise),
    ...(lines.length ? [h('ul', {}, ...lines)] : []), ...printed);
}

const painted = () => new Promise((resolve) => { setTimeout(resolve, 30); });

function makePiece(place, index) {
  const cell = place.nextElementSibling;
  const { book, exercise } = place.dataset;
  const names = exercise ? [`exercise ${exercise}`] : place.dataset.names.split(' ');
  const empty = `${cell.querySelector('pre').textContent.replace(ANSWERED, '').trimEnd()}\n`;
  const key = `mvit-workbook/${page}/${names.join(' ')}`;

  const keys = h('p', { class: 'piece-keys', id: `piece-${index}-keys` }, KEYS);
  const { area, fit } = makeEditor({
    id: `piece-${index}`, describedBy: keys.id, empty, changed, check: press,
  });
  const status = h('p', { role: 'status', class: 'piece-status' });
  const found = h('div', { 'aria-live': 'polite', class: 'piece-report' });
  const button = (name, onclick, hidden = false) => h('button', {
    type: 'button', onclick, hidden, 'aria-label': `${name}: ${names.join(' and ')}`,
  }, name);
  const check = button('Check', press);
  const again = button('Start again', startAgain);
  const back = button('Bring my text back', bringBack, true);
  let running = false;
  let before = '';

  function changed() {
    kept.set(key, area.value === empty ? null : area.value);
    back.hidden = true;
    if (found.hasChildNodes() && !status.hasChildNodes()) status.replaceChildren(CHANGED);
  }

  function startAgain() {
    before = area.value;
    found.replaceChildren();
    setText(area, empty);
    back.hidden = before === empty;
    status.replaceChildren('The empty piece is back.');
  }

  function bringBack() {
    setText(area, before);
    status.replaceChildren('Your text is back.');
  }

  async function examined() {
    const python = await startPython((said) => status.replaceChildren(said));
    status.replaceChildren('Checking.');
    await painted(); // Python does not let the page draw while it runs
    const imports = document.querySelector('.piece-imports pre').textContent;
    const ask = (name, what) =>
      python.call('workbook.browser', name, book, what, area.value, imports);
    if (exercise) return [await ask('examine_answer', Number(exercise))];
    return Promise.all(names.map((name) => ask('examine_source', name)));
  }

  async function press() {
    if (running) return;
    running = true;
    check.setAttribute('aria-disabled', 'true');
    found.replaceChildren();
    try {
      const answers = await examined();
      status.replaceChildren();
      found.replaceChildren(...answers.map((answer) => report(answer, exercise)));
    } catch (error) {
      status.replaceChildren(`This could not be checked: ${error.message} Your text is kept; `
        + 'load the page again to try once more.');
    } finally {
      running = false;
      check.removeAttribute('aria-disabled');
    }
  }

  area.value = kept.get(key) ?? empty;
  fit();
  const label = exercise ? ['Your answer']
    : ['Your ', ...names.flatMap((name, i) => [i ? ' and ' : '', h('code', {}, name)])];
  const tools = h('div', { class: 'piece-tools' }, check, again, back);
  const checkCell = exercise ? null : cell.nextElementSibling;
  place.append(h('label', { for: area.id, class: 'piece-label' }, ...label), area, keys);
  cell.classList.add('piece-printed');
  checkCell?.classList.add('piece-has-button');
  (checkCell ?? place).append(tools);
  (checkCell ?? cell).after(h('div', { class: 'piece-results' }, status, found));
}

document.querySelectorAll('.piece-place').forEach(makePiece);
