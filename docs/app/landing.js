// A clip on its way: one station at a time. Without this script all stand one below the other.

const PER_WORD = 230; // milliseconds: while the journey plays, a station stays until it can be read

function journey(root) {
  const stations = [...root.querySelectorAll('.journey-station')];
  const chips = [...root.querySelectorAll('[data-station]')];
  const button = (name) => root.querySelector(`[data-do="${name}"]`);
  const last = stations.length - 1;
  let at = 0;
  let timer = null;

  function show(index, aloud) {
    at = Math.min(Math.max(index, 0), last);
    stations.forEach((station, i) => station.classList.toggle('shown', i === at));
    chips.forEach((chip, i) => {
      if (i === at) chip.setAttribute('aria-current', 'step');
      else chip.removeAttribute('aria-current');
    });
    button('previous').setAttribute('aria-disabled', at === 0);
    button('next').setAttribute('aria-disabled', at === last);
    root.querySelector('.journey-count').textContent = `${at + 1} of ${stations.length}`;
    if (aloud) {
      const [title, text] = ['h3', 'p'].map((tag) => stations[at].querySelector(tag).textContent);
      root.querySelector('.journey-status').textContent = `${title}. ${text}`;
    }
  }

  function step(index, aloud) {
    root.classList.add('fading'); // not before: nobody has to see the others go when the page opens
    show(index, aloud);
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    button('play').textContent = 'Play';
  }

  function play() {
    if (at === last) step(0);
    button('play').textContent = 'Pause';
    clearTimeout(timer);
    timer = setTimeout(() => {
      step(at + 1);
      if (at === last) pause();
      else play();
    }, PER_WORD * stations[at].textContent.trim().split(/\s+/).length);
  }

  function go(index) {
    pause();
    step(index, true);
  }

  button('previous').addEventListener('click', () => go(at - 1));
  button('next').addEventListener('click', () => go(at + 1));
  button('play').addEventListener('click', () => {
    if (timer === null) play();
    else pause();
  });
  chips.forEach((chip, i) => chip.addEventListener('click', () => go(i)));

  root.addEventListener('keydown', (event) => {
    const target = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(target);
  });

  root.querySelector('.journey-controls').hidden = false;
  root.querySelector('.journey-chips').hidden = false;
  root.classList.add('stepping');
  show(0);
}

document.querySelectorAll('.journey').forEach(journey);
