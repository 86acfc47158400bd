"""The landing page: a clip is stepped through MViT-B, and the page leads everywhere"""
import re
import time

import pytest
from conftest import PHONE
from site_parts.landing import FOLDER, MODEL, lessons

from mvit_nb.figures.map_stages import times
from mvit_nb.plan import network_plan
from mvit_nb.zoo import get_config

CONFIG = get_config(MODEL)
PLAN = network_plan(CONFIG)
STATIONS = 3 + len(PLAN.stages)              # the clip, cubes, stages, the head
MOST_BYTES = 600_000                         # of all pictures of the journey
LONG = 60_000                                # milliseconds in which any station has been read


def tokens(thw, channels):
    """'6,272 tokens of 192 channels'"""
    T, H, W = thw
    return f'{T * H * W:,} tokens of {channels} channels'


def expected():
    """What the words of each station have to say, from the plan."""
    stem, head = PLAN.stem, PLAN.head
    yield [f'{CONFIG.num_frames} frames', times(CONFIG.clip_size, True)]
    yield [tokens(stem.thw, stem.dim), times(stem.kernel, False), times(stem.thw, False)]
    for stage in PLAN.stages:
        yield [f'Stage {stage[0].stage}: ', tokens(stage[-1].thw_out, stage[-1].dim_attn),
               *{times(row.thw_kv, False) for row in stage}]
    yield [f'{head.num_classes} scores', f'{head.dim} channels']


SEEN = '''[...document.querySelectorAll('.journey-station')].flatMap(
    (station, i) => station.checkVisibility({visibilityProperty: true}) ? [i] : [])'''


def chosen(page):
    """The number of the station whose button is marked."""
    marked = page.locator('.journey-chips [aria-current="step"]')
    return int(marked.get_attribute('data-station'))


def press(page, name):
    """Press a button of the journey."""
    page.locator('.journey').get_by_role('button', name=name, exact=True).click()


def settle(page, index):
    """Wait until this station alone can be seen, and look at what says so."""
    page.wait_for_function(f'index => String({SEEN}) === String(index)', arg=index, timeout=5000)
    assert chosen(page) == index
    assert page.locator('.journey-count').inner_text() == f'{index + 1} of {STATIONS}'


TRANSITIONS = '''globalThis.begun = [];
document.addEventListener('transitionrun', (event) => begun.push(event.target.className));'''


def late(route):
    """A script that comes when the page has been painted without it."""
    time.sleep(0.5)
    route.continue_()


@pytest.fixture
def still(open_page):
    """The landing page for somebody who asked for little motion: nothing moves by itself."""
    page = open_page(reduced_motion='reduce')
    page.goto('index.html')
    return page


def test_each_station_has_its_numbers(still):
    """Stepping from the first to the last shows one station at a time, with the plan's numbers, its
    picture and what the picture shows; it is read to whoever does not see."""
    for index, numbers in enumerate(expected()):
        settle(still, index)
        station = still.locator('.journey-station.shown')
        words = station.inner_text()
        assert [number for number in numbers if number not in words] == []
        picture = station.locator('img')
        assert picture.get_attribute('src').endswith(f'station_{index}.webp')
        assert len(picture.get_attribute('alt')) > 20
        if index:
            title = station.locator('h3').inner_text()
            assert still.locator('.journey-status').inner_text().startswith(title)
        following = still.locator('[data-do="next"]')
        assert following.get_attribute('aria-disabled') == str(index == STATIONS - 1).lower()
        following.click(force=True)                            # which does nothing at the end
    assert index == STATIONS - 1
    settle(still, index)
    press(still, 'Previous')
    settle(still, index - 1)
    still.locator('[data-station="2"]').click()
    settle(still, 2)


