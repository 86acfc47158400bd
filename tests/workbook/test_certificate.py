"""The certificate: the lessons' own code gives it, one mistake does not, and the block is named."""
import ast
import textwrap

import pytest
from harness import LESSONS, ROOT, lesson, mistaken, source

from mvit_nb.workbook.certificate import BOUND, asked_pieces, certify, is_own

GOLDENS = ROOT / 'nbs/data/golden'
TAUGHT = [number for number in LESSONS if number <= '06']


def keep(folder, number, name, text):
    """Put a piece into a folder, as `check` does; `text` is its function or the class of its method."""
    tree = ast.parse(text)
    owner, _, last = name.rpartition('.')
    body = next(node for node in tree.body if node.name == owner).body if owner else tree.body
    node = next(node for node in body if getattr(node, 'name', '') == last)
    lines = text.splitlines()[node.lineno - 1:node.end_lineno]
    blank = lesson(number).book.blanks[name]
    (folder / f'{blank.module}.{name}.py').write_text(textwrap.dedent('\n'.join(lines)), encoding='utf-8')


@pytest.fixture
def solved(tmp_path):
    """A folder with the solutions of all lessons."""
    for number in TAUGHT:
        for name, blank in lesson(number).book.blanks.items():
            if blank.module:
                keep(tmp_path, number, name, source(number, name))
    return tmp_path


def test_solutions(solved):
    """Every piece that the network runs through is the learner's, and the number is rounding."""
    found = certify(GOLDENS, solved)
    assert found.right and found.number < 1e-6 < BOUND
    assert not found.librarys and {'PosEmbed.forward', 'MultiscaleBlock.forward'} <= {name for _, name in found.yours}
    assert str(found).endswith(f'{len(found.yours)} of {len(found.yours)} pieces yours, the network gives what the reference gives.')
    assert not any(is_own(*place) for place in asked_pieces())          # and the library is as it was


def test_no_pieces(tmp_path):
    """The library alone gets no certificate."""
    found = certify(GOLDENS, tmp_path)
    assert not found.right and not found.yours and found.number < 1e-6
    assert 'No certificate yet' in str(found)


MISTAKES = [('05', 'y if self.skip == \'normalized\' else x', 'x', 0), ('05', 'x = self.pool_skip(x, thw)[0]', 'x = self.pool_skip(y, thw)[0]', 1)]


@pytest.mark.parametrize('number, old, new, block', MISTAKES, ids=[f'block {m[-1]}' for m in MISTAKES])
def test_mistake(solved, number, old, new, block):
    """A mistake of a block is seen in the number, and the first block that has it is named."""
    keep(solved, number, 'MultiscaleBlock.forward', mistaken(number, 'MultiscaleBlock.forward', old, new))
    found = certify(GOLDENS, solved, 'slowfast_video_conv')
    assert not found.right and found.number > 1000 * BOUND
    assert f'from block {block} on' in str(found)


def test_files_that_hold_no_piece(solved, capsys):
    """Other files in the folder are left out and named; all pieces count as before."""
    keep(solved, '02', 'to_grid', source('02', 'to_grid'))
    whole = certify(GOLDENS, solved, 'slowfast_video_conv')
    bad = {'notes.py': b'', 'grid.default_kernel copy.py': b'x = 1', 'foo.py': b'x = 1', 'pooling.TokenPool.forward.py': b'def forward(self, x, thw):\n    x = x[',
           'pooling.to_grid.py': b'', 'pooling.to_tokens.py': b'\xff\x00', 'grid.default_kernel.py': b'default_kernel = 5', 'grid.pooled_thw.py': b'raise SystemExit'}
    for name, content in bad.items():
        (solved / name).write_bytes(content)
    capsys.readouterr()
    found = certify(GOLDENS, solved, 'slowfast_video_conv')
    told = capsys.readouterr().out
    assert all(f'{name} is left out: ' in told for name in bad) and told.count('\n') == len(bad)
    lost = {name.split('.', 1)[1][:-3] for name in bad if name.count('.') > 1}
    assert found.right and {name for _, name in whole.yours} - {name for _, name in found.yours} == lost & {name for _, name in whole.yours}
    assert len(found.yours) + len(found.librarys) == len(whole.yours)


def test_decorated(solved):
    """A piece with a decorator is kept, used, counted as the learner's, and its line is named where it fails."""
    path = solved / 'grid.pooled_length.py'
    text = path.read_text(encoding='utf-8')
    path.write_text('import functools\n\n@functools.cache\n' + text, encoding='utf-8')
    found = certify(GOLDENS, solved, 'slowfast_video_conv')
    assert found.right and 'pooled_length' in {name for _, name in found.yours}
    head = text.rpartition('    return')[0]
    path.write_text('import functools\n\n@functools.cache\n' + head + '    return 1 // 0\n', encoding='utf-8')
    found = certify(GOLDENS, solved, 'slowfast_video_conv')
    assert not found.right and 'your line `return 1 // 0` of pooled_length ends in ZeroDivisionError' in str(found)
