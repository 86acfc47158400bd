"""MViTv2: attention by hand for every switch, the block around it, and what no gradient reaches.

    pytest tests/test_mvitv2.py -k by_hand
"""
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mvit_nb.attention import PoolingAttention
from mvit_nb.block import MultiscaleBlock
from mvit_nb.config import MViTConfig
from mvit_nb.model import create_model
from mvit_nb.mvitv2 import PoolingAttentionV2, RelativePositions, add_queries
from mvit_nb.plan import block_plan

# Block 0 pools K and V by 4, block 1 halves the grid and doubles the channels.
SMALL = MViTConfig(num_frames=4, image_size=32, embed_dim=8, depths=(1, 1), kv_stride=(1, 4, 4), num_classes=4,
                   rel_pos='space_time', residual_pooling='without_cls', grow_in='attention', q_pool_unit_stride=True,
                   pos_embed='none')


def blocks_of(config, seed=0):
    """The blocks of a config and their rows, all parameters random."""
    torch.manual_seed(seed)
    pairs = [(MultiscaleBlock(row, config).eval(), row) for row in block_plan(config)]
    for block, _ in pairs:
        for p in block.parameters():
            p.data.add_(0.3 * torch.randn_like(p))
    return pairs


def tokens_for(row, batch=2):
    return torch.randn(batch, row.tokens_in, row.dim)                              # (B, N, D)


def row_of_table(i, j, q, k):
    """As the references count it."""
    return int(i * max(k / q, 1) - j * max(q / k, 1) + (k - 1) * max(q / k, 1))


def attention_by_hand(attn, x, row):
    """Q, K and V from the module, the rest in loops over places and axes."""
    q, k, v, thw_q = attn.qkv_heads(x, row.thw_in)
    d, cls = q.shape[-1], row.num_cls
    scores = torch.einsum('bhid,bhjd->bhij', q, k) / d ** 0.5
    tables = [attn.rel_pos.t, attn.rel_pos.h, attn.rel_pos.w] if attn.rel_pos else [None] * 3
    for i, here in enumerate(torch.cartesian_prod(*map(torch.arange, thw_q)).tolist()):
        for j, there in enumerate(torch.cartesian_prod(*map(torch.arange, row.thw_kv)).tolist()):
            for axis, table in enumerate(tables):
                if table is not None:
                    n = row_of_table(here[axis], there[axis], thw_q[axis], row.thw_kv[axis])
                    scores[:, :, cls + i, cls + j] += q[:, :, cls + i] @ table[n]
    z = scores.softmax(-1) @ v
    if row.residual == 'with_cls':
        z = z + q
    if row.residual == 'without_cls':
        z[:, :, cls:] += q[:, :, cls:]
    return F.linear(z.transpose(1, 2).flatten(2), attn.proj.weight, attn.proj.bias)


@pytest.mark.parametrize('changes', [
    {}, {'rel_pos': 'none'}, {'rel_pos': 'space'}, {'residual_pooling': 'none'}, {'residual_pooling': 'with_cls'},
    {'cls_token': False}, {'cls_token': False, 'residual_pooling': 'with_cls'}, {'grow_in': 'mlp'},
    {'q_pool_unit_stride': False}, {'kv_stride': None}, {'pool_mode': 'max', 'pool_kernel': (3, 3, 3)}])