def test_stepping_moves_nothing(still):
    """Picture, buttons and what follows stay where they are."""
    places = '''() => {
        const parts = document.querySelectorAll('.journey button, .journey-station.shown img, h2');
        const boxes = [...parts].map((part) => part.getBoundingClientRect());
        return boxes.map((box) => [box.x, box.y + scrollY]);
    }'''
    before = still.evaluate(places)
    for index in range(1, STATIONS):
        press(still, 'Next')
        settle(still, index)
        assert still.evaluate(places) == before


def test_keyboard(still):
    """Arrows, Home and End step while a button has the focus; Tab and Enter work the buttons."""
    still.locator('.journey').get_by_role('button', name='Next').focus()
    for key, index in (('ArrowRight', 1), ('ArrowRight', 2), ('ArrowLeft', 1),
                       ('End', STATIONS - 1), ('ArrowRight', STATIONS - 1), ('Home', 0),
                       ('Enter', 1), ('Tab', 1)):
        still.keyboard.press(key)
        settle(still, index)
    still.keyboard.press('Enter')                              # the first station's own button
    settle(still, 0)


def test_it_plays_when_told_and_stops_when_told(open_page):
    """It moves only after Play was pressed, goes to the end and stays there; Pause keeps it where
    it is, and so does stepping."""
    page = open_page()
    page.clock.install()
    page.goto('index.html')
    play = page.locator('[data-do="play"]')
    settle(page, 0)
    assert play.inner_text() == 'Play'
    page.locator('.journey').evaluate('part => part.scrollIntoView()')
    page.clock.run_for(1000)
    page.clock.fast_forward(LONG)
    assert chosen(page) == 0 and play.inner_text() == 'Play'   # nobody asked yet
    play.click()
    assert play.inner_text() == 'Pause'
    page.clock.fast_forward(LONG)
    assert chosen(page) == 1
    assert page.locator('.journey-status').inner_text() == ''  # nothing is read out unasked
    play.click()
    assert play.inner_text() == 'Play'
    page.clock.fast_forward(LONG)
    assert chosen(page) == 1
    play.click()
    for index in range(2, STATIONS):
        page.clock.fast_forward(LONG)
        assert chosen(page) == index
    assert play.inner_text() == 'Play'
    page.clock.fast_forward(LONG)
    assert chosen(page) == STATIONS - 1
    play.click()                                               # again, from the first
    assert chosen(page) == 0
    press(page, 'Next')
    page.clock.fast_forward(LONG)
    assert chosen(page) == 1 and play.inner_text() == 'Play'


def test_it_opens_at_rest(page):
    """The other stations are not seen to fade away when the page opens; they fade from the first
    step on."""
    page.add_init_script(TRANSITIONS)
    page.route('**/landing.js', late)
    page.goto('index.html')
    settle(page, 0)
    stations = """async () => {
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        return begun.filter((name) => name.includes('journey-station'));
    }"""
    assert page.evaluate(stations) == []
    press(page, 'Next')
    settle(page, 1)
    assert page.evaluate(stations)


def test_little_motion(open_page):
    """Who asked for little motion sees it move only after pressing Play, without fading."""
    page = open_page(reduced_motion='reduce')
    page.clock.install()
    page.goto('index.html')
    page.locator('.journey').evaluate('part => part.scrollIntoView()')
    page.clock.run_for(1000)
    page.clock.fast_forward(LONG)
    assert chosen(page) == 0 and page.locator('[data-do="play"]').inner_text() == 'Play'
    fading = 'part => getComputedStyle(part).transitionDuration'
    assert page.locator('.journey-station.shown').evaluate(fading) == '0s'
    press(page, 'Play')
    page.clock.fast_forward(LONG)
    assert chosen(page) == 1


