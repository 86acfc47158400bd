"""Do a lesson's own cells notice small errors in what it defines? `python tests/workbook/mutants.py --lessons [02 …] [minutes=10] [seed=0] [alone=1]`

For each mutant of a piece that a lesson defines itself, the lesson is run from that cell to its end, without figures, slow cells and what is printed, with the
mutant in the place of the taught code, and in the library too, as it would be after nbdev_export (`alone=1`: not there). An error, such as a failing assert,
in any cell means: noticed. A measurement, not a test: of each piece the same share of its mutants is drawn."""
import builtins
import contextlib
import io
import os
import random
import re
import sys
import traceback
from unittest.mock import MagicMock

import mutants as m
import torch
from harness import LESSONS, lesson, source, workbook

from mvit_nb.workbook.pieces import installed, placed

NOT_RUN = re.compile(r'mvit_nb\.(figures|explorer)|matplotlib|IPython|ipywidgets')
LIMIT = 60            # seconds of computing for the rest of a lesson


def importing(name, *args, **kw):
    """As `__import__`, but figures are stubs."""
    return MagicMock() if NOT_RUN.match(name) else builtins.__import__(name, *args, **kw)


def code_cells(number):
    """(index, code) of the cells of a lesson that are run."""
    for index, cell in enumerate(lesson(number).cells):
        if cell['cell_type'] == 'code' and 'slow' not in workbook.directives(cell):
            yield index, re.sub(r'^\s*[%!].*$', 'pass', workbook.code_of(cell), flags=re.M)


def space_of():
    """What a notebook begins with."""
    return {'__name__': '__main__', '__builtins__': dict(vars(builtins), __import__=importing)}


def execute(code, index, space):
    """One cell, nothing printed."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(code, f'<cell {index}>', 'exec', dont_inherit=True), space)


def own_pieces(number):
    """(cell's index, piece, its cell's code) of what a lesson defines itself."""
    for index, code in code_cells(number):
        for name in workbook.directives(lesson(number).cells[index]).get('blank', '').split():
            if name in workbook.definitions(code):
                yield index, name, code


def exported(number, name, space):
    """The library with a piece of a notebook in its place; nothing, if it has no such piece."""
    place, function = lesson(number).book.blanks[name].module, space[name.partition('.')[0]]
    if '.' in name:
        function = getattr(function, name.partition('.')[2])
    return installed(place, name, placed(function, place, {})) if place else contextlib.nullcontext()


def noticed(number, index, name, mutated, space, alone):
    """In a process of its own: where the lesson with a mutant ends in an error, (cell, error); None if it does not."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        said = b''
        try:
            with m.limited(LIMIT):
                execute(mutated, index, space)
                with contextlib.nullcontext() if alone else exported(number, name, space):
                    for later, text in code_cells(number):
                        if later > index:
                            execute(text, later, space)
        except BaseException as error:
            at = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith('<cell')]
            said = f'{at[0].filename if at else ""} {type(error).__name__}'.encode()
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, 'rb') as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said or None


def mutated_cell(code, name, solution, text):
    """A cell's code with a piece's mutant; the piece's text stands in it once."""
    assert code.count(solution) == 1, name
    return code.replace(solution, text)


def sampled(numbers, seed):
    """Mutants in an order in which each part of the list has about as many of each piece."""
    ordered = []
    for number in numbers:
        for index, name, code in own_pieces(number):
            everyone = list(m.mutants(number, name))
            random.Random(f'{seed} {number} {name}').shuffle(everyone)
            ordered += [((rank + 0.5) / len(everyone), number, index, name, code, mutant) for rank, mutant in enumerate(everyone)]
    return [row[1:] for row in sorted(ordered, key=lambda row: row[:4])]


def measure(numbers, minutes, seed, alone=False):
    """{(lesson, piece): [mutants tried, those not noticed]}, and where errors were seen."""
    torch.set_num_threads(1)
    found, before, start = {}, {}, cpu()
    for number in numbers:
        space = space_of()
        for index, code in code_cells(number):
            execute(code, index, space)                           # the lesson itself ends without an error
    for number, index, name, code, mutant in sampled(numbers, seed):
        if cpu() - start > 60 * minutes:
            break
        if (number, index) not in before:
            before[number, index] = space = space_of()
            for earlier, text in code_cells(number):
                if earlier < index:
                    execute(text, earlier, space)
        row = found.setdefault((number, name), [0, []])
        row[0] += 1
        whole = mutated_cell(code, name, source(number, name), mutant.text)
        if not noticed(number, index, name, whole, before[number, index], alone):
            row[1].append(mutant)
    return found


def cpu():
    """Seconds of computing, with those of processes that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main():
    options = dict(arg.split('=') for arg in sys.argv[1:] if '=' in arg)
    numbers = [arg for arg in sys.argv[1:] if arg in LESSONS] or list(LESSONS)
    minutes, seed = float(options.get('minutes', 10)), int(options.get('seed', 0))
    found = measure(numbers, minutes, seed, 'alone' in options)
    m.table([(' '.join(key), tried, len(alive)) for key, (tried, alive) in sorted(found.items())], 'the lesson itself')
    all_ = {key: len(m.mutants(*key)) for key in found}
    print(f'{sum(row[0] for row in found.values())} of {sum(all_.values())} mutants, seed {seed}, {cpu():.0f} s of computing')
    for key in sorted(found):
        for mutant in found[key][1]:
            print(m.line_of(mutant))
