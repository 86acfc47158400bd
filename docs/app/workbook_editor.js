// A text area for a few lines of Python: Enter and Tab indent, and every change can be undone.
import { h } from './dom.js';

const INDENT = '    ';
const DOTS = /\.\.\.(  # your code)?/; // what is to be written stands in their place

// What the browser itself types is undone by Ctrl+Z; `setRangeText` is not, but always works.
function replace(area, start, end, text) {
  if (start === end && !text) return;
  area.setSelectionRange(start, end);
  const command = text ? 'insertText' : 'delete';
  if (document.execCommand(command, false, text)) return;
  area.setRangeText(text, start, end, 'end');
  area.dispatchEvent(new Event('input'));
}

export function setText(area, text) {
  area.focus();
  replace(area, 0, area.value.length, text);
  area.setSelectionRange(0, 0);
}

const lineStart = (text, at) => text.lastIndexOf('\n', at - 1) + 1;

function newLine(area) {
  const { value, selectionStart: at, selectionEnd: end } = area;
  const line = value.slice(lineStart(value, at), at);
  const deeper = /:\s*(#.*)?$/.test(line) ? INDENT : '';
  replace(area, at, end, `\n${line.match(/^ */)[0]}${deeper}`);
}

// One step to the right or left: at the cursor, or all lines that are selected.
function shift(area, left) {
  const { value, selectionStart: at, selectionEnd: end } = area;
  if (at === end && !left) return replace(area, at, at, INDENT);
  const first = lineStart(value, at);
  const old = value.slice(first, end);
  const lines = old.split('\n');
  const moved = lines.map((line) => (left ? line.replace(/^ {1,4}/, '') : INDENT + line));
  const text = moved.join('\n');
  if (text === old) return undefined;
  replace(area, first, end, text);
  const start = Math.max(first, at + moved[0].length - lines[0].length);
  return area.setSelectionRange(at === end ? start : first, first + text.length);
}

// In the indentation of a line, Backspace takes a whole step away; says whether it did.
function stepBack(area) {
  const { value, selectionStart: at, selectionEnd: end } = area;
  const before = value.slice(lineStart(value, at), at);
  if (at !== end || !before || before.trim()) return false;
  replace(area, at - ((before.length - 1) % INDENT.length) - 1, at, '');
  return true;
}

// What a key does beside what it always does; true: it has been done.
function pressed(area, event) {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
  if (event.key === 'Tab' && plain) shift(area, event.shiftKey);
  else if (event.key === 'Enter' && plain && !event.shiftKey) newLine(area);
  else if (event.key === 'Backspace' && plain) return stepBack(area);
  else return false;
  return true;
}

// `empty`: the text of a piece that nobody has written yet. `changed` is called after each change,
// `check` by Ctrl+Enter. After Escape, Tab leaves.
export function makeEditor({ id, describedBy, empty, changed, check }) {
  let leaving = false;
  const area = h('textarea', {
    id, class: 'piece-text', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off',
    autocorrect: 'off', 'aria-describedby': describedBy,
  });
  const fit = () => { area.rows = Math.max(area.value.split('\n').length, 3); };
  area.addEventListener('input', () => {
    fit();
    changed();
  });
  area.addEventListener('focus', () => {
    leaving = false;
    if (area.value !== empty || area.selectionStart !== area.selectionEnd) return;
    const dots = empty.match(DOTS);
    if (dots) area.setSelectionRange(dots.index, dots.index + dots[0].length);
  });
  area.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) check();
    else if (event.key === 'Tab' && leaving) return;
    else if (event.key === 'Shift') return;
    else if (!pressed(area, event)) {
      leaving = event.key === 'Escape';
      return;
    }
    leaving = false;
    event.preventDefault();
  });
  return { area, fit };
}
