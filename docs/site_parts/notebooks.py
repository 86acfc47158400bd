"""Notebooks as the site shows them: nbdev's directives do what they say, links lead to pages

A copy of each is written beside the other pages; the notebooks themselves stay as they are. What
`cells` needs to know of a cell is in its metadata: the module that it goes into (`library`), and
the text that stands for each of its pictures (`alternatives`)."""
import re
from pathlib import Path, PurePosixPath

import nbformat

from . import workbook
from .paths import NOTEBOOKS, settings
from .pictures import alternatives

PACKAGE = 'mvit_nb'
DIRECTIVE = re.compile(r'^#\|[ \t]*([\w-]+)[ \t]*:?[ \t]*(.*?)[ \t]*\n?$', re.M)
LINK = re.compile(r'(?<=\]\()(?!\w+:|\))([^)\s#]*)(#[^)\s]*)?(?=[\s)])')
CODE = re.compile(r'((`+).+?(?<!`)\2(?!`))', re.S)               # code in a text, not to be touched
EXPORTS = 'export', 'exporti', 'exports'


def directives(source: str) -> dict[str, str]:
    """nbdev's directives of a cell, {name: what follows it}."""
    return {name.lower(): value.lower() for name, value in DIRECTIVE.findall(source)}


def tags(found: dict[str, str]) -> list[str] | None:
    """The tags that myst-nb gets for these directives; None: the cell is not shown."""
    if 'hide' in found or 'default_exp' in found or found.get('include') == 'false':
        return None
    rules = {
        'library': any(name in found for name in EXPORTS),
        'slow': 'slow' in found,
        'remove-input': 'hide_input' in found or found.get('echo') == 'false',
        'remove-output': 'hide_output' in found or found.get('output') == 'false',
        'hide-input': found.get('code-fold') == 'true'}
    return [tag for tag, holds in rules.items() if holds]


def module_of(nb: nbformat.NotebookNode) -> str:
    """The module that a notebook exports, 'mvit_nb.plan', or ''."""
    for cell in nb.cells:
        name = directives(cell.source).get('default_exp') if cell.cell_type == 'code' else None
        if name:
            return f'{PACKAGE}.{name}'.removesuffix('.__init__')
    return ''


def goes_into(found: dict[str, str], module: str) -> str:
    """The module that a cell with these directives goes into; the notebook's own is `module`."""
    named = next((found[name] for name in EXPORTS if found.get(name)), '')
    return f'{PACKAGE}.{named}' if named else module


def linked(text: str, name: PurePosixPath) -> str:
    """Text of the notebook `name` (below nbs/) with its links to the index and to files that are no
    pages made to lead somewhere."""
    at = settings()

    def there(found):
        anchor = re.sub(r'[^#\w-]', '', (found[2] or '').lower())      # as MyST names headings
        if not found[1]:
            return anchor
        target = NOTEBOOKS.joinpath(name.parent, found[1]).resolve()
        if target == NOTEBOOKS / 'index.ipynb':
            return '/'.join(['..'] * len(name.parents[:-1]) + ['index.md']) + anchor
        if target.suffix == '.ipynb' and target.is_relative_to(NOTEBOOKS):
            return found[1] + anchor
        path = target.relative_to(NOTEBOOKS.parent).as_posix()
        return f'{at["git_url"]}/blob/{at["branch"]}/{path}{anchor}'

    parts = CODE.split(text)                       # text, code, its backticks, text, …
    parts[::3] = [LINK.sub(there, part) for part in parts[::3]]
    del parts[2::3]
    return ''.join(parts)


def prepared(path: Path) -> nbformat.NotebookNode:
    """One notebook as the site shows it."""
    name = PurePosixPath(path.relative_to(NOTEBOOKS).as_posix())
    nb = nbformat.read(path, as_version=4)
    module = module_of(nb)
    texts = alternatives(nb, module)
    cells = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == 'code':
            found = directives(cell.source)
            shown = tags(found)
            if shown is None:
                continue
            cell.source = DIRECTIVE.sub('', cell.source).strip('\n')
            if not cell.source and not cell.outputs:
                continue
            cell.metadata['tags'] = shown
            if 'library' in shown:
                cell.metadata['library'] = goes_into(found, module)
            if index in texts:
                cell.metadata['alternatives'] = texts[index]
        elif cell.cell_type == 'markdown':
            cell.source = linked(cell.source, name)
        cells.append(cell)
    nb.cells = cells
    workbook.mark(nb, path)
    if module:
        nb.metadata['module'] = module
    nb.metadata['language_info'] = {'name': 'python', 'pygments_lexer': 'ipython3'}
    return nb


def every_notebook() -> list[Path]:
    """All notebooks but the index, which the landing page stands for."""
    return sorted(path for path in NOTEBOOKS.rglob('*.ipynb')
                  if '.ipynb_checkpoints' not in path.parts and path != NOTEBOOKS / 'index.ipynb')


def write(out: Path) -> None:
    """Write all notebooks as the site shows them below `out`."""
    for path in every_notebook():
        target = out / path.relative_to(NOTEBOOKS)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(prepared(path), target)
