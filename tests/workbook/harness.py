"""What the tests of the workbook share: pieces as a learner would write them, from the solutions in the lessons."""
import importlib
import linecache
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))

import workbook

LESSONS = {path.name[:2]: path for path in workbook.lessons()}
_seen = {}


def lesson(number):
    """The lesson '02' and its book."""
    if number not in _seen:
        _seen[number] = workbook.Lesson(LESSONS[number])
    return _seen[number]


def names(number):
    """The pieces that a lesson's workbook asks for, in the order of the lesson."""
    return [name for cell in lesson(number).cells for name in workbook.directives(cell).get('blank', '').split()]


@cache
def source(number, name):
    """The solution's text: the whole function, or the whole class of a method."""
    here = lesson(number)
    cell = next(cell for cell in here.cells if name in workbook.directives(cell).get('blank', '').split())
    return here.source_of(cell, [name])


@cache
def imports(number):
    """The first code cell of a notebook."""
    return compile(next(workbook.code_of(cell) for cell in workbook.workbook(LESSONS[number]) if cell['cell_type'] == 'code'),
                   f'<imports of {number}>', 'exec', dont_inherit=True)


def written(number, name, text):
    """A piece as a notebook would have it after this text was run: with the imports of the notebook."""
    space = {'__name__': '__main__'}
    exec(imports(number), space)
    file = f'<{number} {name}>'
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    exec(compile(text, file, 'exec', dont_inherit=True), space)
    found = space[name.partition('.')[0]]
    return getattr(found, name.partition('.')[2]) if '.' in name else found


def report(number, name, text):
    """What the checks say of a piece with this text."""
    return lesson(number).book.examine(written(number, name, text))


def mistaken(number, name, old, new):
    """The solution with a part of its text replaced. The part must be there just once."""
    text = source(number, name)
    assert text.count(old) == 1, f'{name}: {old!r} stands {text.count(old)} times in its solution'
    return text.replace(old, new)


def module(number):
    """The mistakes and answers of a lesson."""
    return importlib.import_module(f'mistakes_{number}')
