"""The tools that look after the notebooks find what they say they find."""
import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / 'tools'))

import check_numbers
import check_style
import execute
import nbformat

DENSE = ['if x: y = 1', 'for i in x: print(i)', 'a = 1; b = 2', 'def f(): return 1',
         'try:\n    a\nfinally: b()', 'if a:\n    b\nelse: c()', 'match a:\n    case 3: b()',
         '[print(i) for i in x]', 'print(1), print(2)', 'f = lambda x: x',
         'x = a and b or c', 'g(a and 3 or 4)', 'g(x=a and 3 or 4)', 'f"{a and 3 or 4}"']
FINE = ['if x: return 1', 'if x: raise E', 'for i in x:\n    if i: continue', 'if a and b or c:\n    d()',
        'x = a == 1 and b == 2 or c == 3', 'x = [i for i in y]', 'sorted(x, key=lambda i: -i)',
        'def f(): ...', 'x = b if a else c', 'if a:\n    b()\nelif c:\n    d()\nelse:\n    e()']
PRIVATE = ['from mvit_nb.plan import _blocks', 'from .plan import _blocks',
           'import mvit_nb.plan as plan\nplan._blocks(1)', 'from mvit_nb import plan\nplan._blocks',
           'import mvit_nb.plan\nmvit_nb.plan._blocks(1)']
UNSAID = ['def f(x) -> int:\n    "Text."', 'def f(x: int):\n    "Text."', 'def f() -> int:\n    return 1',
          'async def f(x) -> int:\n    "Text."', 'def f(*x) -> int:\n    "Text."',
          'def f() -> int:\n    "Text."\n    raise ValueError(1)', 'class A:\n    b = 1']


def dense(source):
    return list(check_style.statement_faults(ast.parse(source), source))


@pytest.mark.parametrize('source', DENSE)
def test_dense_statements_are_found(source):
    assert dense(source)


@pytest.mark.parametrize('source', FINE)
def test_plain_statements_are_not(source):
    assert not dense(source)


@pytest.mark.parametrize('source', PRIVATE)
def test_private_names_are_found(source):
    assert list(check_style.private_faults(ast.parse(source)))


@pytest.mark.parametrize('source', UNSAID)
def test_unsaid_things_are_found(source):
    assert list(check_style.public_faults(ast.parse(source)))


def test_a_public_function_that_says_all():
    source = 'def f(x: int) -> int:\n    "Raises `ValueError`."\n    raise ValueError(x)'
    assert not list(check_style.public_faults(ast.parse(source)))
    assert not list(check_style.private_faults(ast.parse('import mvit_nb\nmvit_nb.__doc__')))


@pytest.mark.parametrize('was, now', [('36610672', '36610672'), ('70.56', '70.57'), ('1e-7', '3e-7'),
                                      ('0.0338', '0.0337'), ('0', '0')])
def test_same_numbers(was, now):
    assert check_numbers.same(was, now)


@pytest.mark.parametrize('was, now', [('36610672', '36620000'), ('0.5', '0.4'), ('1e-7', '9e-5'),
                                      ('16', '17'), ('70.5', '141.0'), ('0.25', '0')])
def test_changed_numbers(was, now):
    assert not check_numbers.same(was, now)


def test_numbers_in_a_text():
    text = '1,234 tokens in 3.5 s, [1,2,3], −4.5 and 1e-3; 12 clips/s, (8, 56, 56)'
    assert check_numbers.numbers_in(text) == ['1234', '1', '2', '3', '-4.5', '1e-3', '8', '56', '56']


KERNEL = """from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
print(app.transport, app.ip)"""


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no sockets in files')
def test_kernels_that_start_at_once_share_no_ports(tmp_path):
    places = set()
    for _ in range(2):
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(KERNEL)])
        execute.run(nb, tmp_path / 'kernel.ipynb')
        transport, place = nb.cells[0].outputs[0].text.split()
        assert transport == 'ipc'
        places.add(place)
        assert not Path(place).parent.exists()                     # nothing is left behind
    assert len(places) == 2
