"""The explorer in a browser: its numbers are the library's, and it works as a page should."""
import random
import re
from statistics import median

import pytest

from mvit_nb.controls import CONTROLS
from mvit_nb.cost import cost
from mvit_nb.design import design_config, design_query, exact_totals
from mvit_nb.units import si
from mvit_nb.zoo import get_config, list_models

DESIGNS = 50
KINDS = {control.name: control.kind for control in CONTROLS}
WORDS = {   # a few words for each control, to draw from
    'depths': ('12', '1,2,11,2', '3,7,6', '2,2', '2,3,16,3'), 'embed_dim': range(32, 256, 16),
    'num_heads': (1, 2, 4, 3), 'num_frames': (1, 4, 8, 16, 32, 40), 'image_size': (160, 224, 320),
    'pool_mode': ('conv', 'max', 'avg'), 'q_t': (1, 2), 'q_hw': (1, 2, 3),
    'pool_kernel': ('none', '3x3x3', '1x3x3', '7x7x7'), 'kv_t': (1, 2), 'kv_hw': (2, 4, 8),
    'kv_pooled': ('true', 'false'), 'kv_adaptive': ('true', 'false'),
    'rel_pos': ('none', 'space', 'space_time'), 'pos_embed': ('separate', 'joint', 'none'),
    'residual_pooling': ('none', 'with_cls'), 'grow_in': ('mlp', 'attention'),
    'q_pool_unit_stride': ('true', 'false'), 'mean_pooling': ('true', 'false')}


def random_designs(number):
    """(query, config) of designs that make a network, always the same."""
    rng, found = random.Random(0), []
    while len(found) < number:
        names = rng.sample(list(WORDS), rng.randint(1, 6))
        words = [f'{name}={rng.choice(WORDS[name])}' for name in names]
        start = rng.choice(list_models())
        try:
            config = design_config('&'.join([f'start={start}', *words]))
        except ValueError:
            continue
        found.append((design_query(config, start), config))
    return found


def opened(page, address):
    """The page with the explorer, once Python is there."""
    page.goto(address)
    page.evaluate('mvitExplorer.ready.then(() => true)')
    return page


def shown(page):
    """The exact totals that stand in the table, as numbers."""
    texts = page.locator('.mvit-totals .mvit-exact').all_text_contents()
    return [int(text.replace(',', '')) for text in texts]


def expected(config):
    """What should stand there, straight from `cost`."""
    total = cost(config)
    return [total.flops, *(total.by_operator[name] for name in ('conv', 'linear', 'attention')),
            total.params]


def wait_for(page, query):
    """Wait until this design is on the page."""
    page.wait_for_function('query => mvitExplorer.report()?.query === query', arg=query)


def move(page, name, word):
    """Set a control as a reader does, by its own input."""
    control, kind = page.locator(f'#mvit-{name}'), KINDS[name]
    if kind == 'slider':
        page.locator(f'#mvit-{name} + input').fill(word)
    elif kind == 'switch':
        control.set_checked(word == 'true')
    elif kind == 'choice':
        control.select_option(word)
    else:
        control.fill(word)
        control.press('Enter')


def test_totals_by_address(page, site):
    """Half of the random designs, opened by their addresses."""
    opened(page, f'{site}/explorer.html')
    for query, config in random_designs(DESIGNS)[::2]:
        page.evaluate('query => { location.hash = query }', query)
        wait_for(page, query)
        assert shown(page) == expected(config), query
        report = page.evaluate('mvitExplorer.report()')
        assert report['exact'] == [f'{number:,}' for number in exact_totals(config).values()]


def test_totals_by_controls(page, site):
    """The other half, by a start and moved controls."""
    opened(page, f'{site}/explorer.html')
    for query, config in random_designs(DESIGNS)[1::2]:
        start, *words = (part.split('=') for part in query.split('&'))
        page.locator('#mvit-start').select_option(start[1])
        wait_for(page, f'start={start[1]}')
        for name, word in words:
            move(page, name, word)
        wait_for(page, query)
        assert shown(page) == expected(config), query


