"""The workbook: pieces that need no torch are written and checked in the page, others elsewhere

`mark` tells the cells of a notebook apart, `PieceTransform` puts the places of the editors into
their page, which docs/app/workbook.js fills. Without scripts, and on paper, the cells stay."""
import importlib
import re
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from .assets import arithmetic_modules
from .cells import is_part
from .paths import NOTEBOOKS

FOLDER = 'workbook'                                  # of the notebooks and of their pages
PACKAGE = 'mvit_nb.workbook'
CHECK = re.compile(r'^check\((.+)\)$')
EXERCISE = re.compile(r'^check_\d\d_(\d+)\(answer\)$', re.M)
COLAB = re.compile(r'\[Open in Colab\]\((\S+)\)')
SCRIPT, SHEET = 'app/workbook.js', 'app/workbook.css'
TOP = """# Workbook

Write the code of a lesson yourself, and be told when it is right: each piece comes with its
signature, an empty body, checks, hints that unfold, and the solution at the end. A check says what
it expected, what it got, and which mistake looks like that. Pieces that need no PyTorch are written
and checked on these pages; the others in Jupyter or in Colab, in the same notebooks.

| notebook | write on its page | write in Jupyter or Colab |
| --- | --- | --- |"""


def book_of(path: Path):
    """The book with the checks of a workbook's notebook."""
    return importlib.import_module(f'{PACKAGE}.lesson_{path.stem.split("_")[0]}').book


def module_for(book, checks: list) -> str:
    """The module below `mvit_nb.workbook` that brings these checks into a browser: the lesson's, or
    the one that has them all; '' if it needs torch."""
    whole, there = f'{PACKAGE}.lesson_{book.number}', arithmetic_modules()
    found = {check.__module__ for check in checks}
    possible = [whole, *found] if len(found) == 1 else [whole]
    module = next((module for module in possible if module in there), '')
    return module.removeprefix(f'{PACKAGE}.')


def module_of(book, name: str) -> str:
    """The module that brings a piece into a browser; '' if it needs torch. Raises `ValueError` for
    one that is said to run there, and has no such module."""
    blank = book.blanks[name]
    if not blank.browser:
        return ''
    steps = [step.run for step in blank.steps]
    module = module_for(book, steps)
    if not module:
        raise ValueError(f'{name}: expected its steps in one module of the contract `arithmetic` '
                         f'in .importlinter, found {sorted({run.__module__ for run in steps})}')
    return module


def names_in(cell) -> list[str]:
    """The pieces that a cell checks."""
    found = CHECK.match(cell.source.strip()) if cell.cell_type == 'code' else None
    return [name.strip() for name in found[1].split(',')] if found else []


def listed(names: list[str]) -> str:
    """Names of code in a sentence."""
    code = [f'`{name}`' for name in names]
    return ' and '.join([', '.join(code[:-1]), code[-1]] if len(code) > 1 else code)


def split(path: Path) -> tuple[list[str], list[str]]:
    """The pieces of a notebook that can be written on its page, and the others."""
    blanks = book_of(path).blanks.values()
    return ([blank.name for blank in blanks if blank.browser],
            [blank.name for blank in blanks if not blank.browser])


def note(path: Path, colab: str) -> str:
    """What can be done on the page of a notebook, in Markdown."""
    here, elsewhere = split(path)
    place = f'in Jupyter or [in Colab]({colab})' if colab else 'in Jupyter'
    said = []
    if here:
        what = listed(here) if elsewhere else 'every piece'
        said.append(f'**On this page** you can write {what}. The button Check, below a piece, runs '
                    'its checks in your browser, with a Python that is loaded the first time '
                    '(13 MB). What you write is kept in this browser.')
    if elsewhere:
        what = listed(elsewhere) if here else 'The pieces of this notebook'
        verb = 'need' if len(elsewhere) > 1 or not here else 'needs'
        what_then = 'them' if verb == 'need' else 'it'
        said.append(f'{what} {verb} PyTorch: write {what_then} {place}.')
    script = ('\n\n<noscript>\n<p>Writing on the page needs JavaScript, which this browser does '
              'not run.</p>\n</noscript>')
    return ' '.join(said) + script * bool(here)


def mark(nb: nbformat.NotebookNode, path: Path) -> None:
    """Say in the metadata of cells what they are to the page: `imports`; `piece`, an empty one or
    the answer to an exercise, with the `book` that checks it here ('': none). Raises `ValueError`
    for a check without a piece above it, and what `module_of` raises."""
    if path.parent != NOTEBOOKS / FOLDER:
        return
    book = book_of(path)
    code = [cell for cell in nb.cells if cell.cell_type == 'code']
    code[0].metadata['imports'] = True
    for cell in code:
        if found := EXERCISE.search(cell.source):
            number = int(found[1])
            module = module_for(book, [book.exercises[number].check])
            cell.metadata['piece'] = {'exercise': number, 'book': module}
    for before, cell in zip(nb.cells, nb.cells[1:]):
        if names := names_in(cell):
            if before.cell_type != 'code':
                raise ValueError(f'{path.name}: expected an empty piece above {cell.source!r}')
            modules = {module_of(book, name) for name in names}
            module = modules.pop() if len(modules) == 1 else ''
            before.metadata['piece'] = {'names': ' '.join(names), 'book': module}
    colab = COLAB.search(nb.cells[0].source)
    nb.cells.insert(1, nbformat.v4.new_markdown_cell(note(path, colab[1] if colab else '')))


def index_page(notebooks: list[tuple[str, Path]]) -> str:
    """The page that leads to the notebooks, (title, path) each."""
    rows = []
    for title, path in notebooks:
        cells = [listed(names) if names else '–' for names in split(path)]
        name = title.replace('Build it:', path.stem.split('_')[0])
        rows.append(f'| [{name}](/{FOLDER}/{path.name}) | {" | ".join(cells)} |')
    return '\n'.join([TOP, *rows, ''])


class PieceTransform(SphinxPostTransform):
    """A place for the editor before each empty piece that can be written on the page; a word on
    each of the others."""

    default_priority = 210

    def run(self) -> None:
        for cell in list(self.document.findall(lambda node: is_part(node, 'cell_code'))):
            about = cell['cell_metadata'].get('piece')
            if about and about['book']:
                self.place(cell, about)
            elif about:
                words = nodes.Text('needs PyTorch: write it in Jupyter or in Colab')
                cell.insert(0, nodes.paragraph('', '', words, classes=['cell-label', 'no-search']))
            if cell['cell_metadata'].get('imports'):
                cell['classes'].append('piece-imports')

    def place(self, cell: nodes.container, about: dict) -> None:
        """Put the place of an editor before its cell."""
        data = ' '.join(f'data-{name}="{escape(str(value))}"' for name, value in about.items())
        text = f'<div class="piece-place" {data}></div>'
        cell.parent.insert(cell.parent.index(cell), nodes.raw('', text, format='html'))


def scripts(app, pagename, templatename, context, doctree) -> None:
    """What only pages with such a place load."""
    if 'class="piece-place"' in context.get('body', ''):
        app.add_js_file(SCRIPT, loading_method='defer')
        app.add_css_file(SHEET)


def setup(app):
    """Editors for what can be written on a page."""
    app.add_post_transform(PieceTransform)
    app.connect('html-page-context', scripts)
    return {'version': '1', 'parallel_read_safe': True, 'parallel_write_safe': True}
