"""What the build makes of a notebook, and how it cuts text into the words of the search"""
import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from site_parts import notebooks
from site_parts.paths import DOCS
from site_parts.search import SearchCourse

PROSE = '''# Small

See [the other](../guides/other.ipynb#how-it-goes), [the map](../index.ipynb),
[a program](../../tools/program.py) and [far away](https://example.org/a.ipynb).
In code, `blocks[i](x)` calls a block:

```python
blocks[i](tokens)
```
'''
CELLS = {   # name: source
    'module': '#| default_exp small',
    'hide': '#| hide\nhide_code = 1',
    'hide_dense': '#|hide\nhide_dense_code = 1',
    'include': '#| include: false\ninclude_code = 1',
    'export': '#| export\nexport_code = 1',
    'elsewhere': '#| export other.module\nelsewhere_code = 1',
    'echo': '#| echo: false\necho_code = 1',
    'hide_input': '#| hide_input\nhide_input_code = 1',
    'output': '#| output: false\noutput_code = 1',
    'slow': '#| slow\nslow_code = 1',
    'plain': 'plain_code = 1  # a comment, #| and no directive',
}
CODE = {'export', 'elsewhere', 'output', 'slow', 'plain'}                # whose code is shown
OUTPUTS = {'export', 'elsewhere', 'echo', 'hide_input', 'slow', 'plain'}  # whose output is shown


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The path of a small notebook in a folder that stands for nbs/."""
    folder = tmp_path / 'nbs'
    monkeypatch.setattr(notebooks, 'NOTEBOOKS', folder)
    cells = [new_markdown_cell(PROSE)]
    for name, source in CELLS.items():
        output = new_output('stream', name='stdout', text=f'{name} output\n')
        cells.append(new_code_cell(source, outputs=[output], execution_count=1))
    path = folder / 'lessons/small.ipynb'
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def cell_with(nb, text):
    """The cell of a notebook whose source has this text; None if there is none."""
    return next((cell for cell in nb.cells if text in cell.source), None)


def test_directives(small):
    """Cells that are not shown are gone, library and slow ones are marked, no directive is left."""
    nb = notebooks.prepared(small)
    sources = '\n'.join(cell.source for cell in nb.cells if cell.cell_type == 'code')
    assert not [line for line in sources.splitlines() if line.startswith('#|')]
    for name in ('hide', 'hide_dense', 'include', 'module'):
        assert f'{name}_code' not in sources
    marked = {name: set(cell_with(nb, f'{name}_code').metadata['tags']) for name in CODE}
    assert marked == {'export': {'library'}, 'elsewhere': {'library'}, 'output': {'remove-output'},
                      'slow': {'slow'}, 'plain': set()}
    assert nbformat.read(small, as_version=4).cells[1].source == CELLS['module']   # as it was


def test_links(small):
    """Links lead to pages of the site, or else to the repository; code is left alone."""
    text = notebooks.prepared(small).cells[0].source
    at = notebooks.settings()
    assert '[the other](../guides/other.ipynb#how-it-goes)' in text
    assert '[the map](../index.md)' in text
    assert f'[a program]({at["git_url"]}/blob/{at["branch"]}/tools/program.py)' in text
    assert '[far away](https://example.org/a.ipynb)' in text
    assert '`blocks[i](x)`' in text
    assert '\nblocks[i](tokens)\n' in text


def test_a_page_shows_what_the_directives_say(small, tmp_path, page):
    """Sphinx, with the configuration of the site, shows the code and the output of the cells that
    show them, and of no others."""
    pages = tmp_path / 'pages'
    pages.mkdir()
    (pages / 'index.md').write_text('# Top\n\n```{toctree}\nsmall\n```\n', encoding='utf-8')
    nb = notebooks.prepared(small)
    nb.cells[0].source = '# Small'
    nbformat.write(nb, pages / 'small.ipynb')
    command = [sys.executable, '-m', 'sphinx', '-q', '-W', '-b', 'html', '-c', str(DOCS),
               '-d', str(tmp_path / 'doctrees'), str(pages), str(tmp_path / 'html')]
    done = subprocess.run(command, capture_output=True, text=True,
                          env={**os.environ, 'MPLBACKEND': 'agg'})
    assert not done.returncode, done.stderr
    page.goto((tmp_path / 'html/small.html').as_uri())
    shown = page.locator('article').inner_text()
    assert {name for name in CELLS if f'{name}_code' in shown} == CODE
    assert {name for name in CELLS if f'\n{name} output' in shown} == OUTPUTS
    assert '#| export' not in shown


WORDS = [
    '14×14', '14x14', '14 × 14', '14*14', '14 x14', '8×14×14', '8 x 14 x 14', '3×3×3 kernels',
    'a 3 x 3 convolution', '2x faster', 'x 3', '16×4', 'mvit_b_16x4', 'feature_pyramid',
    'MViT-B, 16×4', 'd = D/h', 'x²', '10⁻³ s', '0.1 s', '4.5 G', 'stride (1, 2, 2)', 'N_Q·N_K',
    'self.blocks[i]', 'f"{grid}"', "the plan's row", 'Größe', 'naïve', 'γ and β', '１４', '½',
    'a\u0301', '×', '××', '', ' ', '1 × × 2', '7×7 × 7', '224*224*3',
]


def test_both_sides_of_the_search_cut_words_alike(page):
    """What the browser makes of a query is what Python made of the same text, which also has the
    last two sides of each grid."""
    page.goto('search.html')
    asked = page.evaluate('strings => strings.map((text) => splitQuery(text))', WORDS)
    assert len(WORDS) >= 30
    for text, words in zip(WORDS, asked, strict=True):
        tails = [word.split('×', 1)[1] for word in words if word.count('×') == 2]
        assert SearchCourse({}).split(text) == words + tails, text


@pytest.mark.parametrize(('text', 'words'), [
    ('a grid of 8 x 14×14 tokens', ['a', 'grid', 'of', '8×14×14', 'tokens', '14×14']),
    ('56*56, then 28', ['56×56', 'then', '28']),
    ('feature_pyramid(x)', ['feature_pyramid', 'x'])])
def test_words_of_a_text(text, words):
    """Grids and names are single words."""
    assert SearchCourse({}).split(text) == words
