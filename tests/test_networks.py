"""Promises that hold for all configs, on networks of random ones.

    pytest tests/test_networks.py -k network7
"""
import math
import random
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.testing import assert_close

from mvit_nb import MViTConfig, block_plan, create_model
from mvit_nb.config import GROWTHS, POS_EMBEDS, REL_POS, RESIDUAL_POOLINGS, SKIPS
from mvit_nb.grid import POOL_MODES

CUBES = [((1, 4, 4), (1, 4, 4), (0, 0, 0)),               # kernel, stride, padding
         ((3, 7, 7), (2, 4, 4), (1, 3, 3)),
         ((2, 3, 5), (1, 3, 4), (0, 1, 2))]
CHOICES = dict(
    num_frames=(1, 4, 6, 9), image_size=((32, 32), (29, 40), (36, 24)),
    in_chans=(1, 3), embed_dim=(16, 24), num_heads=(1, 2), dim_mul=(1, 2),
    head_mul=(1, 2), depths=((2,), (1, 2), (2, 1, 2), (1, 1, 1, 1)),
    q_stride=((1, 2, 2), (2, 2, 2), (1, 1, 2)),
    kv_stride=((1, 4, 4), (2, 4, 4), (1, 1, 1), None), kv_adaptive=(True, False),
    pool_mode=POOL_MODES, pool_kernel=(None, (3, 3, 3), (1, 3, 3)),
    pos_embed=POS_EMBEDS, cls_token=(True, False), qkv_bias=(True, False), skip=SKIPS,
    rel_pos=REL_POS, residual_pooling=RESIDUAL_POOLINGS, grow_in=GROWTHS,
    q_pool_unit_stride=(True, False), mean_pooling=(True, False))
NETWORKS = range(30)
named = pytest.mark.parametrize('index', NETWORKS, ids=[f'network{i}' for i in NETWORKS])


def random_config(rng):
    """A small config that makes a network; dropout and stochastic depth are on."""
    while True:
        drawn = {name: rng.choice(values) for name, values in CHOICES.items()}
        kernel, stride, padding = rng.choice(CUBES)
        try:
            return MViTConfig(
                **drawn, num_classes=7, mlp_ratio=2, dropout=0.3, drop_path_rate=0.3,
                patch_kernel=kernel, patch_stride=stride, patch_padding=padding)
        except ValueError:        # too few frames for the pooling, say
            continue


@cache
def configs():
    rng = random.Random(2)
    return [random_config(rng) for _ in NETWORKS]


def network(index):
    """A network of a random config in evaluation mode, and two clips for it."""
    torch.manual_seed(index)
    config = configs()[index]
    return create_model(config).eval(), torch.randn(2, config.in_chans, *config.clip_size)


def calls(net, clip):
    """(block, (x, thw), (y, thw_out)) for each block of a forward pass."""
    seen = []
    def note(*call):
        seen.append(call)
    hooks = [block.register_forward_hook(note) for block in net.blocks]
    with torch.no_grad():
        net(clip)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize('name', CHOICES)
def test_every_choice_is_drawn(name):
    assert {getattr(config, name) for config in configs()} == set(CHOICES[name])


@named
def test_plan_gives_the_shapes(index):
    """Tokens, channels, grids, heads, and the length of K and V are what the plan says."""
    net, clip = network(index)
    for row, (block, (x, thw), (y, thw_out)) in zip(net.plan, calls(net, clip), strict=True):
        assert (thw, thw_out) == (row.thw_in, row.thw_out)
        assert x.shape == (2, row.tokens_in, row.dim)
        assert y.shape == (2, row.tokens_out, row.dim_out)
        q, k, v, _ = block.attn.qkv_heads(block.norm1(x), thw)
        assert q.shape == (2, row.num_heads, row.tokens_out, row.head_dim)
        assert k.shape == v.shape == (2, row.num_heads, row.tokens_kv, row.head_dim)
        assert row.tokens_in == net.config.cls_token + math.prod(row.thw_in)


@named
@pytest.mark.parametrize('stride', [None, (2, 4, 4)], ids=['not_pooled', 'pooled'])
def test_kv_pooling_keeps_the_length(index, stride):
    """Other strides of K and V: each block gives as many tokens as before."""
    net, clip = network(index)
    with torch.device('meta'):    # lengths need no numbers
        other = create_model(net.config, kv_stride=stride)
    lengths = [out.shape[1] for _, _, (out, _) in calls(other, clip.to('meta'))]
    assert lengths == [row.tokens_out for row in net.plan]


def test_other_strides_give_other_keys():
    """The variants above are variants: in more than half of them the number of keys changes."""
    changed = 0
    for config in configs():
        keys = [row.tokens_kv for row in block_plan(config)]
        for stride in (None, (2, 4, 4)):
            other = block_plan(replace(config, kv_stride=stride))
            changed += keys != [row.tokens_kv for row in other]
    assert changed > 25