def test_without_javascript(open_page):
    """All stations stand one below the other, and no button that would do nothing."""
    page = open_page(java_script_enabled=False)
    page.goto('index.html')
    stations = page.locator('.journey-station')
    assert stations.count() == STATIONS
    boxes = [stations.nth(index).bounding_box() for index in range(STATIONS)]
    assert all(a['y'] + a['height'] <= b['y'] for a, b in zip(boxes, boxes[1:]))
    for index, numbers in enumerate(expected()):
        assert all(number in stations.nth(index).inner_text() for number in numbers)
    assert page.locator('.journey button').count() > STATIONS
    assert page.locator('.journey button:visible').count() == 0


def test_on_a_phone(phone):
    """Nothing is wider than the screen, and buttons are large enough for a thumb."""
    phone.goto('index.html')
    for index in range(STATIONS):
        phone.locator(f'[data-station="{index}"]').tap()
        settle(phone, index)
        picture = phone.locator('.journey-station.shown img').bounding_box()
        assert picture['x'] >= 0 and picture['x'] + picture['width'] <= PHONE['viewport']['width']
    assert phone.evaluate('document.documentElement.scrollWidth') == PHONE['viewport']['width']
    sizes = phone.evaluate('''() => [...document.querySelectorAll('.journey button')].map(
        (button) => [button.offsetWidth, button.offsetHeight])''')
    assert all(width >= 24 and height >= 40 for width, height in sizes)


def test_lessons_and_hours(page):
    """The table has every lesson with its question and minutes; hours are their sum."""
    page.goto('index.html')
    rows = page.locator('table tbody tr')
    cells = [rows.nth(i).locator('td').all_inner_texts() for i in range(rows.count())]
    assert cells == [[row.name, row.question, str(row.minutes)] for row in lessons()]
    links = [rows.nth(i).locator('a').get_attribute('href') for i in range(rows.count())]
    assert links == [f'{row.page}.html' for row in lessons()]
    said = page.get_by_text('the core of the course').inner_text()
    core, every = (sum(row.minutes for row in lessons()[:n]) for n in (8, None))
    found = re.search(r'takes (\S+) hours and all (\d+) lessons take (\S+),', said)
    hours = [sum({'½': 0.5, '¼': 0.25, '¾': 0.75}.get(c, 0) or float(c) for c in found[i])
             for i in (1, 3)]
    assert int(found[2]) == len(lessons())
    assert all(0 <= 60 * said - minutes < 15 for said, minutes in zip(hours, (core, every)))


def test_each_visitor_finds_a_way(page, html):
    """The four cards lead to pages that are there, and nothing of the build's marks is left."""
    page.goto('index.html')
    links = page.locator('.sd-card a').evaluate_all(
        'parts => parts.map((part) => part.getAttribute("href"))')
    inside = [link for link in links if not link.startswith('https:')]
    assert [link for link in inside if not (html / link).is_file()] == []
    assert {'lessons/00_clips.html', 'guides/video.html', 'guides/weights.html', 'explorer.html',
            'tokens.html', 'library.html', 'reference/index.html'} <= set(inside)
    assert page.locator('.sd-card').count() == 4
    assert not re.search(r'@\w+@|<!--', page.locator('main').inner_text())


def test_map_and_bytes(page, html):
    """The map says what it shows and leads to itself, whole; pictures are small enough."""
    page.goto('index.html')
    link = page.locator('a.landing-map')
    assert (html / link.get_attribute('href')).is_file()
    alt = link.locator('img').get_attribute('alt')
    assert all(tokens(stage[-1].thw_out, stage[-1].dim_attn) in alt for stage in PLAN.stages)
    sizes = [path.stat().st_size for path in (html / FOLDER).glob('*.webp')]
    assert len(sizes) == STATIONS and sum(sizes) < MOST_BYTES


def test_from_a_folder(page, file_url):
    """It steps from a USB stick too."""
    page.goto(f'{file_url}/index.html')
    press(page, 'Next')
    settle(page, 1)
    loaded = 'picture => picture.decode().then(() => picture.naturalWidth)'
    assert page.locator('.journey-station.shown img').evaluate(loaded) == 1280
