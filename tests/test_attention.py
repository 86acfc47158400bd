"""What pooling attention must and must not do, beyond the checks of its lesson."""
import math
from itertools import product

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mvit_nb.analysis.flops import count_flops
from mvit_nb.analysis.memory import saved_buffers
from mvit_nb.attention import PoolingAttention
from mvit_nb.fast import explicit_attention
from mvit_nb.grid import POOL_MODES, pooled_thw
from mvit_nb.plan import block_plan
from mvit_nb.pooling import TokenPool
from mvit_nb.vit import Attention
from mvit_nb.zoo import get_config

THW, D = (2, 8, 8), 16


def make(s_q, s_kv, mode='conv', h=2, cls_token=True, dim=D, kernel=(3, 3, 3)):
    """Strides 1×s×s; nothing is pooled where s is 1."""
    def pool(s):
        return None if s == 1 else TokenPool(mode, kernel, (1, s, s), dim, h, cls_token)
    module = PoolingAttention(dim, h, pool(s_q), pool(s_kv), pool(s_kv))
    for name, parameter in module.named_parameters():      # no weight is 1, no bias 0
        nn.init.normal_(parameter, 1 if 'norm.weight' in name else 0, 0.4)
    return module


def tokens(num_cls=1, batch=2, dtype=torch.float32, thw=THW, dim=D):
    torch.manual_seed(0)
    return torch.randn(batch, num_cls + math.prod(thw), dim, dtype=dtype)


