"""The sidebar: every page in its room"""
from pathlib import Path

import nbformat

from .notebooks import every_notebook
from .paths import NOTEBOOKS

ROOMS = {   # of the library, in the order of its page: folder → its title
    '': 'Modules', 'analysis': 'analysis', 'weights': 'weights', 'video': 'video',
    'training': 'training', 'figures': 'figures', 'cli': 'cli'}


def title(path: Path) -> str:
    """The heading of a notebook."""
    first = nbformat.read(path, as_version=4).cells[0].source
    return first.splitlines()[0].removeprefix('# ').strip()


def toctree(lines: list[str], *options: str) -> str:
    """A directive with these entries."""
    return '\n'.join(['```{toctree}', *options, '', *lines, '```', ''])


def entries(folder: str) -> list[str]:
    """The notebooks of a folder below nbs/, lessons with their numbers."""
    found = [path for path in every_notebook() if path.parent == NOTEBOOKS / folder]
    named = []
    for path in found:
        number = path.stem.split('_')[0]
        name = f'{number} {title(path)}' if folder == 'lessons' else title(path)
        named.append(f'{name} </{path.relative_to(NOTEBOOKS).with_suffix("").as_posix()}>')
    return named


def library_page() -> str:
    """The page that leads to all notebooks of the library."""
    parts = ['# Library\n',
             'One notebook for each module that no lesson exports: definition, one sentence, the '
             'check of a value or an invariant under it. The [reference](reference/index.md) '
             'has every public name of all modules.\n']
    for room, name in ROOMS.items():
        parts += [f'## {name}\n', toctree(entries(f'library/{room}'.rstrip('/')), ':maxdepth: 1')]
    return '\n'.join(parts)


def toctrees() -> str:
    """What stands, unseen, at the end of the landing page."""
    lessons, guides = entries('lessons'), entries('guides')
    try_it = ['Explorer </explorer>', 'Tokens </tokens>']
    rest = ['Reference </reference/index>', 'Library notebooks </library>']
    return '\n'.join(toctree(lines, ':hidden:', f':caption: {caption}') for caption, lines in (
        ('Lessons', lessons), ('In the page', try_it), ('Guides', guides), ('Library', rest)))


def write(out: Path) -> None:
    """Write the page of the library, and the toctrees into the landing page."""
    (out / 'library.md').write_text(library_page(), encoding='utf-8')
    index = out / 'index.md'
    text = index.read_text(encoding='utf-8')
    place = '<!-- toctrees -->'
    if text.count(place) != 1:
        raise ValueError(f'{index.name}: expected {place} once, found it {text.count(place)} times')
    index.write_text(text.replace(place, toctrees()), encoding='utf-8')
