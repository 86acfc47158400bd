"""The workbook: pieces are written on its pages and checked there, in a browser"""
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect
from site_parts import workbook
from site_parts.paths import NOTEBOOKS, ROOT
from test_accessibility import COLORS, EVERYTHING, faults

sys.path.append(str(ROOT / 'tests/workbook'))

from harness import module as mistakes_of
from harness import source

FOLDER = NOTEBOOKS / workbook.FOLDER
NAMES = [path.stem for path in sorted(FOLDER.glob('*.ipynb'))]
PAGE, PIECE = 'workbook/02_pooling.html', 'pooled_length'
START = 60_000                                      # milliseconds in which Python has begun
FORGOTTEN = 'return (length - kernel) // stride + 1'
RIGHT = '''p = kernel // 2 if padding is None else padding
return (length + 2 * p - kernel) // stride + 1'''


ANSWERS = {('02', 1): 'def answer(n, s):\n    return -(-n // s)'}       # those that are functions


def texts(page):
    """Where text stands on a page: the editor of a piece, and its report."""
    return [page.locator(f'.piece-place[data-names="{PIECE}"] textarea'),
            page.locator('.piece-report').first]


def right_text(name, names, exercise):
    """What is right in a place of a page: the lesson's own code, or an answer to an exercise."""
    if names:
        return source(name[:2], names.split()[0])
    answer = mistakes_of(name[:2]).ANSWERS[int(exercise)][0][0]
    return ANSWERS.get((name[:2], int(exercise)), f'answer = {answer!r}')


def press(page, what='Check', piece=PIECE):
    """Press a button of a piece."""
    page.get_by_role('button', name=f'{what}: {piece}').click()


def write(page, body, path=PAGE):
    """Open a page, type the body of the piece where its dots are, and check it."""
    if path:
        page.goto(path)
    area, report = texts(page)
    area.focus()
    page.keyboard.type(body)
    press(page)
    expect(report.locator('.piece-verdict')).to_be_visible(timeout=START)
    return area, report


@pytest.mark.parametrize('name', NAMES)
def test_the_lessons_own_code_is_right(name, page):
    """Every piece and every exercise that can be written on a page: the lesson's own code, and the
    first right answer, pass all checks."""
    page.goto(f'workbook/{name}.html')
    here, _ = workbook.split(FOLDER / f'{name}.ipynb')
    places = page.locator('.piece-place')
    pieces = [place.get_attribute('data-names') for place in places.all()]
    assert sorted(' '.join(filter(None, pieces)).split()) == sorted(here)
    for number, names in enumerate(pieces):
        exercise = places.nth(number).get_attribute('data-exercise')
        area, report = page.locator(f'#piece-{number}'), page.locator('.piece-report').nth(number)
        expect(area).to_have_value(re.compile(r'\.\.\.'))
        area.fill(right_text(name, names, exercise))
        press(page, piece=' and '.join(names.split()) if names else f'exercise {exercise}')
        expect(report).to_contain_text(': right', timeout=START)


def test_python_comes_with_the_first_check(page):
    """A page that is only read loads no Python."""
    asked = []
    page.on('request', lambda request: asked.append(request.url))
    write(page, 'return 1')
    loaded = [i for i, url in enumerate(asked) if 'pyodide' in url]
    assert loaded
    asked.clear()
    page.goto(PAGE)
    texts(page)[0].focus()
    page.wait_for_timeout(300)
    assert asked and not [url for url in asked if 'pyodide' in url or 'library.js' in url]


def test_a_mistake_and_its_correction(page):
    """The report says what the mistake looks like; it is read to whoever does not see; a text that
    has changed since is told apart; then all is right."""
    area, report = write(page, FORGOTTEN)
    assert report.get_attribute('aria-live') == 'polite'
    expect(report).to_contain_text(f'{PIECE}: 0 of')
    expect(report).to_contain_text('✗')
    expect(report).to_contain_text('The padding was forgotten.')
    status = page.locator('.piece-status').first
    assert status.get_attribute('role') == 'status' and not status.inner_text()
    area.press('End')
    page.keyboard.type(' ')
    expect(status).to_have_text('The text has changed since this check.')
    area.fill(source('02', PIECE))
    press(page)
    expect(report).to_contain_text(f'{PIECE}: right')
    assert report.locator('.piece-passed').count() >= 2
    assert report.locator('.piece-failed').count() == 0


