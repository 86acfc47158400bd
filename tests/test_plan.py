"""What the rules of the plan say of networks that the lesson does not look at.

    pytest tests/test_plan.py
"""
import math
from dataclasses import replace

import pytest
import torch

import mvit_nb.plan
from mvit_nb.analysis.paper import paper_tables, printed_name
from mvit_nb.config import MViTConfig
from mvit_nb.cost import block_cost, cost
from mvit_nb.grid import pooled_thw
from mvit_nb.plan import (BlockPlan, HeadPlan, NetworkPlan, StemPlan, block_plan,
                          network_plan, plan_table)
from mvit_nb.pooling import TokenPool
from mvit_nb.zoo import get_config, list_models

MVIT_B = MViTConfig()
PLAN = block_plan(MVIT_B)
TABLE_14 = {printed_name(row['name']): MViTConfig(**row['config'])
            for row in paper_tables() if row['table'] == '14'}


def test_mvit_b():
    """All sixteen rows, written out."""
    assert [row.stage for row in PLAN] == [2] + 2 * [3] + 11 * [4] + 2 * [5]
    assert [row.dim for row in PLAN] == [96] + 2 * [192] + 11 * [384] + 2 * [768]
    assert [row.dim_out for row in PLAN] == [192, 192] + 11 * [384] + 3 * [768]
    assert [row.num_heads for row in PLAN] == [1] + 2 * [2] + 11 * [4] + 2 * [8]
    assert {row.head_dim for row in PLAN} == {96}
    assert all(row.hidden == 4 * row.dim == 4 * row.dim_attn for row in PLAN)
    assert [row.skip for row in PLAN] == [
        'normalized' if i in (0, 2, 13) else 'identity' for i in range(16)]
    assert [row.index for row in PLAN if row.first] == [0, 1, 3, 14]
    assert [row.index for row in PLAN if row.last] == [0, 2, 13, 15]
    assert [row.thw_out[1] for row in PLAN] == [56] + 2 * [28] + 11 * [14] + 2 * [7]
    assert [row.thw_in[1] for row in PLAN] == 2 * [56] + 2 * [28] + 11 * [14] + [7]
    assert [row.q_stride for row in PLAN] == [
        (1, 2, 2) if i in (1, 3, 14) else None for i in range(16)]
    assert [row.kv_stride for row in PLAN] == (
        [(1, 8, 8)] + 2 * [(1, 4, 4)] + 11 * [(1, 2, 2)] + 2 * [(1, 1, 1)])
    assert [row.thw_kv for row in PLAN] == [
        (8, 14, 14) if i in (1, 3, 14) else (8, 7, 7) for i in range(16)]
    assert {row.kv_kernel for row in PLAN} == {(3, 3, 3)}
    assert {row.thw_out[0] for row in PLAN} == {8} and {row.num_cls for row in PLAN} == {1}


def test_divided_at_once():
    """At a transition the K,V stride is halved and the input is not: hence 14×14."""
    for before, row in zip(PLAN, PLAN[1:]):
        if row.q_stride:
            assert row.kv_stride[1] == before.kv_stride[1] // 2
            assert row.thw_in == before.thw_in
            assert row.thw_kv[1] == row.thw_in[1] // row.kv_stride[1] == 14
        else:
            assert row.kv_stride == before.kv_stride and row.thw_kv[1] == 7
    more_keys = [row.index for row in PLAN if row.tokens_kv > row.tokens_out]
    assert more_keys == [14] and PLAN[3].tokens_kv == PLAN[3].tokens_out
    scores = [math.prod(row.thw_out) * math.prod(row.thw_kv) for row in PLAN]
    assert scores[0] == scores[1] == max(scores) == 4 * scores[2] == 4 * scores[3]


def test_weights_fit_both_readings():
    """A pooling convolution has the same weights for every stride."""
    torch.manual_seed(0)
    by_2, by_4 = (TokenPool('conv', (3, 3, 3), (1, s, s), dim=4) for s in (2, 4))
    by_4.load_state_dict(by_2.state_dict())
    x = torch.randn(1, 1 + 2 * 8 * 8, 4)                        # (B, N, D)
    assert by_2(x, (2, 8, 8))[1] == (2, 4, 4) and by_4(x, (2, 8, 8))[1] == (2, 2, 2)


