#!/usr/bin/env python3
"""Write the "Open in Colab" links: `python tools/colab.py`; with `--check`, only name the notebooks whose links are not current (exit code 1).

Every lesson and every guide has one at the end of its first cell, made from `user`, `repo` and `branch` of settings.ini; links to Colab that
stand elsewhere in a notebook (the index lists some) are corrected. So after an edit of settings.ini this one command corrects all."""
import configparser
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = 'https://colab.research.google.com/github'
LINE = re.compile(r'^\[Open in Colab\]\([^)\n]*\).*$', re.M)
LINK = re.compile(re.escape(SITE) + r'/[^/\s)]+/[^/\s)]+/blob/[^/\s)]+/(?=nbs/)')
HEADED = 'lessons', 'guides', 'workbook'                    # the folders of nbs/ whose notebooks begin with a link


def base(root):
    """What all links to Colab begin with."""
    settings = configparser.ConfigParser()
    settings.read(root / 'settings.ini', encoding='utf-8')
    at = settings['DEFAULT']
    return f'{SITE}/{at["user"]}/{at["repo"]}/blob/{at["branch"]}/'


EXTRAS = {'lessons': 'nb', 'workbook': 'nb', 'guides': 'nb,train,look,hub,onnx'}       # what a notebook of the folder needs


def line(name, start, needs_files=False, package='mvit_nb'):
    """The line at the head of the notebook `name`, a path from the top of the repository; `needs_files`: it reads files of the
    repository, which a package does not bring."""
    folder = Path(name).parent
    extras = EXTRAS.get(folder.name, 'nb')
    first = f"`%pip install '{package}[{extras}]'` comes first"
    if needs_files:
        repository = start.replace(SITE, 'https://github.com').partition('/blob/')[0]
        first = f"`!git clone {repository}`, `%cd {repository.rpartition('/')[2]}/{folder}` and `%pip install -e '../..[{extras}]'` come first"
    return f'[Open in Colab]({start}{name}), where {first}.'


def with_line(source, wanted):
    """The text of a first cell with the line at its end, and nowhere else."""
    lines = [text for text in source.rstrip().split('\n') if not LINE.fullmatch(text)]
    return '\n'.join(lines).rstrip() + f'\n\n{wanted}'


def corrected(nb, name, start):
    """The sources that change in a notebook: {index of a cell: its new text}."""
    new = {}
    headed = Path(name).parent.as_posix() in {f'nbs/{folder}' for folder in HEADED}
    for index, cell in enumerate(nb['cells']):
        if cell['cell_type'] != 'markdown':
            continue
        source = ''.join(cell['source'])
        text = LINK.sub(lambda found: start, source)
        if headed and index == 0:
            needs_files = any(re.search(r'[\'"]\.\./', ''.join(c['source'])) for c in nb['cells'] if c['cell_type'] == 'code')
            text = with_line(text, line(name, start, needs_files))
        if text != source:
            new[index] = text
    if headed and (not nb['cells'] or nb['cells'][0]['cell_type'] != 'markdown'):
        raise SystemExit(f'{name}: the first cell is no text, so the link has no place')
    return new


def stale(root):
    """(path, notebook, changes) for every notebook that is not current."""
    start = base(root)
    for path in sorted((root / 'nbs').rglob('*.ipynb')):
        if '.ipynb_checkpoints' in path.parts:
            continue
        nb = json.loads(path.read_text(encoding='utf-8'))
        new = corrected(nb, path.relative_to(root).as_posix(), start)
        if new:
            yield path, nb, new


def main(root=ROOT):
    found = list(stale(root))
    if '--check' in sys.argv:
        for path, _, _ in found:
            print(f'{path.relative_to(root)}: its link to Colab is not current: run python tools/colab.py', file=sys.stderr)
        sys.exit(bool(found))
    for path, nb, new in found:
        for index, text in new.items():
            nb['cells'][index]['source'] = text.splitlines(keepends=True)
        path.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')
        print(path.relative_to(root))


if __name__ == '__main__':
    main()
