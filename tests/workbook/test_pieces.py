"""Solutions pass every check; what is left empty, and every typical mistake, is found and named."""
import re

import numpy as np
import pytest
import torch
from harness import LESSONS, lesson, mistaken, module, names, report, source, workbook

PIECES = [(number, name) for number in LESSONS for name in names(number)]
MISTAKES = [(number, *mistake) for number in LESSONS for mistake in module(number).MISTAKES]
ANSWERS = [(number, exercise) for number in LESSONS for exercise in module(number).ANSWERS]
LEAST = 5                                                  # mistakes that each piece is tried with


@pytest.mark.parametrize('number, name', PIECES)
def test_solution(number, name):
    """The lesson's own code is right."""
    found = report(number, name, source(number, name))
    assert found.right, str(found)


@pytest.mark.parametrize('number, name', PIECES)
def test_empty(number, name):
    """A piece that is left as it comes is told to be empty."""
    found = report(number, name, workbook.emptied(source(number, name), [name]))
    assert found.empty and not found.right
    assert 'not written yet' in str(found)


@pytest.mark.parametrize('number, name, old, new, said', MISTAKES, ids=[f'{m[0]}-{m[1]}-{i}' for i, m in enumerate(MISTAKES)])
def test_mistake(number, name, old, new, said):
    """A mistake is found, and the message names its symptom."""
    found = report(number, name, mistaken(number, name, old, new))
    assert not found.right and not found.empty
    assert re.search(said, found.message), f'{said!r} is not in: {found.message}'


@pytest.mark.parametrize('number, name', PIECES)
def test_enough_mistakes(number, name):
    """Each piece is tried with several mistakes, no two alike."""
    mine = [mistake for mistake in module(number).MISTAKES if mistake[0] == name]
    assert len({mistake[2] for mistake in mine}) == len(mine) >= LEAST, f'{name}: {len(mine)} mistakes'


@pytest.mark.parametrize('number', LESSONS)
def test_every_exercise_is_checked(number):
    """Each exercise of the lesson has a check, tried with right and with wrong answers."""
    there = {exercise for exercise, *_ in lesson(number).exercises()}
    assert there == set(lesson(number).book.exercises) == set(module(number).ANSWERS)


@pytest.mark.parametrize('number, exercise', ANSWERS)
def test_answers(number, exercise):
    """Right answers are right; of wrong ones the message says why."""
    book = lesson(number).book
    right, wrong = module(number).ANSWERS[exercise]
    assert right and len(wrong) >= 2
    assert book.judge(exercise, ...) == 'not answered yet'
    for answer in right:
        assert book.judge(exercise, answer) == 'right'
    for answer, said in wrong:
        assert re.search(said, book.judge(exercise, answer)), book.judge(exercise, answer)


STRANGE = [None, 1, -0.5, 10**12, True, 'x', (), (1,), (1, 1), (None, None), ((1, 1, 1), (1, 1, 1)), [1] * 6, {}, np.int64(3), np.ones(2), torch.tensor(1), torch.ones(2, 2)]


def numbers(value):
    """All large numbers of an answer, as digits."""
    if isinstance(value, list | tuple):
        return [digits for part in value for digits in numbers(part)]
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 9
    return [f'{value:.6g}' if isinstance(value, float) else str(value)] if known else []


@pytest.mark.parametrize('number, exercise', ANSWERS)
def test_strange_answers(number, exercise):
    """What is no answer at all ends in a sentence, not in an error of the check, and no sentence gives the numbers away."""
    right, wrong = module(number).ANSWERS[exercise]
    book = lesson(number).book
    for answer in [*STRANGE, *(answer for answer, _ in wrong if not callable(answer))]:
        said = book.judge(exercise, answer)
        assert said != 'right' or answer in right, answer
        assert not re.search(r'your code|TypeError|has no len|tensor\(', said), said
        bare = re.sub(r'(?<=\d)[,_](?=\d\d\d)', '', said)
        given = re.sub(r'(?<=\d)[,_](?=\d\d\d)', '', repr(answer))
        assert not [digits for digits in numbers(right[0]) if re.search(rf'\b{re.escape(digits)}\b', bare) and digits not in given], said


@pytest.mark.parametrize('number, exercise', ANSWERS)
def test_numbers_of_numpy_and_torch(number, exercise):
    """A right answer is right as an array and as a tensor, too."""
    book = lesson(number).book
    for answer in module(number).ANSWERS[exercise][0]:
        if numbers(answer) and isinstance(answer, list | tuple) and all(isinstance(part, int | float) for part in answer):
            for made in tuple(map(np.array, answer)), tuple(map(torch.tensor, answer)):
                assert book.judge(exercise, made) == 'right'


METHODS = [(number, name) for number, name in PIECES if '.' in name and lesson(number).book.blanks[name].module]


@pytest.mark.parametrize('number, name', METHODS)
def test_method_in_a_wrong_place(number, name):
    """A solution of a method that stands below the dots, beside its class or in a method of another name is told so."""
    text = workbook.body_of(source(number, name), name)
    owner, _, last = name.rpartition('.')
    empty = workbook.emptied(source(number, name), [name])
    nested = empty.replace(workbook.EMPTY, '\n' + text.replace('\n', '\n    ').replace('    def', '        def', 1), 1)
    assert f'has another `def {last}` in it' in report(number, name, nested).message
    beside = f'{empty}\n\n{workbook.textwrap.dedent(text)}'
    found = report(number, name, beside)
    assert found.empty and f'belongs into the class `{owner}`' in str(found)
    moved = source(number, name).replace(f'def {last}(self', 'def other_name(self') + f'\n    def {last}(self, *args):\n        return self.other_name(*args)\n'
    assert '`other_name` is left behind' in report(number, name, moved).message
    above = source(number, name).rstrip() + f'\n\n    def {last}(self, *args):\n        return super().{last}(*args)\n'
    assert '`super()` cannot be used here' in report(number, name, above).message
