"""The block: skips, gradients and stochastic depth.

    pytest tests/test_block.py -k gradients
"""
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mvit_nb.block import DropPath, MultiscaleBlock
from mvit_nb.config import SKIPS, MViTConfig
from mvit_nb.plan import block_plan
from mvit_nb.pooling import TokenPool
from mvit_nb.vit import ViTBlock
from mvit_nb.zoo import get_config, list_models

# Block 0 only grows, block 1 pools and grows, block 2 only pools.
TOY = MViTConfig(num_frames=4, image_size=32, embed_dim=8, depths=(1, 1, 1), kv_stride=(1, 4, 4))
GROWS, BOTH, POOLS = block_plan(TOY)
SWITCHES = dict(rel_pos='space_time', residual_pooling='without_cls', grow_in='attention',
                q_pool_unit_stride=True, pos_embed='none')
TOY_V2 = replace(TOY, **SWITCHES)


def blocks_of(config, seed=0):
    """The blocks of a config in evaluation mode; all parameters random, norms and biases too."""
    torch.manual_seed(seed)
    blocks = [MultiscaleBlock(row, config).eval() for row in block_plan(config)]
    for block in blocks:
        for p in block.parameters():
            p.data.add_(0.3 * torch.randn_like(p))
    return blocks


def tokens_for(row, batch=2, dtype=None):
    return torch.randn(batch, row.tokens_in, row.dim, dtype=dtype)     # (B, N, D)


def max_pool(grid):                                                    # (B, D, T, H, W)
    return F.max_pool3d(grid, (1, 3, 3), (1, 2, 2), (0, 1, 1))


def max_skip(x, thw):
    """Max pooling of the grid by 1×2×2, class token set aside."""
    grid = x[:, 1:].transpose(1, 2).unflatten(2, thw)
    return torch.cat([x[:, :1], max_pool(grid).flatten(2).transpose(1, 2)], 1)


def by_hand(block, row, x, skip):
    """The output of a block, from its weights, with a skip of any kind."""
    def layer_norm(norm, x):
        return F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, 1e-6)
    y = layer_norm(block.norm1, x)
    attention, _ = block.attn(y, row.thw_in)
    if row.dim != row.dim_attn:
        x = F.linear(y, block.attn_proj.weight, block.attn_proj.bias)  # project, then pool
    if row.thw_in != row.thw_out:
        x = max_skip(x, row.thw_in)
    x1 = x + attention                                                 # (B, N', D)
    z = layer_norm(block.norm2, x1)
    fc1, fc2 = block.mlp.fc1, block.mlp.fc2
    branch = F.linear(F.gelu(F.linear(z, fc1.weight, fc1.bias)), fc2.weight, fc2.bias)
    if row.dim_attn == row.dim_out: return x1 + branch
    if skip == 'none': return branch
    return block.skip_proj(z if skip == 'normalized' else x1) + branch


@pytest.mark.parametrize('name', list_models())
def test_no_named_model_does_both(name):
    """A block pools or grows, in the MLP; where growth moves into attention, each that pools also
    grows, there, and no MLP does."""
    config = get_config(name)
    rows = block_plan(config)
    pools = [row.index for row in rows if row.thw_in != row.thw_out]
    in_attention = [row.index for row in rows if row.attn_skip_projects]
    in_mlp = [row.index for row in rows if row.skip_projects]
    assert sorted(in_attention + in_mlp) == [row.index for row in rows if row.grows]
    if config.grow_in == 'attention':
        assert in_attention == pools and not in_mlp
    else:
        assert not in_attention and not set(pools) & set(in_mlp)


def test_toys_do_both():
    assert BOTH.grows and BOTH.thw_in != BOTH.thw_out and BOTH.skip_projects
    kept, *both = block_plan(TOY_V2)
    assert not kept.grows and all(row.attn_skip_projects and row.skip_kernel for row in both)


@pytest.mark.parametrize('skip', SKIPS)
def test_each_skip_is_its_own(skip):
    """A block computes the skip that its row names and no other."""
    config = replace(TOY, skip=skip)
    for row, block in zip(block_plan(config), blocks_of(config)):
        x = 3 * tokens_for(row)
        out, thw = block(x, row.thw_in)
        assert thw == row.thw_out and out.shape == (2, row.tokens_out, row.dim_out)
        kinds = SKIPS if block.skip_proj else ['none']                 # no layer for the others
        for kind in kinds:
            off = (out - by_hand(block, row, x, kind)).abs().max()
            assert (off < 1e-4) if kind == skip or not row.grows else (off > 0.1)


@pytest.mark.parametrize('changes', [dict(), dict(rel_pos='none'), dict(residual_pooling='none'),
                                     dict(grow_in='mlp'), dict(q_pool_unit_stride=False)],
                         ids=lambda changes: ', '.join(changes) or 'all')
