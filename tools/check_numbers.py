#!/usr/bin/env python3
"""Do the notebooks still print the numbers that they were committed with? `python tools/check_numbers.py [NOTEBOOK …] [--jobs N]`

Runs each notebook in a fresh kernel, without writing it, and compares the numbers in its texts, cell by
cell, with the saved ones. Slow cells are not run; times and rates (numbers before s, ms, clips/s, …)
are passed over, and so are cells marked `#| varies`, which print what depends on the machine. Two
whole numbers are the same if they are equal, others if they differ by less than a thousandth or, with
three digits or more, by one in the last; numbers below 1e-4, which are rounding, up to a factor of 10.
Prints what changed; exit code: the number of notebooks with changes, or that failed."""
import argparse
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from execute import ROOT, WIDGET, every_notebook, run
from nbclient.exceptions import CellExecutionError

NUMBER = r'(?<![\w.])[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?'
TIMED = re.compile(rf'{NUMBER}\s*(?:[µmn]?s|min|h|seconds?|minutes?|hours?|[a-z]+/s|[a-z]+ per s\w*)\b')
ESCAPES = re.compile(r'\x1b\[[0-9;]*m|<[^>]*>|0x[0-9a-f]+')


def text_of(cell):
    """What a code cell has printed or displayed as text."""
    parts = []
    for out in cell.outputs:
        if out.output_type == 'stream' and out.name == 'stdout':
            parts.append(out.text)
        data = out.get('data', {})
        if WIDGET not in data and not any(kind.startswith('image/') for kind in data):
            parts.append(data.get('text/markdown', data.get('text/plain', '')))
    return ESCAPES.sub(' ', '\n'.join(parts))


def numbers_in(text):
    """The numbers in a text as they are printed, times and rates left out."""
    return [number.replace(',', '').replace('_', '').replace('−', '-')
            for number in re.findall(NUMBER, TIMED.sub(' ', text))]


def same(was, now):
    """Equal but for rounding."""
    if re.fullmatch(r'[-+]?\d+ [-+]?\d+', f'{was} {now}'):
        return int(was) == int(now)
    a, b = float(was), float(now)
    if 0 < max(abs(a), abs(b)) < 1e-4:
        return max(abs(a), abs(b)) <= 10 * min(abs(a), abs(b)) or max(abs(a), abs(b)) < 1e-6
    decimals = re.fullmatch(r'[-+]?(\d+)\.(\d+)', was)
    digits = len((decimals[1] + decimals[2]).lstrip('0')) if decimals else 0
    last = 1.01 * 10 ** -len(decimals[2]) if decimals and digits >= 3 else 0
    return abs(a - b) <= max(1e-3 * abs(a), last)


def is_compared(cell):
    """Does the cell run, and print what does not depend on the machine?"""
    return cell.cell_type == 'code' and not re.search(
        r'^#\|\s*(slow|varies|eval:\s*false)\b', cell.source, re.M)


def changes(path):
    """What changed in one notebook, one line each, and how many numbers were compared."""
    old = nbformat.read(path, as_version=4)
    new = nbformat.read(path, as_version=4)
    try:
        run(new, path)
    except (CellExecutionError, RuntimeError) as error:        # RuntimeError: the kernel did not start, or died
        return [f'does not run: {error}'], 0
    found, compared = [], 0
    for before, after in zip(old.cells, new.cells):
        if not is_compared(before):
            continue
        was, now = numbers_in(text_of(before)), numbers_in(text_of(after))
        compared += len(was)
        first = before.source.strip().splitlines()[0][:60]
        if len(was) != len(now):
            found.append(f'cell {before.id} ({first}): {len(was)} numbers saved, {len(now)} now')
        else:
            found += [f'cell {before.id} ({first}): saved {a}, now {b}'
                      for a, b in zip(was, now) if not same(a, b)]
    return found, compared


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebooks', nargs='*', type=Path, help='default: all of nbs/')
    parser.add_argument('--jobs', type=int, default=2, help='notebooks at a time (default: 2)')
    args = parser.parse_args()
    paths = [path.resolve() for path in args.notebooks] or every_notebook()
    start, bad, total = time.time(), 0, 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for path, (found, compared) in zip(paths, pool.map(changes, paths)):
            total += compared
            bad += bool(found)
            for change in found:
                print(f'{path.relative_to(ROOT)}: {change}')
    print(f'{total} numbers of {len(paths)} notebooks compared in {time.time() - start:.0f} s')
    sys.exit(min(bad, 100))


if __name__ == '__main__':
    main()
