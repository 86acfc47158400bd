"""The checks notice small errors: 95 % of all mutants of the solutions are caught, and those that live are listed with the reason."""
import pytest
from harness import LESSONS, names, source
from mutants import Mutant, caught, line_of, listed, made, others, outcome

TOY = '''def f(x, n):
    "The docstring has 1 + 1 in it."
    least = 2
    if n < least: raise ValueError('too few')
    for i in range(n):
        if i % 2: x = g(x, i, scale=3.0)[1:]
    return x, n
'''


def test_what_is_changed():
    """Numbers, operators, calls, branches, names and statements of the body, and nothing of the docstring."""
    found = {mutant.text for mutant in made('00', 'f', TOY)}
    for old, new in [('% 2', '// 2'), ('% 2', '% 3'), ('if i % 2:', 'if True:'), ('if i % 2:', 'if not (i % 2):'), ('x, i,', 'i, x,'), (', scale=3.0', ''),
                     ('3.0', '(-3.0)'), ('[1:]', '[:1]'), ('g(x, i, scale=3.0)', 'x'), ('return x, n', 'pass'), ('return x, n', 'return n, x'),
                     ('range(n)', 'range(least)'), ('x = g(x, i, scale=3.0)[1:]', 'pass'), ('return x, n', 'return x')]:
        assert TOY.replace(old, new) in found, new
    assert all('has 1 + 1 in it' in text for text in found)
    assert all("    least = 2\n    if n < least: raise ValueError('too few')\n" in text for text in found)
    assert len(found) == len(list(made('00', 'f', TOY)))


def test_right_and_endless_code():
    """The solution itself is not caught; code that does not end is."""
    text = source('02', 'to_tokens')
    assert not caught(Mutant('02', 'to_tokens', '', text))
    assert caught(Mutant('02', 'to_tokens', '', text.replace('    T, H, W', '    while True: pass\n    T, H, W')))


@pytest.mark.parametrize('number', LESSONS)
def test_survivors(number):
    """At least ten mutants of a lesson; those that the checks do not notice are those of the list."""
    for name, text in [*((name, source(number, name)) for name in names(number)), *others(number)]:
        assert not caught(Mutant(number, name, '', text)), name
    everyone, alive = outcome(number)
    assert len(everyone) >= 10
    assert {line_of(mutant) for mutant in alive} == {line for line in listed() if line.startswith(number)}


def test_of_all():
    """At least 95 % of all are caught; each that lives has its reason."""
    counts = [(len(everyone), len(alive)) for everyone, alive in map(outcome, LESSONS)]
    everyone, alive = map(sum, zip(*counts))
    assert alive <= 0.05 * everyone
    assert all(reason.startswith(('equivalent: ', 'not noticed: ')) for reason in listed().values())