def test_v2_by_hand(changes):
    """A block of MViTv2 from its weights; the skip around attention is projected before it is
    pooled, which is not the same as after."""
    config = replace(TOY_V2, **changes)
    for row, block in zip(block_plan(config), blocks_of(config)):
        x = 3 * tokens_for(row)
        out, thw = block(x, row.thw_in)
        assert thw == row.thw_out and out.shape == (2, row.tokens_out, row.dim_out)
        assert_close(out, by_hand(block, row, x, row.skip), rtol=1e-4, atol=1e-4)
        if not row.attn_skip_projects: continue
        assert block.skip_proj is None
        y = block.norm1(x)
        before = max_skip(block.attn_proj(y), row.thw_in)
        after = block.attn_proj(max_skip(y, row.thw_in))
        assert (before - after).abs().max() > 0.1


@pytest.mark.parametrize('skip', SKIPS)
def test_size_of_the_signal(skip):
    """With attention silent, an input ten times as large is heard through one skip only."""
    torch.manual_seed(1)
    x, block = tokens_for(GROWS), blocks_of(replace(TOY, skip=skip))[0]
    for p in block.attn.proj.parameters():
        p.data.zero_()
    once, ten = block(x, GROWS.thw_in)[0], block(10 * x, GROWS.thw_in)[0]
    expected = torch.zeros_like(once)
    if skip == 'unnormalized':
        expected = 9 * x @ block.skip_proj.weight.T
    assert_close(ten - once, expected, rtol=1e-3, atol=1e-3)


def test_max_ignores_padding():
    """A grid of negative numbers stays negative, along the borders too."""
    pooled, _ = TokenPool('max', (1, 3, 3), (1, 2, 2))(-1 - torch.rand(1, 17, 1), (1, 4, 4))
    assert pooled.max() <= -1


def test_max_sends_the_gradient_to_winners():
    grid = torch.tensor([1., 9, 0, 1, 0, 2, 3, 2, 4, 1, 0, 5, 2, 0, 7, 1])
    tokens = torch.cat([torch.tensor([-5.]), grid]).view(1, 17, 1).requires_grad_()
    TokenPool('max', (1, 3, 3), (1, 2, 2))(tokens, (1, 4, 4))[0].sum().backward()
    assert tokens.grad.sum() == 5 and tokens.grad[0, 2] == 2 and tokens.grad[0, 0] == 1
    assert (tokens.grad == 0).sum() == 13


@pytest.mark.parametrize('skip', SKIPS)
def test_gradients(skip):
    """All parameters get a gradient but one: a bias that adds the same to all keys is cancelled
    by softmax."""
    block = blocks_of(replace(TOY, skip=skip))[1].double()
    x = tokens_for(BOTH, dtype=torch.double)
    out, _ = block(x, BOTH.thw_in)
    (out * torch.randn_like(out)).sum().backward()
    size = {name: p.grad.norm() for name, p in block.named_parameters()}
    assert [name for name, g in size.items() if g < 1e-6] == ['attn.pool_k.norm.bias']
    assert min(g for g in size.values() if g > 1e-6) > 1


def test_gradients_of_v2():
    """All parameters of a block of MViTv2 get a gradient but the bias of keys, and each table but
    its last rows: one less than the step from key to key."""
    row, block = block_plan(TOY_V2)[1], blocks_of(TOY_V2)[1].double()
    x = tokens_for(row, dtype=torch.double)
    out, _ = block(x, row.thw_in)
    (out * torch.randn_like(out)).sum().backward()
    size = {name: p.grad.norm() for name, p in block.named_parameters()}
    assert [name for name, g in size.items() if g < 1e-6] == ['attn.pool_k.norm.bias']
    tables = block.attn.rel_pos
    for table, q, k in zip((tables.t, tables.h, tables.w), row.thw_out, row.thw_kv):
        unused = max(q, k) // min(q, k) - 1
        still = (table.grad.norm(dim=1) == 0).nonzero().flatten().tolist()
        assert still == list(range(len(table) - unused, len(table)))


def test_biases_of_keys_do_nothing():
    def moves(block, bias):
        x = tokens_for(BOTH, dtype=torch.double)
        with torch.no_grad():
            before, _ = block(x, BOTH.thw_in)
            bias += 100
            return (block(x, BOTH.thw_in)[0] - before).abs().max().item() > 1e-9
    conv = blocks_of(TOY)[1].double()
    maxpool = blocks_of(replace(TOY, pool_mode='max'))[1].double()
    q, k, v = maxpool.attn.qkv.bias.data.chunk(3)                      # 3 × (D,)
    assert not moves(conv, conv.attn.pool_k.norm.bias.data)
    assert [moves(maxpool, bias) for bias in (k, q, v)] == [False, True, True]


def test_class_token_sees_every_token():
    x = tokens_for(BOTH).requires_grad_()
    cls_out = blocks_of(TOY)[1](x, BOTH.thw_in)[0][:, 0]               # (B, 2·D)
    grad, = torch.autograd.grad(cls_out.square().sum(), x)
    assert (grad.norm(dim=-1) > 1e-3).all()