def test_cost_is_level():
    """The linear layers of ordinary blocks cost the same in all stages, attention half."""
    ordinary = [row for row in PLAN if not row.grows and not row.q_stride]
    assert {row.stage for row in ordinary} == {4, 5}
    linear = [block_cost(row, MVIT_B).by_operator['linear'] for row in ordinary]
    assert max(linear) < 1.003 * min(linear) and abs(linear[0] / 2.776e9 - 1) < 1e-3
    attention = {row.stage: block_cost(row, MVIT_B).by_operator['attention']
                 for row in PLAN if not row.q_stride}           # one of each stage
    assert list(attention) == [2, 3, 4, 5]
    halves = [attention[stage] / attention[stage + 1] for stage in (2, 3, 4)]
    assert halves == pytest.approx([2, 2, 2], rel=0.005)
    weights = [row.num_heads * row.tokens_out * row.tokens_kv for row in PLAN]
    assert [round(n / 1e6, 1) for n in weights[:4]] == [9.9, 19.7, 4.9, 9.8]
    assert round(8 * PLAN[0].tokens_out * PLAN[0].tokens_kv / 1e6, 1) == 78.9


def test_stem_and_head():
    network = network_plan(MVIT_B)
    assert network.blocks == PLAN
    assert [len(stage) for stage in network.stages] == [1, 2, 11, 2]
    assert network.stem.tokens == PLAN[0].tokens_in == 25089
    assert network.stem.pos_tables == {'space': 56 * 56, 'time': 8, 'cls': 1}
    assert network.head == HeadPlan(768, 400, 'cls')
    joint = network_plan(replace(MVIT_B, pos_embed='joint', cls_token=False))
    assert joint.stem.pos_tables == {'joint': 8 * 56 * 56} and joint.head.pooling == 'mean'


def test_plans_are_values():
    assert block_plan(MViTConfig()) == PLAN and hash(PLAN) == hash(block_plan(MVIT_B))
    assert hash(network_plan(MVIT_B)) == hash(network_plan(MViTConfig()))


def test_names():
    """What was exported by the lesson before rows had a module of their own still is."""
    names = {'BlockPlan', 'StemPlan', 'HeadPlan', 'NetworkPlan', 'network_plan', 'block_plan',
             'plan_table'}
    assert names == set(mvit_nb.plan.__all__)
    assert isinstance(PLAN[0], BlockPlan) and mvit_nb.BlockPlan is BlockPlan
    network = network_plan(MVIT_B)
    assert isinstance(network, NetworkPlan) and isinstance(network.stem, StemPlan)


def test_table():
    table = plan_table(MVIT_B)
    assert table.count('\n') == 17                     # two lines of head, 16 of plan
    assert '| 3 | 4 | 384 | 4 | 8×28×28 | 1×2×2 | 8×14×14 | 1×2×2 | 8×14×14 |' in table
    assert '| 13 | 4 | 384→768 | 4 | 8×14×14 | – | 8×14×14 | 1×2×2 | 8×7×7 |' in table


def test_smallest_crop():
    """Three poolings by 2 need five rows of tokens: 5, 3, 2, 1."""
    assert [row.thw_out[1] for row in block_plan(MViTConfig(image_size=17)) if row.q_stride] == [
        3, 2, 1]
    with pytest.raises(ValueError, match='too small'):
        MViTConfig(image_size=16)


def test_pooling_time():
    """Q pooled along T as well: 8, 4, 2, 1; the K,V stride along T cannot go below 1."""
    rows = block_plan(get_config('mvit_b_16x4', q_stride=(2, 2, 2)))
    assert rows[-1].thw_out == (1, 7, 7) and {row.kv_stride[0] for row in rows} == {1}
    nine = block_plan(get_config('mvit_b_16x4', q_stride=(2, 2, 2), num_frames=9))
    assert nine[-1].thw_out == (1, 7, 7)
    with pytest.raises(ValueError, match='at least 9 frames'):
        get_config('mvit_b_16x4', q_stride=(2, 2, 2), num_frames=8)


def test_finer_keys():
    """K,V by 1×4×4: 14×14 in most blocks; in block 14 the stride cannot follow any more."""
    rows = block_plan(get_config('mvit_b_16x4', kv_stride=(1, 4, 4)))
    assert all(row.thw_kv == (8, 14, 14) for row in rows if row.index not in (1, 3, 14, 15))
    assert [rows[i].thw_kv[1] for i in (1, 3, 14, 15)] == [28, 28, 14, 7]


