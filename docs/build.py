#!/usr/bin/env python3
"""Build the site: `python docs/build.py` → docs/_build/html. Warnings are errors.

Needs the extra `docs` (pip install -c constraints.txt -e '.[dev,docs]') and Node.js 20 or newer
with npm. No notebook is run: pages show the committed outputs."""
import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

from site_parts import assets, landing, notebooks, reference, sidebar, token_data
from site_parts.paths import DOCS, HTML, NODE_MODULES, SOURCE


def npm() -> None:
    """Install what package-lock.json pins, unless it is there."""
    lock, done = DOCS / 'package-lock.json', NODE_MODULES / '.installed'
    if done.is_file() and done.read_bytes() == lock.read_bytes():
        return
    if shutil.which('npm') is None:
        sys.exit('npm is needed (Node.js 20 or newer), and is not on the PATH')
    subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-progress', '--loglevel=error'],
                   cwd=DOCS, check=True)
    done.write_bytes(lock.read_bytes())


def prepare() -> None:
    """Write all that Sphinx reads."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(DOCS / 'pages', SOURCE)
    notebooks.write(SOURCE)
    reference.write(SOURCE)
    landing.write(SOURCE)
    sidebar.write(SOURCE)
    assets.bundle(NODE_MODULES, SOURCE / '_static')
    token_data.write(SOURCE / '_static/app')


def sphinx(fresh: bool) -> int:
    """Run Sphinx; returns its exit code."""
    if fresh:
        shutil.rmtree(HTML, ignore_errors=True)
        shutil.rmtree(DOCS / '_build/doctrees', ignore_errors=True)
    command = [sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', '-b', 'html',
               '-c', str(DOCS), '-d', str(DOCS / '_build/doctrees'), str(SOURCE), str(HTML)]
    return subprocess.run(command, env={**os.environ, 'MPLBACKEND': 'agg'}).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--again', action='store_true',
                        help='read only pages that changed since the last build')
    arguments = parser.parse_args()
    start = time.perf_counter()
    npm()
    prepare()
    status = sphinx(fresh=not arguments.again)
    if status:
        return status
    files = [path for path in HTML.rglob('*') if path.is_file()]
    pages = sum(path.suffix == '.html' for path in files)
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f'{HTML.relative_to(DOCS.parent)}: {pages} pages, {size:.0f} MB, '
          f'in {time.perf_counter() - start:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
