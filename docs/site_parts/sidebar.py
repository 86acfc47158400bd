"""What stands in the sidebar: every page in its room (`navigation` writes it)"""
import re
from pathlib import Path

import nbformat

from . import workbook
from .notebooks import every_notebook
from .paths import NOTEBOOKS

ROOMS = {                       # of the library, in the order of its page: folder → what it is for
    'analysis': 'What is counted and measured: FLOPs of a run, memory, the tables of the paper, '
                'attention maps.',
    'weights': 'Files of weights in every published layout, read and written.',
    'video': 'Frames of video files, as clips.',
    'training': 'From folders of videos to a trained network.',
    'boxes': 'What each of several persons or things in a clip does.',
    'figures': 'Every drawing of the course.',
    'cli': 'The two commands, `mvit_predict` and `mvit_train`.',
    'workbook': 'The checks of what a learner writes: pieces, steps, what is said of a mistake.'}
TOP = """# Library

One notebook for each module that no lesson exports: definition, one sentence, the check of a value
or an invariant under it. The [reference](/reference/index.md) has every public name of all
modules."""
NUMBERED = 'lessons', workbook.FOLDER


def head(path: Path) -> tuple[str, str]:
    """The heading of a notebook, and the sentence under it ('' if there is none)."""
    first = nbformat.read(path, as_version=4).cells[0].source
    sentence = re.search(r'^> (.+(?:\n> ?.+)*)', first, re.M)
    heading = first.splitlines()[0].removeprefix('# ').strip()
    return heading, re.sub(r'\n> ?', ' ', sentence[1]) if sentence else ''


def toctree(lines: list[str], *options: str) -> str:
    """A directive with these entries."""
    return '\n'.join(['```{toctree}', *options, '', *lines, '```', ''])


def of_folder(folder: str) -> list[Path]:
    """The notebooks of a folder below nbs/."""
    return [path for path in every_notebook() if path.parent == NOTEBOOKS / folder]


def address(path: Path) -> str:
    """The page of a notebook, from the top of the site."""
    return f'/{path.relative_to(NOTEBOOKS).with_suffix("").as_posix()}'


def entries(folder: str) -> list[str]:
    """The notebooks of a folder in a toctree, lessons and what belongs to one with its number."""
    named = []
    for path in of_folder(folder):
        title, _ = head(path)
        number = path.stem.split('_')[0]
        title = title.removeprefix('Build it: ')       # as its part of the sidebar says
        numbered = f'{number} {title}' if folder in NUMBERED else title
        named.append(f'{numbered} <{address(path)}>')
    return named


def table(folder: str) -> list[str]:
    """The notebooks of a folder, each with its sentence."""
    lines = ['| notebook | what it is about |', '| --- | --- |']
    for path in of_folder(folder):
        title, sentence = head(path)
        cell = sentence.replace('|', '\\|')
        lines.append(f'| [{title}]({address(path)}.ipynb) | {cell} |')
    return lines


def room_page(room: str, purpose: str) -> str:
    """The page that leads to the notebooks of a room of the library."""
    folder = f'library/{room}'
    return '\n'.join([f'# {room}', '', purpose, '', *table(folder), '',
                      toctree(entries(folder), ':hidden:')])


def library_page() -> str:
    """The page that leads to all notebooks of the library."""
    rooms = [f'| [{room}](/library/{room}/index.md) | {purpose.removesuffix(".")} |'
             for room, purpose in ROOMS.items()]
    below = [f'/library/{room}/index' for room in ROOMS]
    return '\n'.join([TOP, '', '## Rooms', '', '| room | what is in it |', '| --- | --- |', *rooms,
                      '', '## Modules beside them', '', *table('library'), '',
                      toctree([*below, *entries('library')], ':hidden:')])


def toctrees() -> str:
    """What stands, unseen, at the end of the landing page."""
    build_it = [f'All pieces </{workbook.FOLDER}/index>', *entries(workbook.FOLDER)]
    try_it = ['Explorer </explorer>', 'Tokens </tokens>']
    rest = ['Reference </reference/index>', 'Library notebooks </library>']
    return '\n'.join(toctree(lines, ':hidden:', f':caption: {caption}') for caption, lines in (
        ('Lessons', entries('lessons')), ('Workbook', build_it), ('Try it', try_it),
        ('Guides', entries('guides')), ('Library', rest)))


def write(out: Path) -> None:
    """Write the pages of the workbook, of the library and its rooms, and the toctrees into the
    landing page.

    Raises `ValueError` if a folder of the library is no room, or the landing page has no place."""
    folders = {path.parent.name for path in every_notebook()
               if path.parent.parent == NOTEBOOKS / 'library'}
    if folders != set(ROOMS):
        raise ValueError(f'nbs/library: expected the folders {sorted(ROOMS)} (ROOMS in '
                         f'{Path(__file__).name}), found {sorted(folders)}')
    (out / 'library.md').write_text(library_page(), encoding='utf-8')
    for room, purpose in ROOMS.items():
        (out / f'library/{room}/index.md').write_text(room_page(room, purpose), encoding='utf-8')
    titled = [(head(path)[0], path) for path in of_folder(workbook.FOLDER)]
    pages = out / workbook.FOLDER
    pages.mkdir(exist_ok=True)
    (pages / 'index.md').write_text(workbook.index_page(titled), encoding='utf-8')
    index = out / 'index.md'
    text = index.read_text(encoding='utf-8')
    place = '<!-- toctrees -->'
    if text.count(place) != 1:
        raise ValueError(f'{index.name}: expected {place} once, found it {text.count(place)} times')
    index.write_text(text.replace(place, toctrees()), encoding='utf-8')