def test_what_python_cannot_run(page):
    """A text that is no Python, an unknown name, a recursion and a loop without an end: each is
    told with its line, and the page lives on."""
    page.goto(PAGE)
    area, report = texts(page)
    empty = area.input_value()
    for body, message in (
        ('retrun 1', r'line \d+, retrun 1: invalid syntax'),
        ('return lenght', "line return lenght ends in NameError: name 'lenght' is not defined"),
        ('f = lambda: f(); return f()', 'return f.. calls itself without an end'),
        ('while True: pass', 'your line while True: pass ends in TimeoutError: it was stopped'),
    ):
        area.fill(empty.replace('...  # your code', body))
        press(page)
        expect(report.locator('.piece-failed')).to_contain_text(re.compile(message), timeout=START)
    area.fill(source('02', PIECE))
    press(page)
    expect(report).to_contain_text(f'{PIECE}: right')


def test_nothing_is_written_yet(page):
    """An empty piece is told so; what it prints is shown."""
    page.goto(PAGE)
    press(page)
    report = texts(page)[1]
    expect(report).to_have_text(f'{PIECE}: not written yet', timeout=START)
    area, report = write(page, 'print("so many:", length)\nreturn 0', path='')
    expect(report.locator('pre')).to_contain_text('so many: 4')


def test_the_text_is_kept(page):
    """A text survives that the page is loaded again; Start again takes it away, and it can be
    brought back, also by Ctrl+Z; then nothing is kept."""
    page.goto(PAGE)
    area, _ = texts(page)
    empty = area.input_value()
    assert '...  # your code' in empty
    area.focus()
    page.keyboard.type(FORGOTTEN)
    written = area.input_value()
    assert FORGOTTEN in written and '...' not in written
    page.reload()
    assert area.input_value() == written
    press(page, 'Start again')
    assert area.input_value() == empty
    press(page, 'Bring my text back')
    assert area.input_value() == written
    assert page.get_by_role('button', name='Bring my text back').count() == 0
    press(page, 'Start again')
    page.keyboard.press('Control+z')
    assert area.input_value() == written
    press(page, 'Start again')
    page.reload()
    assert area.input_value() == empty
    assert page.evaluate('localStorage.length') == page.evaluate(
        'Object.keys(localStorage).filter((key) => !key.startsWith("mvit-workbook")).length')


def test_pieces_are_kept_apart(page):
    """What is written for one page is not seen on another."""
    write(page, FORGOTTEN)
    for name in NAMES:
        page.goto(f'workbook/{name}.html')
        for area in page.locator('.piece-text').all():
            assert (FORGOTTEN in area.input_value()) == (area.get_attribute('id') == 'piece-0'
                                                         and name == Path(PAGE).stem)


def test_by_keyboard_alone(page):
    """Tab reaches the text and types an indentation in it; Enter keeps it, and makes it deeper
    after a colon; Escape and Tab lead on to the buttons; Enter checks."""
    page.goto(PAGE)
    area, report = texts(page)
    for _ in range(200):
        page.keyboard.press('Tab')
        if page.evaluate('document.activeElement.tagName') == 'TEXTAREA':
            break
    page.keyboard.type('if padding is None:\npadding = kernel // 2')
    page.keyboard.press('Enter')
    page.keyboard.press('Backspace')                           # one step back
    page.keyboard.type('return (length + 2 * padding - kernel) // stride + 1')
    lines = area.input_value().splitlines()
    assert '        padding = kernel // 2' in lines
    assert '    return (length + 2 * padding - kernel) // stride + 1' in lines
    page.keyboard.press('Home')
    page.keyboard.press('Tab')
    assert re.search(r'^ {8}return', area.input_value(), re.M)
    page.keyboard.press('Shift+Tab')
    assert re.search(r'^ {4}return', area.input_value(), re.M)
    page.keyboard.press('Escape')
    page.keyboard.press('Tab')
    for _ in range(3):                                         # past the cell of the check
        if page.evaluate('document.activeElement.textContent') == 'Check':
            break
        page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.ariaLabel') == f'Check: {PIECE}'
    page.keyboard.press('Enter')
    expect(report).to_contain_text(f'{PIECE}: right', timeout=START)
    area.focus()
    page.keyboard.press('Control+Enter')
    expect(report).to_contain_text(f'{PIECE}: right')
    assert page.evaluate('document.activeElement.tagName') == 'TEXTAREA'