@torch.no_grad()
def test_attention_by_hand(changes):
    config = replace(SMALL, image_size=16, **changes)
    for block, row in blocks_of(config):
        x = tokens_for(row)
        out, thw = block.attn(x, row.thw_in)
        assert thw == row.thw_out and out.shape == (2, row.tokens_out, row.dim_attn)
        assert_close(out, attention_by_hand(block.attn, x, row), atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_the_skip_is_projected_then_pooled():
    block, row = blocks_of(SMALL)[1]
    x = tokens_for(row)
    y = F.layer_norm(x, (row.dim,), block.norm1.weight, block.norm1.bias, 1e-6)
    wide = F.linear(y, block.attn_proj.weight, block.attn_proj.bias)               # (B, N, 2D)
    grid = wide[:, 1:].transpose(1, 2).unflatten(2, row.thw_in)
    pooled = F.max_pool3d(grid, (1, 3, 3), (1, 2, 2), (0, 1, 1)).flatten(2).transpose(1, 2)
    x1 = torch.cat([wide[:, :1], pooled], 1) + block.attn(y, row.thw_in)[0]
    z = F.layer_norm(x1, (row.dim_attn,), block.norm2.weight, block.norm2.bias, 1e-6)
    assert_close(block(x, row.thw_in)[0], x1 + block.mlp(z), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_skip_is_not_normalized_where_channels_stay():
    block, row = blocks_of(SMALL)[0]
    assert block.attn_proj is None and block.pool_skip is None and block.attn.pool_q is not None
    x = tokens_for(row)
    x1 = x + block.attn(block.norm1(x), row.thw_in)[0]
    assert_close(block(x, row.thw_in)[0], x1 + block.mlp(block.norm2(x1)))


@torch.no_grad()
def test_the_class_token_has_no_place():
    """Its output does not depend on the tables, nor does that of others on its column."""
    block, row = blocks_of(SMALL)[0]
    x, attn = tokens_for(row), block.attn
    before = attn(x, row.thw_in)[0]
    for p in attn.rel_pos.parameters():
        p.zero_()
    after = attn(x, row.thw_in)[0]
    assert_close(before[:, 0], after[:, 0])
    assert (before[:, 1:] - after[:, 1:]).abs().max() > 0.01


def test_rows_that_no_pair_reads_get_no_gradient():
    block, row = blocks_of(SMALL)[0]
    (_, q, _), (_, k, _) = row.thw_out, row.thw_kv
    block.attn(tokens_for(row), row.thw_in)[0].square().sum().backward()
    used = {row_of_table(i, j, q, k) for i in range(q) for j in range(k)}
    assert len(used) == 2 * q - q // k                                             # 2·8 − 1 − (4 − 1)
    gradient = block.attn.rel_pos.h.grad.abs().sum(1)
    assert {n for n, size in enumerate(gradient.tolist()) if size > 0} == used
    assert all(p.grad is not None for p in block.attn.parameters())


def test_with_all_off_it_is_mvits_attention():
    row = block_plan(replace(SMALL, rel_pos='none', residual_pooling='none', grow_in='mlp'))[1]
    old = blocks_of(replace(SMALL, rel_pos='none', residual_pooling='none', grow_in='mlp'))[1][0].attn
    new = PoolingAttentionV2(row.dim, row.dim, row.num_heads, old.pool_q, old.pool_k, old.pool_v)
    new.load_state_dict(old.state_dict())
    x = tokens_for(row)
    assert type(old) is PoolingAttention
    assert torch.equal(new(x, row.thw_in)[0], old(x, row.thw_in)[0])


def test_added_queries():
    x, q = torch.randn(2, 1, 2, 1 + 12, 3)                                         # 2 × (B, h, N_Q, d)
    kept = x.clone()
    assert add_queries(x, q, (3, 2, 2), 'none') is x
    assert torch.equal(add_queries(x, q, (3, 2, 2), 'with_cls'), x + q)
    without = add_queries(x, q, (3, 2, 2), 'without_cls')
    assert torch.equal(without[:, :, :1], x[:, :, :1]) and torch.equal(without[:, :, 1:], (x + q)[:, :, 1:])
    assert torch.equal(add_queries(x[:, :, 1:], q[:, :, 1:], (3, 2, 2), 'without_cls'), (x + q)[:, :, 1:])
    assert torch.equal(x, kept)


def test_tables():
    tables = RelativePositions((0, 5, 7), 96)
    assert tables.t is None and {name: p.shape for name, p in tables.named_parameters()} == {
        'h': (5, 96), 'w': (7, 96)}
    std = torch.cat([p.flatten() for p in RelativePositions((99, 99, 99), 96).parameters()]).std()
    assert abs(std - 0.02) < 0.001


@torch.no_grad()
def test_tables_alone_tell_the_order_of_frames():
    """Where no window joins frames and no position is added, shuffled frames give the same answer, unless tables differ."""
    clip, frames = torch.randn(1, 3, 4, 32, 32), torch.tensor([2, 0, 3, 1])
    for rel_pos, same in (('none', True), ('space', True), ('space_time', False)):
        torch.manual_seed(0)
        net = create_model(replace(SMALL, rel_pos=rel_pos, pool_mode='max', pool_kernel=None, q_pool_unit_stride=False,
                                   patch_kernel=(1, 7, 7), patch_stride=(1, 4, 4), patch_padding=(0, 3, 3))).eval()
        for p in net.parameters():
            p.add_(0.3 * torch.randn_like(p))
        moved = (net(clip) - net(clip[:, :, frames])).abs().max()
        assert (moved < 1e-5) == same


def test_gradients_reach_every_parameter():
    """Without class token: where there is one, nothing reads the other queries of the last block."""
    net = create_model(SMALL, cls_token=False)
    net(torch.randn(2, 3, 4, 32, 32)).square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().max() > 0, name
