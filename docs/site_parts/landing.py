"""The landing page: the map, a clip on its way to be stepped through, the table of lessons

`docs/pages/index.md` has the words. A comment, `<!-- map -->`, stands for a part that is made here,
and `@hours@` for a number."""
import math
import re
from html import escape
from pathlib import Path
from typing import NamedTuple

import nbformat

from .paths import NOTEBOOKS

MODEL, MODEL_NAME = 'mvit_b_16x4', 'MViT-B'
FOLDER = '_static/landing'
DOTS = 160                           # per inch of a picture: pages show 86, screens have two each
QUARTERS = '', '¼', '½', '¾'
ROW = re.compile(r'^\| \[(\d\d [^]]+)\]\((lessons/\w+)\.ipynb\) \| (.+?) \| (\d+) \|$', re.M)
PLACE = re.compile(r'<!-- (map|journey|lessons) -->|@(\w+)@')

BUTTONS = '''
<div class="journey-controls" hidden>
<button type="button" data-do="previous">Previous</button>
<button type="button" data-do="play">Play</button>
<button type="button" data-do="next">Next</button>
<span class="journey-count"></span>
</div>
'''.strip()


class Lesson(NamedTuple):
    """A row of the table of lessons."""

    name: str        # with its number
    page: str        # 'lessons/00_clips'
    question: str
    minutes: int     # to read


def lessons() -> list[Lesson]:
    """The table of lessons of nbs/index.ipynb. Raises `ValueError` unless it has a row for each
    notebook in nbs/lessons."""
    cells = nbformat.read(NOTEBOOKS / 'index.ipynb', as_version=4).cells
    text = '\n'.join(cell.source for cell in cells if cell.cell_type == 'markdown')
    rows = [Lesson(name, page, question, int(minutes))
            for name, page, question, minutes in ROW.findall(text)]
    there = sorted(f'lessons/{path.stem}' for path in (NOTEBOOKS / 'lessons').glob('*.ipynb'))
    if [row.page for row in rows] != there:
        raise ValueError(f'nbs/index.ipynb: expected a table with a row for each of {there}, got '
                         f'rows for {[row.page for row in rows]}')
    return rows


def hours(minutes: int) -> str:
    """'3½': as hours, to the next quarter."""
    whole, quarters = divmod(math.ceil(minutes / 15), 4)
    return f'{whole or ""}{QUARTERS[quarters]}' or '0'


def lessons_table() -> str:
    """The lessons, their questions and minutes, in Markdown."""
    rows = [f'| {{doc}}`{row.name} <{row.page}>` | {row.question} | {row.minutes} |'
            for row in lessons()]
    return '\n'.join(['| lesson | the question | minutes |', '| --- | --- | ---: |', *rows])


def numbers(stations: tuple) -> dict[str, str]:
    """What stands in the words of the page as `@name@`."""
    rows, cubes, last, head = lessons(), stations[1], stations[-2], stations[-1]
    return {'lessons': str(len(rows)), 'hours': hours(sum(row.minutes for row in rows)),
            'core_hours': hours(sum(row.minutes for row in rows if row.name < '08')),
            'stations': str(len(stations)), 'classes': head.title.split()[1],
            'tokens': f'{cubes.count:,}', 'channels': f'{cubes.channels:,}',
            'last_tokens': f'{last.count:,}', 'last_channels': f'{last.channels:,}'}


def picture(figure, path: Path, alt: str, late: bool = True) -> str:
    """Save a figure and close it; returns the HTML that shows it. SVG, or WebP for photographs."""
    import matplotlib.pyplot as plt
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    if path.suffix == '.svg':
        with plt.rc_context({'svg.hashsalt': path.stem}):
            figure.savefig(path, metadata={'Date': None})
    else:
        figure.savefig(path, dpi=DOTS, pil_kwargs={'quality': 80, 'method': 6})
    plt.close(figure)
    lazy = ' loading="lazy"' if late else ''
    return (f'<img src="{FOLDER}/{path.name}" width="{width}" height="{height}"{lazy} '
            f'alt="{escape(alt)}">')