def by_hand(module, x, thw, power=0.5):
    """The operator head by head, without `TokenPool`'s forward and without views of several heads:
    softmax(P(Q)·P(K)ᵀ / d^power)·P(V), joined in the order of the channels, projected."""
    h = module.num_heads
    d = x.shape[-1] // h
    parts = (x @ module.qkv.weight.T + module.qkv.bias).split(x.shape[-1], -1)
    outs = []
    for i in range(h):
        pooled = []
        for part, pool in zip(parts, (module.pool_q, module.pool_k, module.pool_v)):
            t = part[..., i * d:(i + 1) * d]                            # (B, N, d)
            if pool is not None:
                cls, grid = t[:, :pool.num_cls], t[:, pool.num_cls:]
                grid = grid.transpose(1, 2).unflatten(2, thw)           # (B, d, T, H, W)
                size = pool.kernel, pool.stride, tuple(k // 2 for k in pool.kernel)
                if pool.mode == 'conv':
                    grid = nn.functional.conv3d(grid, pool.conv.weight, None, *size[1:], groups=d)
                elif pool.mode == 'max':
                    grid = nn.functional.max_pool3d(grid, *size)
                else:
                    p_T, p_H, p_W = size[2]                             # zeros count
                    padded = nn.functional.pad(grid, (p_W, p_W, p_H, p_H, p_T, p_T))
                    grid = nn.functional.avg_pool3d(padded, *size[:2])
                t = torch.cat([cls, grid.flatten(2).transpose(1, 2)], 1)
                if pool.mode == 'conv':
                    t = nn.functional.layer_norm(t, (d,), pool.norm.weight, pool.norm.bias, 1e-6)
            pooled.append(t)
        q, k, v = pooled
        outs.append((q @ k.mT / d ** power).softmax(-1) @ v)
    return module.proj(torch.cat(outs, -1))


CASES = [(mode, h, cls, s) for mode in POOL_MODES for h in (1, 4) for cls in (False, True)
         for s in ((1, 1), (1, 2), (2, 1), (2, 4))]


@pytest.mark.parametrize('mode, h, cls, s', CASES)
def test_is_the_formula_head_by_head(mode, h, cls, s):
    module = make(*s, mode, h, cls).double()
    x = tokens(cls, dtype=torch.float64)
    out, thw = module(x, THW)
    assert_close(out, by_hand(module, x, THW), rtol=1e-10, atol=1e-12)
    assert thw == pooled_thw(THW, (3, 3, 3), (1, s[0], s[0]))
    if h > 1:                                              # the scale is 1/√d, not 1/√D
        assert (out - by_hand(module, x, THW, 0.5 * math.log(D, D // h))).abs().max() > 1e-3


def test_unpooled_is_plain_attention_to_the_last_bit():
    plain, pooling = Attention(D, 4), PoolingAttention(D, 4)
    pooling.load_state_dict(plain.state_dict())
    out, thw = pooling(tokens(), THW)
    assert torch.equal(out, plain(tokens())) and thw == THW
    assert [*pooling.state_dict()] == ['qkv.weight', 'qkv.bias', 'proj.weight', 'proj.bias']


def test_equal_tokens_are_pooled_without_loss_by_a_maximum_only():
    """An average counts the zeros of the padding at the border."""
    alike = tokens()[:, :1].expand(-1, 1 + math.prod(THW), -1)
    plain = Attention(D, 2)
    for mode in ('max', 'avg'):
        module = make(2, 4, mode)
        module.load_state_dict(plain.state_dict())
        error = (module(alike, THW)[0] - plain(alike)[:, :1]).abs().max()
        assert (error < 1e-5) == (mode == 'max')


@pytest.mark.parametrize('thw', [(4, 9, 7), (1, 5, 8)])
def test_the_output_is_as_long_as_the_queries(thw):
    x = tokens(thw=thw)
    for s_q, s_kv in product((1, 2, 3, 4), (1, 2, 3, 4, 7)):
        out, grid = make(s_q, s_kv)(x, thw)
        assert grid == pooled_thw(thw, (3, 3, 3), (1, s_q, s_q))
        assert out.shape == (2, 1 + math.prod(grid), D)


def test_the_class_token_goes_past_the_windows():
    module = make(2, 4)
    x, other = tokens(), tokens()
    other[:, 1:] = torch.randn_like(other[:, 1:])
    for a, b in zip(module.qkv_heads(x, THW)[:3], module.qkv_heads(other, THW)[:3]):
        assert torch.equal(a[:, :, 0], b[:, :, 0])         # of the class token alone
        assert not torch.allclose(a[:, :, 1:], b[:, :, 1:])
    other = tokens()
    other[:, 0] += 1
    for a, b in zip(module.qkv_heads(x, THW)[:3], module.qkv_heads(other, THW)[:3]):
        assert_close(a[:, :, 1:], b[:, :, 1:])             # and into no window
        assert not torch.allclose(a[:, :, 0], b[:, :, 0])


def test_heads_first_is_the_same():
    """PySlowFast and PyTorchVideo pool each head alone, as a batch of B·h grids."""
    module = make(2, 4, h=4)
    ours = module.qkv_heads(tokens(), THW)[1]                           # (B, h, N_K, d)
    k = module.qkv(tokens()).chunk(3, -1)[1]
    k = k.unflatten(-1, (4, -1)).transpose(1, 2).flatten(0, 1)          # (B·h, N, d)
    one = TokenPool('conv', (3, 3, 3), (1, 4, 4), D // 4)
    one.load_state_dict(module.pool_k.state_dict())
    assert_close(ours, one(k, THW)[0].unflatten(0, (2, 4)))


def test_order_matters_to_windows_and_not_to_keys():
    module, x = make(1, 2, 'max', cls_token=False), tokens(0)
    order = torch.randperm(x.shape[1])
    assert (module(x[:, order], THW)[0] - module(x, THW)[0][:, order]).abs().max() > 0.01
    q, k, v, _ = module.qkv_heads(x, THW)
    order = torch.randperm(k.shape[2])
    assert_close(explicit_attention(q, k[:, :, order], v[:, :, order]),
                 explicit_attention(q, k, v))


def test_keys_and_values_of_different_grids_are_refused():
    small, large = (TokenPool('max', (1, 3, 3), (1, s, s)) for s in (2, 4))
    even = TokenPool('max', (1, 2, 2), (1, 2, 2))
    for k, v in ((small, large), (small, None), (None, small), (small, even)):
        with pytest.raises(ValueError, match='K and V need'):
            PoolingAttention(D, 2, pool_k=k, pool_v=v)
    with pytest.raises(ValueError, match='multiple of 3 heads'):
        PoolingAttention(D, 3)


def test_counted_is_the_formula_whatever_the_heads():
    thw, dim, L = (2, 16, 16), 24, 512
    x = torch.empty(1, L, dim, device='meta')
    for s_q, s_kv, h in product((1, 2, 4), (1, 2, 8), (1, 4)):
        N_Q, N_K = L // s_q ** 2, L // s_kv ** 2
        module = make(s_q, s_kv, 'max', h, False, dim).to('meta')
        assert count_flops(module, (x, thw)).by_operator == {
            'conv': 0, 'linear': 3 * L * dim * dim + N_Q * dim * dim,
            'attention': 2 * N_Q * N_K * dim}


def test_convolutions_for_pooling_cost_two_million_in_the_first_block():
    module = make(1, 8, h=1, cls_token=False, dim=96)
    x = torch.zeros(1, 8 * 56 * 56, 96)
    assert count_flops(module, (x, (8, 56, 56))).by_operator['conv'] == 2 * 27 * 96 * 392


@pytest.mark.parametrize('s_q, s_kv', [(1, 1), (1, 4), (2, 1), (4, 2)])
def test_fused_attention_keeps_no_matrix(s_q, s_kv):
    thw, dim, h, L = (2, 32, 32), 24, 4, 2048

    def forward(module, x, thw):
        return module(x, thw)[0]

    def explicit(module, x, thw):
        q, k, v, _ = module.qkv_heads(x, thw)
        return module.proj(explicit_attention(q, k, v).transpose(1, 2).flatten(2))

    def kept_by(run):
        def fresh():
            pools = [None if s == 1 else TokenPool('max', (3, 3, 3), (1, s, s), cls_token=False)
                     for s in (s_q, s_kv, s_kv)]
            return run(PoolingAttention(dim, h, *pools), torch.zeros(1, L, dim), thw)
        return saved_buffers(fresh)

    matrix = 4 * h * (L // s_q ** 2) * (L // s_kv ** 2)
    assert kept_by(explicit).count(matrix) == 1 and matrix not in kept_by(forward)


def test_the_windows_of_keys_leave_gaps_in_the_first_three_blocks_only():
    """3×3×3 with strides 8 and 4 skips tokens of the plane; from stride 2 on every token is read."""
    shares = []
    for row in block_plan(get_config('mvit_b_16x4')):
        x = torch.zeros(1, math.prod(row.thw_in), 1, requires_grad=True)
        pool = TokenPool('avg', row.kv_kernel, row.kv_stride, cls_token=False)
        gradient, = torch.autograd.grad(pool(x, row.thw_in)[0].sum(), x)
        shares.append((gradient > 0).float().mean().item())
    assert shares[0] == pytest.approx(20 * 20 / 56 ** 2)                # 13 %, not (3/8)² = 14 %
    assert all(0.5 < share < 9 / 16 for share in shares[1:3]) and set(shares[3:]) == {1.0}


def test_block_1_makes_most_weights():
    """h·N_Q·N_K halves from stage to stage, with 392 keys and with 1,568."""
    rows = block_plan(get_config('mvit_b_16x4'))
    weights = [r.num_heads * math.prod(r.thw_out) * math.prod(r.thw_kv) for r in rows]
    assert [i for i, r in enumerate(rows) if math.prod(r.thw_kv) == 1568] == [1, 3, 14]
    assert weights[0] == 2 * weights[2] == 4 * weights[4] == 8 * weights[15]
    assert max(weights) == weights[1] == 2 * weights[0] == 2 * weights[3] == 4 * weights[14]