def test_impossible_design(page, site):
    """The library's sentence stands there, the last good design stays, and comes back."""
    opened(page, f'{site}/explorer.html')
    before, picture = shown(page), page.locator('.mvit-positions svg').inner_html()
    move(page, 'num_heads', '5')
    with pytest.raises(ValueError, match='96 channels and 5 heads') as refusal:
        design_config('num_heads=5')
    line = page.locator('.mvit-line')
    assert line.text_content() == f'Not possible: {refusal.value}'
    assert shown(page) == before
    assert page.locator('.mvit-positions svg').inner_html() == picture
    page.wait_for_function(
        'document.querySelector(".mvit-app [aria-live]").textContent.includes("5 heads")')
    move(page, 'num_heads', '2')
    wait_for(page, 'start=mvit_b_16x4&num_heads=2')
    assert 'Not possible' not in line.text_content()


def test_impossible_address(page, site):
    """An address that is no design says so, in the library's words, above what can be shown."""
    line, base = page.locator('.mvit-line'), expected(get_config('mvit_b_16x4'))
    opened(page, f'{site}/explorer.html#num_heads=5')
    assert '96 channels and 5 heads' in line.text_content()
    assert page.locator('#mvit-num_heads + input').input_value() == '5' and shown(page) == base
    for query, sentence in (('start=mvit_c', "unknown model 'mvit_c'"),
                            ('start=vit_b_8x8&frames=3', "got 'frames=3'"),
                            ('kv_pooled=1', 'expected true or false'), ('%', "got '%'")):
        page.evaluate('query => { location.hash = query }', query)
        page.wait_for_function('text => document.querySelector(".mvit-line").textContent'
                               '.includes(text)', arg=sentence)
        assert line.text_content().startswith('Not possible: ') and shown(page) == base


def test_back_from_an_impossible_address(page, site):
    """What was shown goes into the address a little later, but not over another one; who goes back
    to it sees no refusal."""
    good, line = 'start=vit_b_8x8', page.locator('.mvit-line')
    opened(page, f'{site}/explorer.html#start=mvit_b_16x4')
    page.evaluate('query => { location.hash = query }', good)
    wait_for(page, good)
    page.evaluate('location.hash = "start=mvit_c"')
    page.wait_for_timeout(600)
    assert page.evaluate('location.hash') == '#start=mvit_c'
    assert line.text_content().startswith('Not possible: ')
    page.evaluate('query => { location.hash = query }', good)
    page.wait_for_function('!document.querySelector(".mvit-line").textContent.includes("Not")')


def test_shared_address(open_page, page, site):
    """What is copied as a link opens as the same design, with its controls."""
    opened(page, f'{site}/explorer.html')
    move(page, 'depths', '2, 3, 16, 3')
    move(page, 'num_frames', '32')
    move(page, 'pool_kernel', '1x3x3')
    move(page, 'kv_pooled', 'false')
    query = 'start=mvit_b_16x4&depths=2,3,16,3&num_frames=32&pool_kernel=1x3x3&kv_pooled=false'
    wait_for(page, query)
    page.wait_for_function('query => location.hash === "#" + query', arg=query)
    address, totals = page.evaluate('location.href'), shown(page)
    other = opened(open_page(), address)
    assert shown(other) == totals == expected(design_config(query))
    assert other.locator('#mvit-depths').input_value() == '2, 3, 16, 3'
    assert other.locator('#mvit-num_frames + input').input_value() == '32'
    assert other.locator('#mvit-pool_kernel').input_value() == '1x3x3'
    assert not other.locator('#mvit-kv_pooled').is_checked()
    assert other.locator('#mvit-kv_hw').is_disabled()
    names = {}
    exec(other.locator('.mvit-code pre').text_content(), names)
    assert names['config'] == design_config(query)


def test_copies(open_page, site):
    """The two buttons put the link and the code where they can be pasted from."""
    page = open_page(permissions=['clipboard-read', 'clipboard-write'])
    opened(page, f'{site}/explorer.html')
    move(page, 'num_frames', '32')
    wait_for(page, 'start=mvit_b_16x4&num_frames=32')
    page.get_by_role('button', name='Copy link').click()
    page.get_by_role('button', name='Copied').wait_for()
    copied = page.evaluate('navigator.clipboard.readText()')
    assert copied == f'{site}/explorer.html#start=mvit_b_16x4&num_frames=32'
    page.get_by_role('button', name='Copy as Python').click()
    page.locator('[role=status]', has_text='The code is copied').wait_for()
    names = {}
    exec(page.evaluate('navigator.clipboard.readText()'), names)
    assert names['config'] == get_config('mvit_b_16x4', num_frames=32)


