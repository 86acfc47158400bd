"""The notebooks of the workbook run as they come, and with every solution filled in; they are current."""
import contextlib
import io
import re
import subprocess
import sys

import pytest
from harness import LESSONS, ROOT, lesson, names, source, workbook
from lesson_mutants import code_cells, own_pieces

from mvit_nb.workbook.kept import kept_pieces, use_pieces
from mvit_nb.workbook.lesson_02 import check


def run(number, solved, monkeypatch, folder):
    """What a notebook prints, run top to bottom in the folder of the workbook but for the pieces, which go to `folder`."""
    monkeypatch.chdir(workbook.WORKBOOK)
    book, printed, space = lesson(number).book, io.StringIO(), {'__name__': '__main__'}
    exercise = False
    with contextlib.redirect_stdout(printed):
        for cell in workbook.workbook(LESSONS[number]):
            text = workbook.code_of(cell)
            if cell['cell_type'] != 'code':
                if solved and exercise:                          # its solution runs where it is pasted
                    exec(re.search(r'```python\n(.*?)```', text, re.S)[1], dict(space))
                exercise = False
                continue
            exercise = re.search(r'^check_\d', text, re.M)
            here = [name for name in names(number) if solved and name in workbook.definitions(text)]
            if here:
                text = source(number, here[0])
                file = folder / f'{here[0]}.txt'                 # where inspect finds the text
                file.write_text(text, encoding='utf-8')
                exec(compile(text, str(file), 'exec', dont_inherit=True), space)
            elif text.startswith('check('):
                pieces = eval(text.replace('check(', 'pieces_of(', 1), space | {'pieces_of': lambda *all_: all_})
                book.check(*pieces, folder=folder / 'kept')
            else:
                exec(text, space)
    use_pieces(False)
    return printed.getvalue()


@pytest.mark.parametrize('number', LESSONS)
def test_as_it_comes(number, monkeypatch, tmp_path):
    """Nothing fails that nobody has written: every piece is told to be empty."""
    printed = run(number, False, monkeypatch, tmp_path)
    assert printed.count('not written yet') >= len(names(number))
    assert printed.count('not answered yet') == len(lesson(number).book.exercises)


@pytest.mark.parametrize('number', LESSONS)
def test_with_solutions(number, monkeypatch, tmp_path):
    """With the solutions every check passes, the pieces that the library has are kept and used, and those of the exercises run."""
    printed = run(number, True, monkeypatch, tmp_path)
    for name in names(number):
        assert f'{name}: right' in printed
    blanks = lesson(number).book.blanks.values()
    kept = kept_pieces(tmp_path / 'kept')
    assert {name for _, name in kept} == {blank.name for blank in blanks if blank.module}
    use_pieces(True, tmp_path / 'kept')
    use_pieces(False)


def test_a_method_of_an_object(capsys):
    """It is checked as that of its class."""
    class TokenPool:
        def pool_grid(self, grid):
            return grid

    lesson('02').book.check(TokenPool().pool_grid, folder=None)
    assert 'TokenPool.pool_grid: 0 of' in capsys.readouterr().out


def test_current():
    """The notebooks are what the lessons make."""
    done = subprocess.run([sys.executable, ROOT / 'tools/workbook.py', '--check'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('number', LESSONS)
def test_the_lesson_checks_itself(number):
    """Its last check has every piece that it defines itself."""
    call, = [text for _, text in code_cells(number) if 'assert_right(' in text]
    listed = re.findall(r'[\w.]+', call.partition('assert_right(')[2])
    assert listed == [name for _, name, _ in own_pieces(number)]


@pytest.mark.parametrize('number', LESSONS)
def test_columns(number):
    """No line of code is longer than a lesson's may be."""
    lines = [line for cell in workbook.workbook(LESSONS[number]) if cell['cell_type'] == 'code'
             for line in workbook.text(cell).splitlines()]
    assert not [line for line in lines if len(line) > 88]


TIMED = """import functools
import time

def timed(function):
    @functools.wraps(function)
    def run(*args):
        start = time.perf_counter()
        out = function(*args)
        {after}
        return out
    return run

@timed
{solution}
"""


@pytest.mark.parametrize('after, kept', [('print(end="")', True), ('seconds.append(time.perf_counter() - start)', False)])
def test_decorators(after, kept, tmp_path, capsys):
    """What a decorator needs comes along, or the piece is not kept; then the earlier version stays, and is said to."""
    file, space = tmp_path / 'cell.txt', {'__name__': '__main__', 'seconds': []}
    text = TIMED.format(after=after, solution=source('02', 'pooled_length'))
    file.write_text(text, encoding='utf-8')
    exec(compile(text, str(file), 'exec', dont_inherit=True), space)
    there = tmp_path / 'kept' / 'grid.pooled_length.py'
    there.parent.mkdir()
    earlier = source('02', 'pooled_length')
    there.write_text(earlier, encoding='utf-8')
    check(space['pooled_length'], folder=there.parent)
    told = capsys.readouterr().out
    assert 'pooled_length: right' in told
    assert ('it uses seconds, which only this notebook has' in told) == ('The earlier version in' in told) == (not kept)
    assert (there.read_text(encoding='utf-8') == earlier) == (not kept)
    use_pieces(True, there.parent)
    assert capsys.readouterr().out == 'yours: pooled_length\n'
    use_pieces(False)


def test_a_file_in_the_place_of_the_folder(tmp_path, capsys):
    """A right piece is told to be right, and why it is not kept."""
    file, space, folder = tmp_path / 'cell.txt', {'__name__': '__main__'}, tmp_path / 'my_pieces'
    text = source('02', 'pooled_length')
    for path in file, folder:
        path.write_text(text, encoding='utf-8')
    exec(compile(text, str(file), 'exec', dont_inherit=True), space)
    check(space['pooled_length'], folder=folder)
    told = capsys.readouterr().out
    assert 'pooled_length: right' in told and 'is not kept for later notebooks' in told and 'File exists' in told
    use_pieces(True, folder)
    assert 'is a file, expected a folder' in capsys.readouterr().out
