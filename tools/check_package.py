#!/usr/bin/env python3
"""Is what goes to the package index whole? `python tools/check_package.py DIST`, the folder that `python -m build` filled.

The source archive holds what building needs, and both hold every file of the library. The metadata of the wheel name licence,
Python and project pages, and no link or picture of the long description is relative: the package index has no files beside it.
nbdev 3 is told the same in pyproject.toml as nbdev 2 in settings.ini.
Prints one line for each fault; exit code: their number."""
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from email.parser import BytesParser
from email.policy import EmailPolicy
from html.parser import HTMLParser
from pathlib import Path

import mistune

ROOT = Path(__file__).resolve().parent.parent
NEEDED = {'settings.ini', 'setup.py', 'pyproject.toml', 'constraints.txt', 'LICENSE', 'README.md', 'CHANGELOG.md'}
PAGES = {'Documentation', 'Source', 'Changelog', 'Issues'}


class Targets(HTMLParser):
    "Collects what links and pictures point to."
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value or '' for name, value in attrs if name in ('href', 'src')]


def library():
    "The files of the library, as git has them."
    listed = subprocess.run(['git', 'ls-files', '-z', 'mvit_nb'], cwd=ROOT, capture_output=True, check=True)
    return set(listed.stdout.decode().split('\0')) - {''}


def only(folder, pattern):
    "The one file of that name in the folder."
    found = list(folder.glob(pattern))
    if len(found) != 1: sys.exit(f'{folder}: expected one {pattern}, got {len(found)}')
    return found[0]


def archive_faults(sdist, wheel):
    "What is missing in the archives, and what should not be there."
    with tarfile.open(sdist) as archive:
        source = {name.partition('/')[2] for name in archive.getnames()}
    files = {name for name in wheel.namelist() if '.dist-info/' not in name}
    for name in sorted((NEEDED | library()) - source): yield f'{sdist.name}: {name} is missing'
    for name in sorted(library() - files): yield f'the wheel: {name} is missing'
    for name in sorted(files - library()): yield f'the wheel: {name} is no file of the library'
    if 'mvit_nb/py.typed' not in files: yield 'the wheel: mvit_nb/py.typed is missing'


def metadata_faults(metadata):
    "What is wrong with the metadata of the wheel."
    if metadata['License-Expression'] != 'Apache-2.0': yield 'no licence expression'
    if not metadata['Requires-Python']: yield 'no Requires-Python'
    pages = dict(entry.split(', ', 1) for entry in metadata.get_all('Project-URL', []))
    for name in sorted(PAGES - set(pages)): yield f'no project URL for {name}'
    for name, url in pages.items():
        if not url.startswith('https://'): yield f'project URL for {name}: {url}'
    text = metadata.get_payload()
    targets = Targets()
    targets.feed(mistune.html(text))
    if len(targets.found) < 10: yield f'the long description has {len(targets.found)} links; is it README.md?'
    for target in targets.found:
        if not re.match(r'https?://|mailto:|#', target): yield f'the long description points to {target!r}'


def config_faults():
    "Where pyproject.toml says something else than settings.ini."
    ini = ConfigParser(delimiters=['='])
    ini.read(ROOT / 'settings.ini', encoding='utf-8')
    for name, value in tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['tool']['nbdev'].items():
        if str(value) != ini['DEFAULT'].get(name): yield f'pyproject.toml: {name} is {value}, in settings.ini {ini["DEFAULT"].get(name)}'


def main():
    folder = Path(sys.argv[1])
    with zipfile.ZipFile(only(folder, '*.whl')) as wheel:
        name, = (name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))
        metadata = BytesParser(policy=EmailPolicy(utf8=True)).parsebytes(wheel.read(name))
        faults = [*archive_faults(only(folder, '*.tar.gz'), wheel), *metadata_faults(metadata), *config_faults()]
    for fault in faults: print(fault, file=sys.stderr)
    sys.exit(min(len(faults), 100))


if __name__ == '__main__':
    main()