def test_an_exercise(page):
    """Its answer is checked; nothing, a wrong one, a right one."""
    page.goto(PAGE)
    area = page.locator('[data-exercise="1"] textarea')
    report = page.locator('.piece-report').nth(1)
    for text, message in (('', 'Exercise 1: not answered yet'), ('answer = 7', 'not right yet'),
                          (ANSWERS['02', 1], 'Exercise 1: right')):
        if text:
            area.fill(text)
        press(page, piece='exercise 1')
        expect(report).to_contain_text(message, timeout=START)
    assert report.locator('.piece-failed').count() == 0


def test_lines_are_moved_together(page):
    """Tab and Shift+Tab with several lines selected."""
    page.goto(PAGE)
    area, _ = texts(page)
    area.fill('a\n  b\n\tc')
    page.keyboard.press('Control+a')
    page.keyboard.press('Tab')
    assert area.input_value() == '    a\n      b\n    \tc'
    page.keyboard.press('Shift+Tab')
    page.keyboard.press('Shift+Tab')
    assert area.input_value() == 'a\nb\n\tc'


def test_it_works_from_a_file(page, file_url):
    """From a folder on a disk, as from a server; the text is kept there too."""
    area, report = write(page, FORGOTTEN, f'{file_url}/{PAGE}')
    expect(report).to_contain_text('The padding was forgotten.')
    page.reload()
    assert FORGOTTEN in area.input_value()


def test_it_works_on_a_phone(phone):
    """By touch, on a page no wider than the screen."""
    phone.goto(PAGE)
    area, report = texts(phone)
    area.tap()
    area.fill(source('02', PIECE))
    phone.get_by_role('button', name=f'Check: {PIECE}').tap()
    expect(report).to_contain_text(f'{PIECE}: right', timeout=START)
    assert phone.evaluate('document.documentElement.scrollWidth') == 390


def test_without_scripts_the_cells_stand(open_page):
    """Who reads without JavaScript sees the cell as it comes, and is told."""
    page = open_page(java_script_enabled=False)
    page.goto(PAGE)
    assert page.locator('textarea').count() == 0
    cell = page.locator('.piece-place + .cell').first
    expect(cell).to_contain_text('...  # your code')
    expect(cell).to_be_visible()
    said = page.locator('article noscript p')
    expect(said).to_contain_text('Writing on the page needs JavaScript')
    expect(said).to_be_visible()


def test_on_paper_the_cells_stand(page):
    """Printed, a page has its cells, no editor and no button."""
    page.goto(PAGE)
    cell = page.locator('.piece-place + .cell').first
    expect(cell).to_be_hidden()
    page.emulate_media(media='print')
    expect(cell).to_be_visible()
    expect(page.locator('.piece-text').first).to_be_hidden()
    expect(page.locator('.piece-tools').first).to_be_hidden()