def test_drop_path():
    """Whole samples, 0 or 1/(1 − δ), mean 1 within four standard deviations."""
    torch.manual_seed(0)
    n, p = 100_000, 0.2
    dropped = DropPath(p)(torch.ones(n, 2))
    assert (dropped[:, 0] == dropped[:, 1]).all()
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert abs(dropped[:, 0].mean() - 1) < 4 * math.sqrt(p / ((1 - p) * n))
    x = torch.randn(3, 2)
    assert DropPath(p).eval()(x) is x and DropPath(0.0)(x) is x
    assert 'p=0.2' in repr(DropPath(p))


def test_only_branches_are_dropped():
    """A sample that loses both branches is its pooled skip; without a skip nothing is dropped."""
    torch.manual_seed(0)
    noisy = replace(TOY, drop_path_rate=0.9)
    row, block = block_plan(noisy)[2], blocks_of(noisy)[2].train()
    x = tokens_for(row, batch=200)
    out, _ = block(x, row.thw_in)
    only_skip = (out == max_skip(x, row.thw_in)).flatten(1).all(1)     # (B,)
    assert abs(only_skip.float().mean() - 0.81) < 0.11                 # four deviations
    block = blocks_of(replace(noisy, skip='none'))[1].train()
    out, _ = block(tokens_for(BOTH, batch=200), BOTH.thw_in)
    assert (out != 0).flatten(1).any(1).all()


def test_branches_that_a_sample_passes():
    """With a rate of 0.2: 28.8 of 32 branches on average; 4 % skip the last block."""
    torch.manual_seed(0)
    rows, n = block_plan(MViTConfig(drop_path_rate=0.2)), 20_000
    kept = torch.stack([DropPath(row.drop_path)(torch.ones(2 * n)) > 0 for row in rows], 1)
    kept = kept.unflatten(0, (2, n)).movedim(0, 2)                     # (samples, 16, 2)
    assert abs(kept.flatten(1).sum(1).float().mean() - 28.8) < 0.1
    assert abs((~kept[:, 15]).all(1).float().mean() - 0.04) < 0.006


def test_vit_block():
    """Nothing pooled, nothing grown: the ViT's block, with the same names of parameters."""
    torch.manual_seed(0)
    plain = MViTConfig(num_frames=4, image_size=32, embed_dim=24, num_heads=3, depths=(1,),
                       kv_stride=None, pool_kernel=None)
    row, = block_plan(plain)
    vit_block, block = ViTBlock(24, 3), MultiscaleBlock(row, plain)
    for p in vit_block.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    block.load_state_dict(vit_block.state_dict())
    x = tokens_for(row)
    assert_close(block(x, row.thw_in)[0], vit_block(x))


def test_without_class_token():
    """A sequence is the grid and nothing else; a token too many is refused."""
    config = replace(TOY, cls_token=False)
    row, block = block_plan(config)[2], blocks_of(config)[2]
    for layer in (block.attn.proj, block.mlp.fc2):
        for p in layer.parameters():
            p.data.zero_()
    x = tokens_for(row)                                                # (B, T·H·W, D)
    out, thw = block(x, row.thw_in)
    grid = x.transpose(1, 2).unflatten(2, row.thw_in)                  # (B, D, T, H, W)
    assert_close(out.transpose(1, 2).unflatten(2, thw), max_pool(grid))
    with pytest.raises(ValueError, match='tokens'):
        block(torch.randn(2, row.tokens_in + 1, row.dim), row.thw_in)


def test_refused_rows():
    """Rows that no plan has; `check_row` says which field is wrong."""
    with pytest.raises(ValueError, match='expected a multiple of 2 heads, got 17'):
        MultiscaleBlock(replace(BOTH, dim_attn=17), TOY)
    for lengths in ((7, 14, 15), (7, 15, 0), (6, 15, 15), (-1, 15, 15)):
        with pytest.raises(ValueError, match=r'block 2: expected tables .* odd'):
            MultiscaleBlock(replace(POOLS, rel_lengths=lengths), TOY)
    with pytest.raises(ValueError, match=r"residual .*, got 'cls'"):
        MultiscaleBlock(replace(POOLS, residual='cls'), TOY)


def test_rows_that_no_config_gives():
    """A row may grow in attention and in the MLP, and have tables of another length: they are
    resized."""
    torch.manual_seed(0)
    row = replace(GROWS, dim_attn=12, rel_lengths=(7, 11, 15), residual='with_cls')
    block, x = MultiscaleBlock(row, TOY).eval(), tokens_for(row)
    assert (row.dim, row.dim_attn, row.dim_out) == (8, 12, 16)
    assert_close(block(x, row.thw_in)[0], by_hand(block, row, x, 'normalized'))
