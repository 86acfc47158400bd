"""Cells and pictures of notebooks say what they are: labels, alternative texts, sizes, sources"""
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from site_parts import notebooks, pictures
from site_parts.buttons import source_of
from site_parts.cells import page_size

DOT = ('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E'
       'rkJggg==')                                         # a picture of one pixel


def picture(**about):
    """An output that is a picture."""
    return new_output('display_data', data={'image/png': DOT}, metadata={'image/png': about})


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """`shown(cells)`: the notebook with these cells as the site shows it, guides/made_up.ipynb."""
    def show(*cells):
        path = tmp_path / 'guides/made_up.ipynb'
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=list(cells)), path)
        return notebooks.prepared(path).cells

    monkeypatch.setattr(notebooks, 'NOTEBOOKS', tmp_path)
    return show


@pytest.mark.parametrize('directives, tags', [
    ('#| echo: false', ['remove-input']), ('#| output: false', ['remove-output']),
    ('#| code-fold: true', ['hide-input']), ('#| code-fold: show', []), ('#| slow', ['slow']),
    ('#| export', ['library']), ('#| exporti', ['library']), ('#| varies', []),
    ('#| export\n#| slow', ['library', 'slow']), ('#| echo: true', [])])
def test_directives(shown, directives, tags):
    """What myst-nb is told; the directives themselves are not shown."""
    cell, = shown(new_code_cell(f'{directives}\na = 1  #| b'))
    assert cell.metadata['tags'] == tags
    assert cell.source == 'a = 1  #| b'


@pytest.mark.parametrize('directive, module', [
    ('#| export', 'mvit_nb.figures.style'), ('#| export zoo', 'mvit_nb.zoo')])
def test_the_module_of_a_cell(shown, directive, module):
    """The notebook's own, or the one that the cell names."""
    head = new_code_cell('#| default_exp figures.style')
    cell, = shown(head, new_code_cell(f'{directive}\na = 1'))
    assert cell.metadata['library'] == module


CODE = '''def draw_it(number):
    """Draw a `thing` with (a; b) parts; returns it.

    More."""
'''
HEADING = '(under the heading “A head”)'


@pytest.mark.parametrize('code, outputs, texts', [
    ('draw_it(3)', [picture()], [f'A thing with (a; b) parts. Drawn by draw_it(3) {HEADING}']),
    ('draw_it(3)', [picture(alt='Own words')], ['Own words']),
    ('draw_it(1)\ndraw_it(2)', [picture(), picture()],
     [f'A thing with (a; b) parts. Drawn by draw_it({n}) {HEADING}' for n in (1, 2)]),
    ('for n in (1, 2): draw_it(n)', [picture(), picture()],
     [f'Picture {n} of 2. A thing with (a; b) parts. Drawn by draw_it(n) {HEADING}'
      for n in (1, 2)]),
    ('ax.set_title("Time")', [picture()], [f'A figure drawn by the code above: Time {HEADING}']),
    ('%not Python\n%%', [picture()], [f'A figure drawn by the code above {HEADING}'])])
def test_texts_of_pictures(shown, code, outputs, texts):
    """The function's own sentence, the call, and the heading above."""
    *_, cell = shown(new_markdown_cell('## A `head`'), new_code_cell(CODE),
                     new_code_cell(code, outputs=outputs))
    assert cell.metadata['alternatives'] == texts


def test_every_picture_of_the_course_has_a_text():
    """Most by the function that draws it; none is empty."""
    texts = []
    for path in notebooks.every_notebook():
        nb = nbformat.read(path, as_version=4)
        for found in pictures.alternatives(nb, notebooks.module_of(nb)).values():
            texts += found
    assert len(texts) > 200
    assert all(len(text) > 15 for text in texts)
    assert sum('Drawn by ' in text for text in texts) > 0.95 * len(texts)


@pytest.mark.parametrize('docname, source', [
    ('lessons/04_plan', 'nbs/lessons/04_plan.ipynb'), ('index', 'docs/pages/index.md'),
    ('library/config', 'nbs/library/config.ipynb'), ('library', ''), ('search', '')])
def test_sources(docname, source):
    """The file that "View source" opens; pages that are made from many files have none."""
    assert source_of(docname) == source


class Page(HTMLParser):
    """The pictures of a page, as their attributes, and its text without tags."""

    def __init__(self, text):
        super().__init__()
        self.pictures = []
        self.links = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == 'a':
            self.links.append(dict(attrs))
        elif tag == 'img':
            self.pictures.append(dict(attrs) | {'link': self.links[-1].get('href', '')})


@pytest.mark.parametrize('given, size', [
    (('', ''), ('1600', '900')), (('640', ''), ('640', '360')), (('640px', ''), ('640', '360')),
    (('', '450'), ('800', '450')), (('', '100 px'), ('178', '100')), (('99', '98'), ('99', '98')),
    (('50%', ''), ('50%', '')), (('', '3em'), ('', '3em')), (('640', '3em'), ('640', '3em'))])
def test_sizes_of_pictures(given, size):
    """Of a picture of 1600 × 900 pixels: what the notebook does not give follows from the rest."""
    assert page_size((1600, 900), *given) == size


def test_pictures_on_the_pages(html):
    """Each has a text that is no file name, a size, and a link to itself; it waits to be loaded."""
    number = 0
    for path in sorted(html.rglob('*/*.html')):
        for about in Page(path.read_text(encoding='utf-8')).pictures:
            if '_images/' not in about['src']:
                continue
            number += 1
            where = f'{path.relative_to(html)}: {about["src"]}'
            assert about['alt'] and not re.search(r'\.(png|jpe?g)$', about['alt']), where
            assert int(about['width']) and int(about['height']), where
            assert about['loading'] == 'lazy', where
            assert about['link'] == about['src'], where
    assert number > 200


def test_labels_on_the_pages(html):
    """A cell of the library says its module, a slow one that it is run by hand."""
    lesson = (html / 'lessons/04_plan.html').read_text(encoding='utf-8')
    label = re.search(r'<p class="cell-label[^"]*">(.*?)</p>', lesson, re.S)
    assert re.sub(r'<[^>]+>', '', label[1]) == 'in the library: mvit_nb.plan'
    slow = (html / 'lessons/08_time.html').read_text(encoding='utf-8')
    assert re.search(r'<p class="cell-label[^"]*">slow: run by hand</p>', slow)
    library = (html / 'library/config.html').read_text(encoding='utf-8')
    line = re.search(r'<p class="module-line[^"]*">(.*?)</p>', library, re.S)
    assert re.sub(r'<[^>]+>', '', line[1]) == 'Module mvit_nb.config'
