"""The formulas of cost against counters that know nothing of them, on networks with MViTv2's switches.

    pytest tests/test_counts.py -k mvitv2_l
"""
import operator
import random
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mvit_nb import MViTConfig, block_plan, cost, count_flops, get_config, list_models
from mvit_nb.config import GROWTHS, REL_POS, RESIDUAL_POOLINGS
from mvit_nb.cost import OPERATORS, block_cost
from mvit_nb.model import MViT

CUBES = [((1, 4, 4), (1, 4, 4), (0, 0, 0)),               # kernel, stride, padding
         ((3, 7, 7), (2, 4, 4), (1, 3, 3)),
         ((2, 3, 5), (1, 3, 4), (0, 1, 2))]


def random_config(rng):
    """A tiny config with two switches or more; it may be one that is refused."""
    any_of, mul = rng.choice, rng.choice([1, 1.5, 2])
    kernel, stride, padding = any_of(CUBES)
    return MViTConfig(
        num_frames=any_of([1, 2, 5, 8]), in_chans=any_of([1, 3]), num_classes=any_of([1, 7]),
        image_size=any_of([32, 48, (32, 40), (29, 52)]), embed_dim=any_of([8, 12]),
        num_heads=any_of([1, 2]), dim_mul=mul, head_mul=any_of([1, mul]),
        depths=[rng.randint(1, 2) for _ in range(rng.randint(1, 3))],
        patch_kernel=kernel, patch_stride=stride, patch_padding=padding,
        q_stride=any_of([(1, 2, 2), (2, 2, 2), (1, 1, 2)]),
        kv_stride=any_of([None, (1, 4, 4), (2, 2, 2), (1, 2, 3)]), kv_adaptive=rng.random() < 0.7,
        pool_mode=any_of(['conv', 'conv', 'max', 'avg']),
        pool_kernel=any_of([None, (3, 3, 3), (1, 3, 3)]), pos_embed=any_of(['none', 'separate']),
        cls_token=rng.random() < 0.5, qkv_bias=rng.random() < 0.7, mlp_ratio=any_of([4, 2.5]),
        rel_pos=any_of([*REL_POS, 'space', 'space_time']),
        residual_pooling=any_of(RESIDUAL_POOLINGS), grow_in=any_of([*GROWTHS, 'attention']),
        q_pool_unit_stride=rng.random() < 0.7, mean_pooling=rng.random() < 0.4)


def configs(n):
    """The first `n` that make a network; every second one without a class token."""
    rng, drawn = random.Random(15), []
    while len(drawn) < n:
        try:
            drawn.append(random_config(rng))
        except ValueError:
            continue
    return drawn


CONFIGS = configs(60)


def numbers(cost):
    """What two costs must have in common."""
    return [(part.by_operator, part.params) for part in (cost, *cost.blocks)]


@pytest.mark.parametrize('index', range(60))
def test_formula_is_trace(index):
    """Equality of integers: each operator and the parameters, for the model and for each block."""
    config = CONFIGS[index]
    clip = torch.zeros(1, config.in_chans, *config.clip_size)
    assert numbers(count_flops(MViT(config), clip)) == numbers(cost(config))


def test_what_was_drawn():
    """Each switch alone is on in some network and off in others; so is what is easily forgotten."""
    def least(what):
        values = [what(config) for config in CONFIGS]
        return min(values.count(value) for value in set(values))
    for name in ('rel_pos', 'residual_pooling', 'grow_in', 'q_pool_unit_stride', 'mean_pooling',
                 'cls_token', 'pos_embed'):
        assert least(operator.attrgetter(name)) >= 8, name
    assert least(lambda config: config.num_frames == 1) >= 8
    rows = [row for config in CONFIGS for row in block_plan(config)]
    resized = [row for row in rows if row.rel_lengths and any(
        n not in (0, 2 * max(q, k) - 1)
        for n, q, k in zip(row.rel_lengths, row.thw_out, row.thw_kv))]
    assert len(resized) > 10 and sum(row.attn_skip_projects for row in rows) > 10
    assert any(row.grows and row.dim_attn != row.dim_out for row in rows)


def test_wrong_grids_are_noticed():
    """Costs of rows whose keys lie on a grid one longer, or whose skip is projected after it is
    pooled, are others."""
    def longer(row):
        return replace(row, thw_kv=tuple(n + 1 for n in row.thw_kv))
    def shorter(row):
        return replace(row, thw_in=row.thw_out)
    rows = [(row, config) for config in CONFIGS for row in block_plan(config)]
    with_tables = [(row, config) for row, config in rows if row.rel_lengths]
    pooled = [(row, config) for row, config in rows
              if row.attn_skip_projects and row.thw_in != row.thw_out]
    for chosen, change in ((with_tables, longer), (pooled, shorter)):
        assert len(chosen) > 15
        for row, config in chosen:
            assert block_cost(change(row), config) != block_cost(row, config)


def torch_counts(config):
    """What torch's counter says of a model at full size, nothing of which is computed."""
    with torch.device('meta'), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model = MViT(config).eval()
        model(torch.zeros(1, config.in_chans, *config.clip_size))
    kinds = {'convolution': 'conv', 'addmm': 'linear'}
    counts = {}
    for name, operators in counter.get_flop_counts().items():
        counts[name] = dict.fromkeys(OPERATORS, 0)
        for op, n in operators.items():
            counts[name][kinds.get(str(op).split('.')[1], 'attention')] += n
    return [counts['Global'], *(counts[f'MViT.blocks.{i}'] for i in range(sum(config.depths)))]


@pytest.mark.parametrize('name', list_models())
def test_full_size(name):
    """Two for each multiply-add, for the model and for every block."""
    total = cost(get_config(name))
    twice = [{op: 2 * n for op, n in part.by_operator.items()} for part in (total, *total.blocks)]
    assert torch_counts(get_config(name)) == twice