def map_html(folder: Path, stations: tuple) -> str:
    """Draw the map into a folder; returns the HTML that shows it, a link to the whole picture."""
    from mvit_nb.figures.network import draw_network
    clip, *middle, head = stations
    way = '; '.join(f'{station.name}: {station.count:,} tokens of {station.channels} channels'
                    for station in middle)
    alt = (f'The map of {MODEL_NAME}. A clip of {clip.grid[0]} frames; {way}; '
           f'{head.title.lower()}. Below, the inside of a block: pooled attention, then an MLP.')
    shown = picture(draw_network(MODEL), folder / 'map.svg', alt, late=False)
    return f'<a class="landing-map" href="{FOLDER}/map.svg">{shown}</a>'


def chip(index: int, station) -> str:
    """The button that leads to a station; 'stage' is left out where there is no room for it."""
    kind, _, rest = station.name.rpartition(' ')
    name = f'<span class="journey-kind">{kind}</span> {rest}' if kind else rest
    return (f'<li class="journey-{index}"><button type="button" data-station="{index}">{name}'
            '</button></li>')


def journey_html(folder: Path, stations: tuple, config) -> str:
    """Draw all stations into a folder; returns the HTML that shows them, one below the other until
    docs/app/landing.js shows one at a time."""
    from mvit_nb.figures.journey import draw_station
    shown = []
    for index, station in enumerate(stations):
        image = picture(draw_station(config, index), folder / f'station_{index}.webp',
                        station.picture)
        shown.append(f'<li class="journey-station journey-{index}">\n{image}\n'
                     f'<h3>{escape(station.title)}</h3>\n<p>{escape(station.text)}</p>\n</li>')
    chips = '\n'.join(chip(index, station) for index, station in enumerate(stations))
    stations_list = '\n'.join(shown)
    return f'''<link rel="stylesheet" href="{FOLDER}/stations.css">
<link rel="stylesheet" href="_static/app/landing.css">
<div class="journey" role="group" aria-label="A clip on its way through {MODEL_NAME}">
{BUTTONS}
<ol class="journey-chips" hidden>
{chips}
</ol>
<ol class="journey-stations">
{stations_list}
</ol>
<p class="journey-status" role="status"></p>
</div>
<script src="_static/app/landing.js"></script>'''


def colors_css(stations: tuple) -> str:
    """The colour of each station, as a variable."""
    return '\n'.join(f'.journey-{index} {{ --station: {station.color}; }}'
                     for index, station in enumerate(stations)) + '\n'


def raw(text: str) -> str:
    """HTML for a page in Markdown."""
    return f'```{{raw}} html\n{text}\n```'


def write(out: Path) -> None:
    """Draw the pictures of the landing page, and put what is made here into `out/index.md`. Raises
    `ValueError` unless each part has one place there, and for a number that there is not."""
    import matplotlib
    from mvit_nb.figures.journey import journey_stations
    from mvit_nb.zoo import get_config
    matplotlib.use('agg')
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    config = get_config(MODEL)
    stations = journey_stations(config)
    parts = {'map': raw(map_html(folder, stations)),
             'journey': raw(journey_html(folder, stations, config)), 'lessons': lessons_table()}
    (folder / 'stations.css').write_text(colors_css(stations), encoding='utf-8')
    page, values = out / 'index.md', numbers(stations)
    text = page.read_text(encoding='utf-8')
    for name in parts:
        if text.count(f'<!-- {name} -->') != 1:
            raise ValueError(f'{page.name}: expected <!-- {name} --> once')
    for name in re.findall(r'@(\w+)@', text):
        if name not in values:
            raise ValueError(f'{page.name}: no number @{name}@; there are {", ".join(values)}')
    filled = PLACE.sub(lambda found: parts[found[1]] if found[1] else values[found[2]], text)
    page.write_text(filled, encoding='utf-8')