def test_odd_sizes_survive(page, site):
    """A crop of 312, on no step of the slider, stays 312."""
    opened(page, f'{site}/explorer.html#start=mvitv2_l_40x3')
    assert page.locator('#mvit-image_size + input').input_value() == '312'
    assert shown(page) == expected(get_config('mvitv2_l_40x3'))


def test_back_and_forward(page, site):
    """Each design that somebody rests on is a step of the browser's history."""
    opened(page, f'{site}/explorer.html#start=mvit_b_16x4')
    for frames in (24, 32):
        move(page, 'num_frames', str(frames))
        page.wait_for_function('n => location.hash.endsWith(`num_frames=${n}`)', arg=frames)
    page.go_back()
    wait_for(page, 'start=mvit_b_16x4&num_frames=24')
    assert page.locator('#mvit-num_frames + input').input_value() == '24'
    page.go_back()
    wait_for(page, 'start=mvit_b_16x4')
    page.go_forward()
    wait_for(page, 'start=mvit_b_16x4&num_frames=24')


def test_reference(page, site):
    """Totals stand beside a named model, or beside a design that was pinned."""
    opened(page, f'{site}/explorer.html')
    page.locator('#mvit-reference').select_option('vit_b_8x8')
    cells = page.locator('.mvit-totals tbody tr:first-child td')
    ours, theirs = cost(get_config('mvit_b_16x4')).flops, cost(get_config('vit_b_8x8')).flops
    page.wait_for_function('mvitExplorer.report().table[2][0] === "vit_b_8x8"')
    assert cells.nth(1).text_content() == si(theirs)
    assert cells.nth(3).text_content() == f'{ours / theirs:.2f}'
    move(page, 'num_frames', '8')
    wait_for(page, 'start=mvit_b_16x4&num_frames=8')
    page.get_by_role('button', name='Pin this design').click()
    page.wait_for_function('mvitExplorer.report().table[4][1] === "1.00"')
    page.get_by_role('button', name='Start again').click()
    wait_for(page, 'start=mvit_b_16x4')
    pinned = cost(get_config('mvit_b_16x4', num_frames=8)).flops
    assert cells.nth(1).text_content() == si(pinned)
    assert cells.nth(3).text_content() == f'{ours / pinned:.2f}'


def test_phone(phone, site):
    """Nothing is wider than a phone, with a long name and a refusal on the page either."""
    opened(phone, f'{site}/explorer.html#start=mvit_b_24_wide_320_maxpool')
    phone.locator('#mvit-reference').select_option('mvit_b_24_wide_320_maxpool')
    move(phone, 'depths', '1, x')
    phone.wait_for_function('document.querySelector(".mvit-refused")')
    phone.locator('details').evaluate_all('all => all.forEach(part => { part.open = true })')
    width = phone.evaluate('document.documentElement.scrollWidth')
    assert width <= 390
    assert phone.locator('.mvit-positions svg').bounding_box()['width'] > 300


def test_keyboard(page, site):
    """From the first list to the last button by Tab alone; arrows, Space and Enter do the rest."""
    opened(page, f'{site}/explorer.html')
    page.locator('#mvit-start').focus()
    reached, steps = [], 0
    while 'Copy as Python' not in reached and steps < 80:
        reached.append(page.evaluate(
            'document.activeElement.id || document.activeElement.textContent.trim()'))
        page.keyboard.press('Tab')
        steps += 1
    assert {f'mvit-{name}' for name in KINDS} <= set(reached)
    assert {'mvit-start', 'mvit-reference', 'Start again', 'Copy link'} <= set(reached)
    page.locator('#mvit-num_frames').focus()
    page.keyboard.press('ArrowRight')
    wait_for(page, 'start=mvit_b_16x4&num_frames=17')
    page.locator('#mvit-mean_pooling').focus()
    page.keyboard.press('Space')
    wait_for(page, 'start=mvit_b_16x4&num_frames=17&mean_pooling=true')
    page.locator('#mvit-depths').focus()
    page.keyboard.press('ControlOrMeta+a')
    page.keyboard.type('2, 2')
    page.keyboard.press('Enter')
    wait_for(page, 'start=mvit_b_16x4&depths=2,2&num_frames=17&mean_pooling=true')