def test_max_pooling():
    """Kernel s + 1, and no layer where it would do nothing; the grids are the same."""
    rows = block_plan(get_config('mvit_b_16x4_maxpool'))
    assert [rows[i].kv_kernel for i in (0, 1, 3, 14, 15)] == [
        (1, 9, 9), (1, 5, 5), (1, 3, 3), None, None]
    assert [row.thw_kv for row in rows] == [row.thw_kv for row in PLAN]
    early = block_plan(replace(MVIT_B, kv_pool_unit_stride=False))
    assert [row.index for row in early if row.kv_kernel is None] == [14, 15]


def test_fixed_strides_starve():
    """Table 14: what each K,V stride leaves in the last block."""
    left = {name: math.prod(block_plan(config)[15].thw_kv) for name, config in TABLE_14.items()}
    assert left == {'none': 392, '1×4×4 fixed': 32, '2×4×4 fixed': 16, '2×4×4 adaptive': 196,
                    '1×8×8 adaptive': 392, '2×8×8 adaptive': 196}
    assert {row.kv_stride for row in block_plan(TABLE_14['1×4×4 fixed'])} == {(1, 4, 4)}
    assert all(row.kv_stride is None and row.thw_kv == row.thw_in
               for row in block_plan(TABLE_14['none']))
    assert block_plan(TABLE_14['1×8×8 adaptive'])[15].kv_stride is None     # s = 1, kernel 1
    assert round(cost(TABLE_14['none']).flops / 1e9) == 280                 # 130.8 in the paper


def test_other_networks():
    names = 'vit_b_8x8', 'mvit_s_16x4', 'mvit_b_24_32x3', 'mvit_b_16'
    vit, small, deep, image = (block_plan(get_config(name)) for name in names)
    assert [rows[-1].dim for rows in (vit, small, deep, image)] == [768, 512, 768, 768]
    assert [rows[-1].thw_out for rows in (vit, small, deep, image)] == [
        (8, 14, 14), (8, 7, 7), (16, 7, 7), (1, 7, 7)]
    assert all(row.q_stride is row.kv_stride is None and not row.grows for row in vit)
    assert {row.thw_in + row.thw_out + row.thw_kv for row in vit} == {3 * (8, 14, 14)}
    grids = [(math.prod(row.thw_out), math.prod(row.thw_kv)) for row in image]
    assert [i for i, (queries, keys) in enumerate(grids) if keys > queries] == [3, 14]
    assert [i for i, (queries, keys) in enumerate(grids) if keys >= queries] == [1, *range(3, 16)]


def test_two_scales():
    """The 2-scale ViT-B of table 10."""
    config = get_config('vit_b_8x8', depths=(6, 6), dim_mul=1, head_mul=1)
    row, = (row for row in paper_tables() if row['name'] == '2-scale ViT-B, Q pool')
    assert network_plan(config) == network_plan(MViTConfig(**row['config']))
    assert [(r.index, r.thw_out) for r in block_plan(config) if r.q_stride] == [(6, (8, 7, 7))]
    assert abs(cost(config).flops / 1e9 - row['gflops']) < 0.1
    assert abs(cost(get_config('vit_b_8x8')).flops / 1e9 - 179.6) < 0.1


def test_names_are_overrides():
    assert get_config('mvit_b_16x4') == MVIT_B
    assert get_config('mvit_b_16x4', num_classes=10) == replace(MVIT_B, num_classes=10)


@pytest.mark.parametrize('name', list_models())
def test_skip_shrinks_like_q(name):
    """The max pooling on the skip ends on the grid of the queries."""
    for row in block_plan(get_config(name)):
        shrunk = pooled_thw(row.thw_in, row.skip_kernel, row.q_stride)
        assert shrunk == row.thw_out
        if row.q_stride in (None, (1, 1, 1)):
            assert row.skip_kernel is None and row.thw_in == row.thw_out
        else:
            assert row.skip_kernel == tuple(s + 1 if s > 1 else 1 for s in row.q_stride)


def test_drop_rates():
    """Stochastic depth rises linearly to the rate of the last block."""
    rates = [row.drop_path for row in block_plan(MViTConfig(drop_path_rate=0.2))]
    assert rates == pytest.approx([0.2 * i / 15 for i in range(16)])
    assert block_plan(MViTConfig(depths=(1,), drop_path_rate=0.2))[0].drop_path == 0
