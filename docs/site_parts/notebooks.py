"""Notebooks as the site shows them: nbdev's directives do what they say, links lead to pages

A copy of each is written beside the other pages; the notebooks themselves stay as they are."""
import re
from pathlib import Path, PurePosixPath

import nbformat

from .paths import NOTEBOOKS, settings

DIRECTIVE = re.compile(r'^#\|[ \t]*([\w-]+)[ \t]*:?[ \t]*(.*?)[ \t]*\n?$', re.M)
LINK = re.compile(r'(?<=\]\()(?!\w+:|\))([^)\s#]*)(#[^)\s]*)?(?=[\s)])')
TAGS = {'export': 'library', 'exporti': 'library', 'exports': 'library', 'slow': 'slow'}


def directives(source: str) -> dict[str, str]:
    """nbdev's directives of a cell, {name: what follows it}."""
    return {name.lower(): value.lower() for name, value in DIRECTIVE.findall(source)}


def tags(found: dict[str, str]) -> list[str] | None:
    """The tags that myst-nb gets for these directives; None: the cell is not shown."""
    if 'hide' in found or 'default_exp' in found or found.get('include') == 'false':
        return None
    shown = [tag for name, tag in TAGS.items() if name in found]
    if 'hide_input' in found or found.get('echo') == 'false':
        shown.append('remove-input')
    if 'hide_output' in found or found.get('output') == 'false':
        shown.append('remove-output')
    if found.get('code-fold') == 'true' or found.get('code-fold') == 'show':
        shown.append('hide-input')
    return list(dict.fromkeys(shown))


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

    return LINK.sub(there, text)


def prepared(path: Path) -> nbformat.NotebookNode:
    """One notebook as the site shows it."""
    name = PurePosixPath(path.relative_to(NOTEBOOKS).as_posix())
    nb = nbformat.read(path, as_version=4)
    cells = []
    for cell in nb.cells:
        if cell.cell_type == 'code':
            shown = tags(directives(cell.source))
            if shown is None:
                continue
            cell.source = DIRECTIVE.sub('', cell.source).strip('\n')
            cell.metadata['tags'] = shown
            if not cell.source and not cell.outputs:
                continue
        elif cell.cell_type == 'markdown':
            cell.source = linked(cell.source, name)
        cells.append(cell)
    nb.cells = cells
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
