// A picture for each moment of the grid of keys, in a row for each head that is shown.
import { h } from './dom.js';

// `actions`: pickUnder(canvas, event, frame) and chooseHead(name).
function makeLine({ name, weights }, frames, actions) {
  const pictures = frames.map((frame, moment) => {
    const canvas = h('canvas', { onpointerdown: (event) =>
      actions.pickUnder(canvas, event, frame) });
    return { canvas, frame, moment, caption: h('figcaption') };
  });
  const button = weights && h('button', { type: 'button',
    onclick: () => actions.chooseHead(name) }, name);
  const strip = h('div', { class: 'mvit-moments', role: 'group' },
    ...pictures.map(({ canvas, caption }) => h('figure', {}, canvas, caption)));
  return { name, button, strip, pictures };
}

export function makeFilm(actions) {
  const element = h('div', { class: 'mvit-film' });
  let lines = [];
  let made = '';

  // Elements stay as long as they fit, so that a button that has the focus keeps it.
  function rebuild(rows, frames, ratio) {
    const wanted = JSON.stringify([rows.map(({ name, weights }) => [name, !weights]), frames, ratio]);
    if (wanted === made) return;
    made = wanted;
    lines = rows.map((row) => makeLine(row, frames, actions));
    element.style.setProperty('--moments', Math.min(frames.length, 8));
    element.style.setProperty('--ratio', ratio);
    element.replaceChildren(...lines.flatMap(({ button, strip }) =>
      (button ? [button, strip] : [strip])));
  }

  // `rows`: { name, weights, label, captions } for each line; `draw(canvas, frame, moment, weights)`.
  function show(rows, frames, ratio, chosen, draw) {
    rebuild(rows, frames, ratio);
    rows.forEach(({ name, weights, label, captions }, i) => {
      const { button, strip, pictures } = lines[i];
      button?.setAttribute('aria-pressed', String(name === chosen));
      strip.setAttribute('aria-label', label);
      for (const { canvas, frame, moment, caption } of pictures) {
        caption.replaceChildren(captions[moment]);
        draw(canvas, frame, moment, weights);
      }
    });
  }

  return { element, show };
}
