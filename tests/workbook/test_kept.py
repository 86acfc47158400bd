"""Pieces that the learner has kept: a fault of one is not blamed on another; what is not kept, and why."""
import re

import pytest
from harness import lesson, mistaken, report, source

import mvit_nb.pooling
from mvit_nb.workbook.kept import kept_pieces, pieces_in_use, use_pieces
from mvit_nb.workbook.told import kept_told

FORWARD = '06', 'MViT.forward', source('06', 'MViT.forward')
VIEWED = '''def pool_grid(self, grid):
    B = len(grid)
    heads = grid.view(B * self.num_heads, -1, *grid.shape[2:])
    if self.mode == 'conv':
        return self.conv(heads).reshape(B, -1, *self.conv(heads).shape[2:])
    pool = F.max_pool3d if self.mode == 'max' else average_pool
    return pool(grid, self.kernel, self.stride, self.padding)
'''
SHIFTED = 'def what_is_read(x, thw, pooling):\n    return x[:, 1:2]\n'
SWAPPED = 'def to_grid(tokens, thw):\n    B, _, D = tokens.shape\n    return tokens.reshape(B, *thw, D).permute(0, 4, 1, 3, 2)\n'
CUT = 'def to_grid(tokens, thw):\n    B, _, D = tokens.shape\n    return tokens.view(-1, D).view(B, *thw, D).permute(0, 4, 1, 2, 3)\n'
BACK = 'def to_tokens(grid):\n    T, H, W = grid.shape[2:]\n    return grid.permute(0, 2, 4, 3, 1).flatten(1, 3), (T, W, H)\n'


@pytest.fixture
def kept(tmp_path):
    """Writes pieces into a folder, and lets the library run on them."""
    def use(**files):
        for name, text in files.items():
            (tmp_path / f'{name.replace("__", ".")}.py').write_text(text, encoding='utf-8')
        use_pieces(True, tmp_path)
        return tmp_path
    yield use
    use_pieces(False)


def test_a_kept_piece_ends_in_an_error(kept):
    """A right piece is right, and the line of the kept one is named."""
    folder = kept(pooling__TokenPool__pool_grid=VIEWED, head__what_is_read=source('06', 'what_is_read'))
    found = report(*FORWARD)
    assert found.right and str(found).startswith('MViT.forward: right, 5 of 5 checks\n')
    assert f'{folder}/pooling.TokenPool.pool_grid.py, line 3: `heads = grid.view(' in found.message
    assert 'RuntimeError: view size' in found.message and 'use_pieces(mine=False)' in found.message
    assert 'what_is_read.py' not in found.message
    assert len(pieces_in_use()) == 2 and mvit_nb.pooling.TokenPool.pool_grid is pieces_in_use()['pooling', 'TokenPool.pool_grid']


def test_a_kept_piece_gives_wrong_numbers(kept):
    """So it is where no error leads to the kept piece."""
    folder = kept(head__what_is_read=SHIFTED, pooling__to_tokens=source('02', 'to_tokens'))
    found = report(*FORWARD)
    assert found.right and 'the check "the logits of two clips" fails' in found.message
    assert f'The fault is in {folder}/head.what_is_read.py: the logits: ' in found.message and 'to_tokens' not in found.message


def test_a_mistake_of_its_own_with_a_wrong_kept_piece(kept):
    """What is said is what the library's own pieces show."""
    kept(pooling__TokenPool__pool_grid=VIEWED)
    found = report(*FORWARD[:2], mistaken(*FORWARD[:2], '.mean(1)))', '.mean(1))).softmax(1)'))
    assert not found.right and 'they are to be logits' in found.message


def test_a_kept_piece_that_another_needs(kept):
    """Kept pieces are tried one by one, each with the library's own around it."""
    method = re.search(r'    def forward\(.*', source('02', 'TokenPool.forward'), re.S)[0].replace('\n    ', '\n')[4:]
    folder = kept(pooling__to_grid=CUT, pooling__TokenPool__forward=method)
    found = report('02', 'TokenPool.pool_grid', source('02', 'TokenPool.pool_grid'))
    assert found.right
    found = report(*FORWARD)
    assert found.right and f'The fault is in {folder}/pooling.to_grid.py, line 3' in found.message and 'forward.py' not in found.message


def test_the_kept_version_of_the_piece_itself(kept):
    """It does no harm: the one that is checked stands in its place."""
    kept(head__what_is_read=SHIFTED)
    found = report('06', 'what_is_read', source('06', 'what_is_read'))
    assert found.right and not found.message


def test_pieces_meet_no_others_once_they_are_out(kept):
    """A kept piece that calls another calls the library's own again."""
    folder = kept(pooling__to_grid=SWAPPED, pooling__to_tokens=BACK)
    mine = pieces_in_use()['pooling', 'to_tokens']
    assert mine.__globals__['to_grid'].__code__.co_filename == f'{folder}/pooling.to_grid.py'
    use_pieces(False)
    assert mine.__globals__['to_grid'] is mvit_nb.pooling.to_grid and not pieces_in_use()


@pytest.mark.parametrize('name', ['to_grid', 'TokenPool.forward'])
def test_the_librarys_own(name, tmp_path, capsys):
    """It is not checked, and not kept."""
    function = mvit_nb.pooling.to_grid if name == 'to_grid' else mvit_nb.pooling.TokenPool.forward
    lesson('02').book.check(function, folder=tmp_path)
    told = capsys.readouterr().out
    assert f"this is the library's own, mvit_nb.pooling.{name}" in told and 'right' not in told
    assert not kept_pieces(tmp_path)


@pytest.mark.parametrize('file, said', [('<timed exec>', 'begins with `%%time`'), ('<string>', 'made by `exec`'), ('<other>', 'no text is kept')])
def test_a_piece_without_a_text(file, said, tmp_path, capsys):
    """It is right, and what keeps no text is named."""
    space = {'__name__': '__main__'}
    exec(compile(source('02', 'pooled_length'), file, 'exec', dont_inherit=True), space)
    lesson('02').book.check(space['pooled_length'], folder=tmp_path)
    told = capsys.readouterr().out
    assert 'pooled_length: right' in told and 'the text of `pooled_length` is not to be had' in told and said in told


def test_what_a_kept_piece_gives_ends_in_an_error(kept):
    """The file is named where no line of it is to blame, and all files where only two together fail."""
    folder = kept(head__what_is_read='def what_is_read(x, thw, pooling):\n    return [x]\n')
    found = report(*FORWARD)
    assert found.right and f'The fault is in {folder}/head.what_is_read.py: what it gives ends in ' in found.message
    assert f'in one of {folder}/head.what_is_read.py. Write such' in kept_told('the logits', pieces_in_use(), {})