@named
def test_clips_of_a_batch_are_independent(index):
    """Alone or beside another clip, a clip gets the same logits, however wild the other is."""
    net, clips = network(index)
    close = dict(rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        logits = net(clips)
        alone = torch.cat([net(clips[:1]), net(clips[1:])])
        assert_close(alone, logits, **close)
        wild = torch.stack([clips[0], 100 * torch.randn_like(clips[1])])
        assert_close(net(wild)[0], logits[0], **close)
        assert not torch.allclose(net(wild)[1], logits[1], atol=1e-4)


@named
def test_eval_is_deterministic(index):
    """Asked twice, the same to the last bit; in training two calls differ."""
    net, clips = network(index)
    with torch.no_grad():
        assert torch.equal(net(clips), net(clips))
        net.train()
        assert not torch.equal(net(clips), net(clips))


def used_rows(q, k):
    """The rows of a table that some pair of q queries and k keys along its axis looks up."""
    across, along = max(k / q, 1), max(q / k, 1)
    return {int(i * across - j * along + (k - 1) * along) for i in range(q) for j in range(k)}


def silent(net, row):
    """Parameters of a block's attention that cannot matter: a bias that adds the same to all keys;
    all of Q and K where there is one key; tables along an axis whose keys are all alike; and in the
    last block, of which the head reads the class token, what the other queries go through."""
    names = ['pool_k.norm.bias']
    if row.tokens_kv == 1:
        names += ['pool_k', 'rel_pos', *([] if row.residual != 'none' else ['pool_q'])]
    blurs = row.kv_kernel if row.kv_kernel and net.config.pool_mode != 'conv' else (1, 1, 1)
    names += [f'rel_pos.{axis}' for axis, n, k, window in zip('thw', row.thw_in, row.thw_kv, blurs)
              if (k == 1 or window // 2 >= n - 1) and not row.num_cls]
    if row is net.plan[-1] and net.pooling == 'cls':
        names += ['rel_pos', 'pool_q.conv']
    return tuple(f'blocks.{row.index}.attn.{name}' for name in names)


@named
def test_gradient_reaches_everything(index):
    """Every parameter gets a gradient, but those that cannot matter; in tables of relative
    positions every row that some query and key are apart by, and no other."""
    net, clips = network(index)
    net.double()
    logits = net(clips.double())
    (logits * torch.randn_like(logits)).sum().backward()
    largest = max(p.grad.abs().max() for p in net.parameters() if p.grad is not None)
    still = tuple(name for row in net.plan for name in silent(net, row))
    for name, p in net.named_parameters():
        reached = p.grad is not None and p.grad.abs().max() > 1e-12 * largest
        assert reached != name.startswith(still), name
    for block, row in zip(net.blocks, net.plan):
        for axis, q, k in zip('thw', row.thw_out, row.thw_kv):
            name = f'blocks.{row.index}.attn.rel_pos.{axis}'
            if not row.rel_lengths or name.startswith(still): continue
            table = getattr(block.attn.rel_pos, axis)
            if table is None or len(table) != 2 * max(q, k) - 1: continue
            moved = set((table.grad.abs().sum(1) > 0).nonzero().flatten().tolist())
            assert moved <= used_rows(q, k)
            all_read = net.pooling != 'cls' or row.index < len(net.plan) - 2
            assert moved == used_rows(q, k) or not all_read


def test_tables_are_there():
    """Among the networks above are tables that are resized, and tables with rows that rest."""
    rows = [row for config in configs() for row in block_plan(config) if row.rel_lengths]
    axes = [(n, q, k) for row in rows
            for n, q, k in zip(row.rel_lengths, row.thw_out, row.thw_kv) if n]
    assert sum(n != 2 * max(q, k) - 1 for n, q, k in axes) > 10
    assert sum(len(used_rows(q, k)) < 2 * max(q, k) - 1 for _, q, k in axes) > 10
    assert any(row.rel_lengths[0] == 0 for row in rows)


IMAGES = [i for i in NETWORKS if configs()[i].num_frames == 1]


@pytest.mark.parametrize('index', IMAGES, ids=[f'network{i}' for i in IMAGES])
def test_images_are_clips_of_one_frame(index):
    net, clips = network(index)
    with torch.no_grad():
        assert torch.equal(net(clips[:, :, 0]), net(clips))


@named
def test_recomputation_changes_nothing(index):
    """The loss and all gradients, with dropped branches, are those without recomputation."""
    net, clips = network(index)
    results = []
    for stages in ((), {row.stage for row in net.plan}):
        net.train().checkpoint_activations(*stages)
        torch.manual_seed(1)
        loss = net(clips).square().sum()
        grads = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        results.append([loss, *(g for g in grads if g is not None)])
    assert_close(results[1], results[0], rtol=0, atol=0)
