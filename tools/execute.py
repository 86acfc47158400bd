#!/usr/bin/env python3
"""Execute notebooks in place, each in a fresh kernel, and clean them: `python tools/execute.py [NOTEBOOK …]` (default: all of nbs/).

Cells marked `#| slow` keep the outputs that they have, unless `--slow` is given. Widgets are left out of the saved outputs
(GitHub shows none; a still picture stands beside each). A notebook whose cell fails is left as it was."""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
WIDGET = 'application/vnd.jupyter.widget-view+json'


class Client(NotebookClient):
    """Runs every code cell but the slow ones."""
    slow = False

    async def async_execute_cell(self, cell, cell_index, **kwargs):
        if not self.slow and cell.cell_type == 'code' and re.search(r'^#\|\s*slow\b', cell.source, re.M):
            return cell
        return await super().async_execute_cell(cell, cell_index, **kwargs)


def run(nb, path, slow=False):
    """Run a notebook's cells, in a fresh kernel and in the folder of `path`; raises if a cell fails.

    The kernel is spoken to over sockets in a folder of its own. Ports are looked for before the kernel
    takes them, and of two kernels that start at once the other may be faster; Windows has only them."""
    with tempfile.TemporaryDirectory(prefix='mvit_nb-') as sockets:
        own = {} if os.name == 'nt' else {'transport': 'ipc', 'ip': f'{sockets}/kernel'}
        client = Client(nb, timeout=3600, resources={'metadata': {'path': str(path.parent)}},
                        coalesce_streams=True, config=Config(KernelManager=own))
        client.slow = slow
        client.execute()


def every_notebook():
    """All notebooks of the project, in order."""
    paths = sorted((ROOT / 'nbs').rglob('*.ipynb'))
    return [path for path in paths if '.ipynb_checkpoints' not in path.parts]


def execute(path, slow):
    """Run one notebook and write it back; raises if a cell fails."""
    nb = nbformat.read(path, as_version=4)
    run(nb, path, slow)
    nb.metadata.pop('widgets', None)
    for cell in nb.cells:
        if cell.cell_type == 'code':
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get('data', {})]
    part = path.with_suffix('.part')
    nbformat.write(nb, part)
    part.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebooks', nargs='*', type=Path, help='default: all of nbs/')
    parser.add_argument('--slow', action='store_true', help='run the cells marked #| slow too')
    args = parser.parse_args()
    failed = 0
    for path in args.notebooks or every_notebook():
        path, start = path.resolve(), time.time()
        try:
            execute(path, args.slow)
        except (CellExecutionError, RuntimeError) as error:        # RuntimeError: the kernel did not start, or died
            failed += 1
            print(error, file=sys.stderr)
            print(f'{path.name}: FAILED')
            continue
        subprocess.run(['nbdev_clean', '--fname', str(path)], check=True, cwd=ROOT)
        print(f'{path.name}: executed in {time.time() - start:.0f} s')
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