@pytest.mark.parametrize('name', NAMES)
def test_what_needs_torch_says_so(name, page):
    """Each piece that cannot be written on its page has a word above it, and the page says where;
    a page without any other has no editor."""
    page.goto(f'workbook/{name}.html')
    here, elsewhere = workbook.split(FOLDER / f'{name}.ipynb')
    said = page.locator('article').get_by_text('needs PyTorch: write it in Jupyter or in Colab')
    above = {re.search(r'^(?:def|class) (\w+)', cell, re.M)[1]
             for cell in said.locator('xpath=..').all_inner_texts() if '# your code' in cell}
    assert above == {name.partition('.')[0] for name in elsewhere}
    assert bool(page.locator('textarea').count()) == bool(here)
    if elsewhere:
        link = page.locator('article').get_by_role('link', name='in Colab', exact=True)
        assert link.get_attribute('href').endswith(f'nbs/workbook/{name}.ipynb')


def test_hints_unfold(page):
    """A hint is closed; a click opens it and no other; code in it has colours and a button that
    copies it, in light and dark."""
    page.goto(PAGE)
    hint = page.locator('article details').first
    expect(hint.locator('p').first).to_be_hidden()
    hint.locator('summary').click()
    expect(hint.locator('p').first).to_be_visible()
    expect(hint.locator('p code').first).to_be_visible()
    assert page.locator('article details[open]').count() == 1
    solution = page.locator('article details', has_text='The solution').first
    solution.locator('summary').focus()
    page.keyboard.press('Enter')
    expect(solution.locator('button.copybtn')).to_have_count(1)
    colors = []
    for scheme in ('light', 'dark'):
        page.emulate_media(color_scheme=scheme)
        page.locator(f'html[data-theme={scheme}]').wait_for()
        colors.append(solution.locator('.highlight .k').first.evaluate(
            'part => getComputedStyle(part).color'))
    assert colors[0] != colors[1]


def test_a_report_is_accessible(open_page):
    """axe finds no fault with a mistake on a page, its hints open, light and dark."""
    page = open_page(reduced_motion='reduce')
    write(page, 'print(1)\nreturn 2')
    page.evaluate('document.querySelectorAll("article details").forEach((d) => { d.open = true; })')
    found = faults(page, EVERYTHING)
    page.emulate_media(color_scheme='dark')
    page.locator('html[data-theme=dark]').wait_for()
    assert found + faults(page, COLORS) == []


def test_ways_to_the_workbook(page):
    """The landing page leads to its first page, which leads to every notebook and names all pieces;
    in the sidebar it is a part of the course."""
    page.goto('index.html')
    page.locator('article').get_by_role('link', name='build it yourself').click()
    assert page.url.endswith('/workbook/index.html')
    links = page.locator('article table td:first-child a').evaluate_all(
        'all => all.map((link) => link.href)')
    assert [Path(link).stem for link in links] == NAMES
    text = page.locator('article table').inner_text()
    for name in NAMES:
        here, elsewhere = workbook.split(FOLDER / f'{name}.ipynb')
        assert [piece for piece in here + elsewhere if piece not in text] == []
    sidebar = page.locator('.bd-sidebar-primary').inner_text()
    assert sidebar.index('Lessons') < sidebar.index('Workbook') < sidebar.index('Guides')


def test_a_check_belongs_to_a_piece(tmp_path, monkeypatch):
    """A check with no code above it stops the build."""
    path = tmp_path / workbook.FOLDER / '02_pooling.ipynb'
    path.parent.mkdir()
    cells = [new_markdown_cell('# A'), new_code_cell('import torch'), new_markdown_cell('Text.'),
             new_code_cell(f'check({PIECE})')]
    nb = new_notebook(cells=cells)
    nbformat.write(nb, path)
    monkeypatch.setattr(workbook, 'NOTEBOOKS', tmp_path)
    with pytest.raises(ValueError, match='expected an empty piece above'):
        workbook.mark(nb, path)


def test_a_piece_for_the_browser_needs_no_torch(monkeypatch):
    """One whose steps no module brings into a browser stops the build."""
    book = workbook.book_of(FOLDER / '02_pooling.ipynb')
    assert workbook.module_of(book, PIECE)
    monkeypatch.setattr(workbook, 'arithmetic_modules', list)
    with pytest.raises(ValueError, match='pooled_length: expected its steps in one module'):
        workbook.module_of(book, PIECE)
