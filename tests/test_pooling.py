"""TokenPool on toys that can be checked by hand: windows, padding, heads, norm, and the class token."""
import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mvit_nb.analysis.paper import paper_tables
from mvit_nb.figures.pooling import count_reads
from mvit_nb.grid import POOL_MODES, pooled_length, pooled_thw
from mvit_nb.pooling import TokenPool, join_cls, split_cls, to_grid, to_tokens, window_of

TOY = torch.arange(16.).view(1, 16, 1)                     # 4×4 tokens with one channel
WINDOW = (1, 3, 3), (1, 2, 2)
RULES = {'k = s': 8, 'k = s + 1': 9, 'k = 2s + 1': 17, 'k = 3': 3}     # for s = 8


def pooled(mode, x, thw=(1, 4, 4), window=WINDOW):
    """Values of a list without class token after pooling."""
    return TokenPool(mode, *window, cls_token=False)(x, thw)[0].flatten()


def reads(length, k, s):
    """How often windows read each position: the gradient of the sum of all windows."""
    x = torch.zeros(1, 1, length, requires_grad=True)
    windows = F.avg_pool1d(x, k, s, k // 2) * k
    return torch.autograd.grad(windows.sum(), x)[0].flatten().round().int()


@pytest.fixture
def conv():
    torch.manual_seed(0)
    return TokenPool('conv', (3, 3, 3), (1, 2, 2), dim=12, num_heads=3)    # d = 4


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(2, 1 + 2 * 6 * 6, 12)


def test_list_and_grid_are_the_same_memory():
    tokens = torch.randn(5, 2 * 3 * 4, 8)
    grid = to_grid(tokens, (2, 3, 4))
    for i in range(24):
        t, y, x = torch.unravel_index(torch.tensor(i), (2, 3, 4))
        assert (t * 3 + y) * 4 + x == i
        assert torch.equal(grid[:, :, t, y, x], tokens[:, i])
    back, thw = to_tokens(grid)
    assert torch.equal(back, tokens) and thw == (2, 3, 4)
    assert grid.data_ptr() == tokens.data_ptr()


def test_windows_on_the_toy():
    assert pooled('max', TOY).tolist() == [5, 7, 13, 15]
    assert pooled('max', -TOY - 1)[0] == -1                # padding is -∞, not 0
    assert_close(pooled('avg', TOY) * 9, torch.tensor([10., 24, 51, 90]))
    ones = pooled('avg', torch.ones(1, 25, 1), (1, 5, 5)).view(3, 3)
    assert_close(ones[:2, :2] * 9, torch.tensor([[4., 6], [6, 9]]))        # zeros are counted
    pool = TokenPool('conv', *WINDOW, dim=1, cls_token=False).requires_grad_(False)
    grid = to_grid(TOY, (1, 4, 4))
    pool.conv.weight.fill_(1 / 9)
    assert_close(pool.pool_grid(grid).flatten(), pooled('avg', TOY))
    pool.conv.weight.zero_()[..., 1, :] = torch.tensor([-1., 0, 1])
    assert pool.pool_grid(grid).flatten().tolist() == [1 - 0, 3 - 1, 9 - 0, 11 - 9]


def test_borders_of_a_white_picture():
    white = pooled('avg', torch.ones(1, 224 * 224, 1), (1, 224, 224), ((1, 9, 9), (1, 8, 8)))
    white = white.view(28, 28)
    assert_close(white[0, 1:], torch.full((27,), 5 / 9))   # 5 of 9 rows inside
    assert_close(white[0, 0], torch.tensor(5 / 9) ** 2)
    assert_close(white[-1, 1:], torch.ones(27))            # the last windows do not reach the end


def test_length_is_that_of_pytorch():
    for L in range(1, 21):
        for k in range(1, 10):
            for s in range(1, 10):
                by_torch = F.max_pool1d(torch.zeros(1, 1, L), k, s, k // 2)
                assert pooled_length(L, k, s) == by_torch.shape[-1], (L, k, s)
                assert pooled_length(L, k, s) == (math.ceil(L / s) if k % 2 else L // s + 1)
    assert pooled_thw((8, 56, 56), (3, 3, 3), (1, 8, 8)) == (8, 7, 7)
    assert [pooled_length(56, s, s) for s in (2, 4, 8)] == [29, 15, 8]


def test_class_token_is_set_aside():
    toy = torch.cat([torch.tensor([[[100.]]]), TOY], 1)
    y, thw = TokenPool('max', *WINDOW)(toy, (1, 4, 4))
    assert y.flatten().tolist() == [100, 5, 7, 13, 15] and thw == (1, 2, 2)
    cls, tokens = split_cls(toy, (1, 4, 4), 1)
    assert torch.equal(cls, toy[:, :1]) and torch.equal(tokens, TOY)
    assert torch.equal(join_cls(cls, tokens), toy)
    nothing, tokens = split_cls(TOY, (1, 4, 4), 0)
    assert nothing.shape == (1, 0, 1) and torch.equal(join_cls(nothing, tokens), TOY)
    assert window_of((3, 5, 8), (1, 8, 4)) == ((3, 5, 8), (1, 8, 4), (1, 2, 4))


@pytest.mark.parametrize('mode', ['max', 'avg'])
def test_class_token_comes_out_as_it_went_in(mode, x):
    y, _ = TokenPool(mode, (3, 3, 3), (1, 2, 2))(x, (2, 6, 6))
    assert torch.equal(y[:, 0], x[:, 0])
    same, thw = TokenPool(mode, (1, 1, 1), (1, 1, 1))(x, (2, 6, 6))
    assert torch.equal(same, x) and thw == (2, 6, 6)       # the smallest window


def test_conv_normalizes_the_class_token_and_mixes_it_with_nothing(conv, x):
    y, _ = conv(x, (2, 6, 6))
    heads = x[:, 0].unflatten(-1, (3, 4))
    assert_close(y[:, 0], F.layer_norm(heads, (4,), eps=1e-6).flatten(1))
    other_grid, other_cls = x.clone(), x.clone()
    other_grid[:, 1:] += torch.randn(2, 72, 12)
    other_cls[:, 0] += torch.randn(2, 12)
    assert torch.equal(conv(other_grid, (2, 6, 6))[0][:, 0], y[:, 0])
    assert torch.equal(conv(other_cls, (2, 6, 6))[0][:, 1:], y[:, 1:])


def test_conv_is_channel_wise(conv):
    grid = torch.randn(1, 12, 2, 6, 6)
    changed = grid.clone()
    changed[:, 5] += 1
    before, after = conv.pool_grid(grid)[0], conv.pool_grid(changed)[0]
    assert [c for c in range(12) if not torch.equal(before[c], after[c])] == [5]


def test_heads_share_windows_and_are_normalized_each(conv):
    one_head = torch.randn(2, 1 + 2 * 6 * 6, 4)
    y, thw = conv(one_head.repeat(1, 1, 3), (2, 6, 6))
    first, *others = y.unflatten(-1, (3, 4)).unbind(2)
    assert thw == (2, 3, 3) and all(torch.equal(first, head) for head in others)
    tokens, _ = to_tokens(conv.conv(to_grid(one_head[:, 1:], (2, 6, 6))))
    assert_close(first[:, 1:], F.layer_norm(tokens, (4,), eps=1e-6))
    assert conv.norm.eps == 1e-6 and conv.conv.bias is None


def test_weights_of_conv_do_not_grow_with_the_heads():
    for h in (1, 2, 4, 8):
        pool = TokenPool('conv', (3, 3, 3), (1, 8, 8), 96 * h, h)
        assert pool.conv.weight.shape == (96, 1, 3, 3, 3)  # (d, 1, k_T, k_H, k_W)
        assert sum(p.numel() for p in pool.parameters()) == 96 * 27 + 2 * 96
    for mode in ('max', 'avg'):
        assert not list(TokenPool(mode, (3, 3, 3), (1, 8, 8)).parameters())


def test_what_is_refused_and_what_cannot_be_noticed(x):
    pool = TokenPool('max', (3, 3, 3), (1, 2, 2))
    with pytest.raises(ValueError, match=r'8·14·14 \+ 1 = 1569 tokens, got 1568'):
        pool(torch.zeros(2, 8 * 14 * 14, 4), (8, 14, 14))
    with pytest.raises(ValueError, match='mode'):
        TokenPool('min', *WINDOW)
    with pytest.raises(ValueError, match='multiple of 5 heads, got 12'):
        TokenPool('conv', *WINDOW, 12, 5)
    right, wrong = (pooled('max', torch.arange(48.)[None, :, None], thw)
                    for thw in ((2, 4, 6), (2, 6, 4)))
    assert right.shape == wrong.shape and not torch.equal(right, wrong)


def test_what_windows_read_of_the_first_block():
    assert [int((reads(56, k, 8) > 0).sum()) for k in RULES.values()] == [56, 53, 56, 20]
    for k in RULES.values():
        assert count_reads(56, k, 8) == reads(56, k, 8).tolist()
    x = torch.zeros(1, 8 * 56 * 56, 1, requires_grad=True)
    sums = pooled('avg', x, (8, 56, 56), ((3, 3, 3), (1, 8, 8))) * 27
    count = torch.autograd.grad(sums.sum(), x)[0].view(8, 56, 56).round()
    t, y = reads(8, 3, 1), reads(56, 3, 8)
    assert_close(count, (t[:, None, None] * y[:, None] * y).float())
    assert int((count > 0).sum()) == 8 * 20 * 20           # 13 %


@pytest.mark.parametrize('mode', POOL_MODES)
def test_a_window_of_three_frames_mixes_neighbours(mode):
    torch.manual_seed(0)
    for k_T, frames in ((3, [1, 2, 3]), (1, [2])):
        pool = TokenPool(mode, (k_T, 3, 3), (1, 2, 2), dim=1)
        grid = torch.zeros(1, 1, 5, 6, 6)
        before = pool.pool_grid(grid)
        grid[:, :, 2] = 1
        change = (pool.pool_grid(grid) - before).abs().amax((0, 1, 3, 4))
        assert change.nonzero().flatten().tolist() == frames


def test_pooling_twice():
    for L in range(1, 40):
        signal = torch.randn(1, 1, L)
        twice = F.max_pool1d(F.max_pool1d(signal, 3, 2, 1), 3, 2, 1)
        assert torch.equal(twice, F.max_pool1d(signal, 7, 4, 3))
    signal = torch.zeros(1, 1, 16, requires_grad=True)     # the average counts some twice
    twice = F.avg_pool1d(F.avg_pool1d(signal, 3, 2, 1), 3, 2, 1) * 9
    weights = torch.autograd.grad(twice[0, 0, 1], signal)[0].flatten().round()
    assert weights.tolist() == [0, 1, 1, 2, 1, 2, 1, 1] + 8 * [0]


def test_the_paper_ranks_poolings_as_the_lesson_says():
    top1 = {row['name']: row['top1'] for row in paper_tables() if row['table'] == '15'}
    maxima = {name: value for name, value in top1.items() if name.startswith('max')}
    assert max(maxima, key=maxima.get) == 'max k=s+1'
    assert top1['avg k=s+1'] < min(maxima.values())
    assert min(top1['conv k=s+1'], top1['conv 3x3x3']) > max(maxima.values())
    assert top1['conv 3x3x3'] == max(top1.values()) == 78.4
