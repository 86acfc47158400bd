#!/usr/bin/env python3
"""Render README.md from nbs/index.ipynb: `python tools/readme.py`; with `--check`, only say (exit code 1) if it is not current.

Nothing is executed: text, code and the saved outputs of the notebook go into README.md, its pictures into .github/images/.
Cells marked `#| hide` are left out, of those marked `#| echo: false` the code; links to notebooks are made to start at the top of the repository."""
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent
NOTE = '<!-- Rendered from nbs/index.ipynb by tools/readme.py. Edit the notebook. -->\n\n'


def render():
    """The text of README.md and its pictures, {path: bytes}."""
    nb = nbformat.read(ROOT / 'nbs' / 'index.ipynb', as_version=4)
    nb.metadata['language_info'] = {'name': 'python'}
    nb.cells = [c for c in nb.cells if not re.search(r'^#\|\s*(hide|default_exp)\b', c.source, re.M)]
    for cell in nb.cells:
        if re.search(r'^#\|\s*echo:\s*false', cell.source, re.M):
            cell.source = ''
        cell.source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M)
        cell.source = re.sub(r'\]\((?!\w+:)([\w./]+\.ipynb)', r'](nbs/\1', cell.source)
    body, resources = MarkdownExporter().from_notebook_node(nb, {'output_files_dir': '.github/images', 'unique_key': 'readme'})
    body = re.sub(r'!\[(png|jpeg)\]\(', '![](', body)
    body = re.sub(r'```python\n+```\n', '', body)
    body = re.sub(r'\n\s*\n(!\[\]\(.*\))\n\s*\n', r'\n\n\1\n\n', body)
    body = re.sub(r'\n{3,}', '\n\n', body).strip() + '\n'
    return NOTE + body, resources.get('outputs', {})


def main():
    text, pictures = render()
    files = {ROOT / 'README.md': text.encode(), **{ROOT / name: data for name, data in pictures.items()}}
    stale = [path for path, data in files.items() if not path.is_file() or path.read_bytes() != data]
    extra = [path for path in (ROOT / '.github' / 'images').glob('*') if path not in files]
    if '--check' in sys.argv:
        for path in stale + extra:
            print(f'{path.relative_to(ROOT)} is not current: run python tools/readme.py', file=sys.stderr)
        sys.exit(bool(stale + extra))
    for path in extra:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[path])


if __name__ == '__main__':
    main()
