"""The pages are HTML as the standard has it, by html-validate and docs/.htmlvalidate.json"""
import json
import subprocess
from pathlib import Path

import pytest
from conftest import clear
from site_parts.paths import DOCS, HTML, NODE_MODULES
from test_pages import PAGES

FOLDERS = sorted({Path(page).parent.as_posix() for page in PAGES}) or ['.']
THEMES = {   # of what the theme puts around the article of a page
    'empty-heading',             # the title in print, of a page without one
    'no-implicit-button-type',   # none of them is in a form
    'no-redundant-role',         # <main role="main">
    'prefer-native-element',     # captions of the sidebar are headings by their role
    'text-content',              # buttons whose name is their title
    'wcag/h32',                  # the search field: Enter sends it
}
BROKEN = ('<!DOCTYPE html>\n<html lang="en"><head><title>t</title></head>'
          '<body><p></div></body></html>')


def article(path):
    """The first and the last line of a page's article; (0, 0) if it has none."""
    lines = path.read_text(encoding='utf-8').splitlines()
    first = next((n for n, line in enumerate(lines, 1) if '<article' in line), 0)
    last = max((n for n, line in enumerate(lines, 1) if '</article>' in line), default=0)
    return first, last


def is_themes(path, message):
    """Whether a message is about what the theme writes."""
    first, last = article(path)
    return message['ruleId'] in THEMES and not first <= message['line'] <= last


def start(files, report):
    """Let html-validate read these files and write what it finds as JSON."""
    command = [NODE_MODULES / '.bin/html-validate', '--config', DOCS / '.htmlvalidate.json',
               '--formatter', f'json={report}', *files]
    return subprocess.Popen(list(map(str, command)), cwd=DOCS, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope='module')
def messages(html, tmp_path_factory):
    """{path of a page: what html-validate says of it, one sentence each}; two of it run at once"""
    folder = tmp_path_factory.mktemp('html')
    broken = folder / 'broken.html'
    broken.write_text(BROKEN, encoding='utf-8')
    files = [broken, *(html / page for page in PAGES)]
    reports = [folder / 'even.json', folder / 'odd.json']
    runs = [start(files[number::2], report) for number, report in enumerate(reports)]
    told = {}
    for run, report in zip(runs, reports, strict=True):
        said, _ = run.communicate()
        if not report.is_file():
            raise clear(f'html-validate: {said[:2000]}')
        found = json.loads(report.read_text(encoding='utf-8'))
        told.update({Path(file['filePath']): file['messages'] for file in found})
    assert told.pop(broken)                    # or it has not looked
    return {path.relative_to(html).as_posix(): [
                f'line {message["line"]}: {message["message"]} ({message["ruleId"]}, '
                f'{message.get("selector")})'
                for message in found if not is_themes(path, message)]
            for path, found in told.items()}


@pytest.mark.parametrize('folder', FOLDERS)
def test_html(folder, messages):
    """The pages of one folder."""
    assert HTML.joinpath(folder).is_dir()
    faults = [f'{page}, {message}' for page, found in sorted(messages.items())
              if Path(page).parent.as_posix() == folder for message in found]
    if faults:
        raise clear('\n'.join([f'{len(faults)} faults:', *faults[:20]]))
