#!/usr/bin/env python3
"""Are the committed notebooks fit to be read? `python tools/check_notebooks.py [NOTEBOOK …]` prints one line for each fault.

Every cell that prints, displays or draws carries its output; no output is an error, a warning or a widget; no picture comes
from elsewhere; every link to another file of the project, also through Colab, leads to one; no notebook is over 1 MB. Exit code: the number of notebooks with faults."""
import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOWS = {'print', 'display'}


def shows_something(source):
    """Does a statement at the top level of the cell print, display or draw a figure that it does not close?"""
    if 'plt.close(' in source and 'print(' not in source:
        return False
    try:
        tree = ast.parse(re.sub(r'^\s*[%!].*$', '', source, flags=re.M))
    except SyntaxError:
        return False
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.If, ast.While)):
            continue
        for call in ast.walk(node):
            if isinstance(call, ast.Call):
                name = getattr(call.func, 'id', getattr(call.func, 'attr', ''))
                figure = name.startswith(('plot_', 'draw_')) and name != 'draw_config'  # a PNG
                if name in SHOWS or name in ('subplots', 'film_strip') or figure:
                    return True
    return False


def faults(path):
    """What is wrong with one notebook, one line each."""
    nb = json.loads(path.read_text(encoding='utf-8'))
    if path.stat().st_size > 1_000_000:
        yield f'{path.stat().st_size:,} bytes; at most 1,000,000'
    if 'widgets' in nb['metadata']:
        yield 'widget state in the metadata'
    code = [c for c in nb['cells'] if c['cell_type'] == 'code']
    if not any(c['outputs'] for c in code):
        yield 'no outputs at all'
    for cell in nb['cells']:
        source = ''.join(cell['source'])
        where = f'cell {cell.get("id")} ({source.strip().splitlines()[0][:50] if source.strip() else "empty"})'
        if cell['cell_type'] == 'markdown':
            source = re.sub(r'`[^`\n]*`', '`code`', source)       # blocks[i](x, thw) is no link
            if re.search(r'!\[[^]]*\]\(https?:|<img[^>]+src=["\']https?:', source):
                yield f'{where}: remote image'
            for link in re.findall(r'\]\((?!\w+:|#)([^)#\s]+)', source):
                if not (path.parent / link).exists():
                    yield f'{where}: no such file: {link}'
            for link in re.findall(r'\]\(https://colab\.research\.google\.com/github/[^/\s)]+/[^/\s)]+/blob/[^/\s)]+/(nbs/[^)#\s]+)', source):
                if not (ROOT / link).exists():
                    yield f'{where}: Colab would not find {link}'
            continue
        if cell['cell_type'] != 'code':
            continue
        hidden = re.search(r'^#\|\s*(eval:\s*false)', source, re.M)
        if shows_something(source) and not cell['outputs'] and not hidden and 'interact' not in source:
            yield f'{where}: output missing'
        for out in cell['outputs']:
            if out['output_type'] == 'error':
                yield f'{where}: error in the output'
            if out.get('name') == 'stderr':
                yield f'{where}: text on stderr: {"".join(out["text"])[:80]!r}'
            if any('widget' in kind for kind in out.get('data', {})):
                yield f'{where}: widget in the output'


def main():
    paths = [Path(a) for a in sys.argv[1:]] or sorted((ROOT / 'nbs').rglob('*.ipynb'))
    bad = 0
    for path in (p for p in paths if '.ipynb_checkpoints' not in p.parts):
        found = list(faults(path))
        bad += bool(found)
        for fault in found:
            print(f'{path.resolve().relative_to(ROOT)}: {fault}', file=sys.stderr)
    sys.exit(min(bad, 100))


if __name__ == '__main__':
    main()