def test_text_for_screen_readers(page, site):
    """Every input has a name, every picture a text that follows the design, the plan is a table."""
    opened(page, f'{site}/explorer.html')
    nameless = page.locator('.mvit-app').locator('input, select').evaluate_all(
        'all => all.filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)')
    assert nameless == []
    pictures = page.locator('.mvit-chart svg[role=img]')
    assert pictures.count() == 4
    texts = pictures.evaluate_all('all => all.map(e => e.getAttribute("aria-label"))')
    assert '8×28×28 in blocks 1 to 2' in texts[0] and all(len(text) > 40 for text in texts)
    move(page, 'depths', '3, 7, 6')
    wait_for(page, 'start=mvit_b_16x4&depths=3,7,6')
    assert '8×28×28 in blocks 3 to 9' in pictures.first.get_attribute('aria-label')
    page.locator('summary', has_text='The plan as a table').click()
    assert page.locator('.mvit-scroll tbody tr').count() == 16
    flops = cost(design_config('depths=3,7,6')).flops
    page.wait_for_function(
        'text => document.querySelector(".mvit-app [aria-live]").textContent.startsWith(text)',
        arg=f'{si(flops)} multiply-adds')


REACTION = '''async () => {
  const range = document.getElementById('mvit-num_frames');
  const total = () => document.querySelector('.mvit-exact').textContent;
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  const times = [];
  for (let frames = 4; frames <= 64; frames += 2) {
    await painted();
    const before = total();
    range.value = frames;
    const start = performance.now();
    range.dispatchEvent(new Event('input', { bubbles: true }));
    await painted();
    times.push(performance.now() - start);
    if (total() === before) throw new Error(`${frames} frames: the page still shows ${before}`);
  }
  return times;
}'''


def test_reaction(page, site):
    """From the event of a slider to the painted frame: under 0.1 s in the median."""
    opened(page, f'{site}/explorer.html#start=mvit_b_24_32x3')
    times = page.evaluate(REACTION)
    print(f'a change shows after {median(times):.0f} ms, at most {max(times):.0f} ms')
    assert len(times) == 31 and median(times) < 100


def test_from_a_file(page, file_url):
    """The same from a folder on a disk, where a browser refuses `fetch` and modules."""
    query = 'start=mvit_b_16x4&num_frames=32'
    opened(page, f'{file_url}/explorer.html#{query}')
    assert shown(page) == expected(design_config(query))
    move(page, 'num_frames', '8')
    wait_for(page, 'start=mvit_b_16x4&num_frames=8')
    page.wait_for_function('location.hash.endsWith("num_frames=8")')
    page.go_back()
    wait_for(page, query)


def test_says_what_it_does(page, site):
    """There is a picture and a word before Python is there, and a word once it is."""
    page.add_init_script('''
        globalThis.said = [];
        new MutationObserver(() => {
          const text = document.querySelector('.mvit-app [role=status]')?.textContent;
          if (text && said.at(-1) !== text) said.push(text);
        }).observe(document, { childList: true, subtree: true, characterData: true });''')
    page.goto(f'{site}/explorer.html')
    assert shown(page) == expected(get_config('mvit_b_16x4'))
    page.evaluate('mvitExplorer.ready.then(() => true)')
    said = page.evaluate('said')
    assert any('Loading Python' in text for text in said), said
    assert 'Python is there' in said[-1]


@pytest.mark.parametrize('name', ['pyodide.asm.wasm', 'python_stdlib.zip', 'library.js'])
def test_says_what_is_missing(page, site, allowed, name):
    """A file that cannot be loaded is named; nothing waits for ever."""
    allowed(re.escape(name), 'status of 404')
    page.route(f'**/{name}', lambda route: route.fulfill(status=404))
    page.goto(f'{site}/explorer.html')
    message = page.evaluate('mvitExplorer.ready.catch((error) => error.message)')
    assert name in message
    assert message in page.locator('.mvit-app [role=status]').text_content()
