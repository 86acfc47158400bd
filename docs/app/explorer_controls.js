// The form of the explorer, made from the table of controls that the library gives. The value of a
// control is a word, as it stands in an address.
import { h } from './dom.js';

function slider(control, changed) {
  const id = `mvit-${control.name}`;
  const { low: min, high: max, step } = control;
  const range = h('input', { type: 'range', id, min, max, step });
  const number = h('input', {
    type: 'number', min: 1, step: 1, inputmode: 'numeric',
    'aria-label': `${control.label}, as a number`,
  });
  // A slider can only stand on its steps, and only within its range; the number is the value.
  const place = (word) => {
    range.min = Math.min(range.min, word);
    range.max = Math.max(range.max, word);
    range.value = word;
  };
  range.addEventListener('input', () => {
    number.value = range.value;
    changed();
  });
  number.addEventListener('input', () => {
    if (number.value) place(number.value);
    changed();
  });
  return {
    inputs: [range, number],
    parts: [h('label', { for: id }, control.label), h('span', { class: 'mvit-row' }, range, number)],
    get: () => number.value,
    set: (word) => {
      number.value = word;
      place(word);
    },
  };
}

function toggle(control, changed) {
  const box = h('input', { type: 'checkbox', id: `mvit-${control.name}`, onchange: changed });
  return {
    inputs: [box],
    parts: [h('label', { for: box.id, class: 'mvit-row' }, box, control.label)],
    get: () => String(box.checked),
    set: (word) => {
      box.checked = word === 'true';
    },
  };
}

function choice(control, changed) {
  const options = control.options.map(([word, text]) => h('option', { value: word }, text));
  const list = h('select', { id: `mvit-${control.name}`, onchange: changed }, ...options);
  return simple(control, list);
}

function text(control, changed) {
  const box = h('input', {
    type: 'text', id: `mvit-${control.name}`, autocomplete: 'off', spellcheck: 'false',
    onchange: changed,
  });
  return simple(control, box);
}

function simple(control, input) {
  return {
    inputs: [input],
    parts: [h('label', { for: input.id }, control.label), input],
    get: () => input.value,
    set: (word) => {
      input.value = word;
    },
  };
}

const KINDS = { slider, switch: toggle, choice, text };

function fieldset(group, controls, made) {
  const boxes = controls.filter((control) => control.group === group).map((control) =>
    h('div', { class: `mvit-control mvit-${control.kind}`, title: control.help },
      ...made[control.name].parts));
  return h('fieldset', {}, h('legend', {}, group), ...boxes);
}

function meanings(controls) {
  const terms = controls.flatMap(({ label, help }) => [h('dt', {}, label), h('dd', {}, help)]);
  return h('details', {}, h('summary', {}, 'What the controls mean'), h('dl', {}, ...terms));
}

// `changed` is called when somebody moves a control; `set` moves controls without calling it.
export function makeControls(controls, changed) {
  const made = {};
  const enable = () => {
    for (const { name, needs } of controls) {
      const idle = Boolean(needs) && made[needs].get() !== 'true';
      for (const input of made[name].inputs) input.disabled = idle;
    }
  };
  const moved = () => {
    enable();
    changed();
  };
  for (const control of controls) made[control.name] = KINDS[control.kind](control, moved);
  const groups = [...new Set(controls.map((control) => control.group))];
  const form = h('form', { class: 'mvit-controls', onsubmit: (event) => event.preventDefault() },
    ...groups.map((group) => fieldset(group, controls, made)), meanings(controls));
  return {
    form,
    words: () => Object.fromEntries(controls.map(({ name }) => [name, made[name].get()])),
    set: (words) => {
      for (const [name, word] of Object.entries(words)) made[name].set(word);
      enable();
    },
    // Mark the controls that a refusal names; '' marks none. Gives their labels.
    blame: (message) => {
      const named = new Set(message.split(/[^\w]+/));
      const found = controls.filter(({ name }) => named.has(name));
      for (const { name } of controls) {
        for (const input of made[name].inputs) {
          if (named.has(name)) input.setAttribute('aria-invalid', 'true');
          else input.removeAttribute('aria-invalid');
        }
      }
      return found.map(({ label }) => label);
    },
  };
}
