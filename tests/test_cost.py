"""Closed formulas of cost against loops, traces, PyTorch's counter, the paper, and what autograd keeps.

    pytest tests/test_cost.py -k by_hand
"""
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from mvit_nb import block_plan, cost, count_flops, get_config
from mvit_nb.analysis.memory import measure_saved, saved_for_backward
from mvit_nb.analysis.outliers import last_stage_unpooled
from mvit_nb.analysis.paper import recompute_tables
from mvit_nb.cost import OPERATORS, Cost, block_cost
from mvit_nb.model import MViT
from mvit_nb.plan import network_plan

MVIT_B, VIT_B = get_config('mvit_b_16x4'), get_config('vit_b_8x8')
SMALL = get_config('mvit_b_16x4', image_size=64, num_frames=4)


def empty_model(config):
    """A model with whatever weights lie in memory: counting needs no others."""
    with torch.device('meta'):
        model = MViT(config)
    return model.to_empty(device='cpu').eval()


def zero_clip(config, batch=1):
    return torch.zeros(batch, config.in_chans, *config.clip_size)


def test_a_linear_layer_by_hand():
    tokens, weight = torch.randn(5, 3), torch.randn(4, 3)          # (N, D), (D', D)
    out, count = torch.zeros(5, 4), 0
    for n in range(5):
        for j in range(4):
            for i in range(3):
                out[n, j] += tokens[n, i] * weight[j, i]
                count += 1
    torch.testing.assert_close(out, F.linear(tokens, weight))
    assert count == 5 * 3 * 4 == count_flops(nn.Linear(3, 4), tokens).flops


def test_block_1_by_hand():
    """The block whose K and V lie on 14×14: five terms."""
    N, N_Q, N_K, D = 8*56*56 + 1, 8*28*28 + 1, 8*14*14 + 1, 192
    block = block_cost(block_plan(MVIT_B)[1], MVIT_B)
    assert block.by_operator == {
        'conv': 27 * D * (8*28*28 + 2 * 8*14*14),          # not the class token
        'linear': 3 * N * D * D + N_Q * D * D + N_Q * 4 * D * (D + D),
        'attention': 2 * N_Q * N_K * D}
    assert block.params == (3 * D * (D + 1) + 3 * (27 + 2) * 96 + D * (D + 1)
                            + 4 * D * (D + 1) + D * (4 * D + 1) + 4 * D)


def test_a_growing_block_by_hand():
    """Block 0 makes twice the channels: a wider second layer of the MLP, a linear layer on the skip."""
    N, D = 8*56*56 + 1, 96
    block = block_cost(block_plan(MVIT_B)[0], MVIT_B)
    assert block.by_operator['linear'] == N * (4 * D * D + 4 * D * (D + 2 * D) + 2 * D * D)
    assert block.by_operator['attention'] == 2 * N * (8*7*7 + 1) * D
    plain = block_cost(replace(block_plan(MVIT_B)[0], skip='none'), MVIT_B)
    assert block.params - plain.params == 2 * D * (D + 1)


def test_block_0_against_vit():
    """Three eighths of the linear layers (16 times the tokens, an eighth of the channels, 18 instead
    of 12 N·D²), half of the attention."""
    mvit, vit = (cost(config).blocks[0].by_operator for config in (MVIT_B, VIT_B))
    assert abs(mvit['linear'] / vit['linear'] - 3 / 8) < 1e-3
    assert abs(mvit['attention'] / vit['attention'] - 1 / 2) < 1e-2


def test_totals_of_the_paper():
    total = cost(MVIT_B)
    assert abs(total.flops / 70.5e9 - 1) < 0.002 and abs(total.params / 36.6e6 - 1) < 0.001
    shares = {op: round(100 * n / total.flops) for op, n in total.by_operator.items()}
    assert shares == {'conv': 2, 'linear': 78, 'attention': 20}
    parts = (total.stem, *total.blocks, total.head)
    assert total.flops == sum(part.flops for part in parts)
    assert total.params == sum(part.params for part in parts)
    assert round(total.flops / cost(VIT_B).flops, 2) == 0.39
    assert [i for i, b in enumerate(total.blocks) if b.flops > total.blocks[4].flops] == [
        0, 1, 2, 3, 13, 14]


def test_where_it_goes_by_stage():
    total, shares = cost(MVIT_B), []
    for rows in network_plan(MVIT_B).stages:
        parts = [total.blocks[row.index] for row in rows]
        flops = sum(b.flops for b in parts)
        attention = sum(b.by_operator['attention'] for b in parts)
        shares.append((round(100 * flops / total.flops), round(100 * attention / flops)))
    assert shares == [(9, 31), (20, 34), (58, 16), (13, 13)]


def test_attention_grows_until_it_leads():
    def by_operator(frames):
        return cost(replace(MVIT_B, num_frames=frames)).by_operator
    leads = [T for T in range(16, 100, 2) if by_operator(T)['attention'] > by_operator(T)['linear']]
    assert leads[0] == 62
    long = cost(get_config('mvit_b_64x3'))
    assert 0.5 < long.by_operator['attention'] / long.flops < 0.52
    for config, growth in ((VIT_B, 22), (MVIT_B, 14), (replace(MVIT_B, kv_stride=None), 45)):
        few, many = (cost(replace(config, num_frames=T)).flops for T in (8, 64))
        assert round(many / few) == growth


def test_heads_cost_no_multiply_adds():
    assert len({cost(replace(MVIT_B, num_heads=h)).flops
                - cost(replace(MVIT_B, num_heads=h)).by_operator['conv'] for h in (1, 2, 4)}) == 1


@pytest.mark.parametrize('config', [SMALL, replace(SMALL, pool_mode='max', pool_kernel=None),
                                    replace(VIT_B, num_frames=2, image_size=64, depths=(2,))],
                         ids=['conv', 'max', 'vit'])
def test_formula_is_trace(config):
    """Equality of integers: each operator and the parameters, for the model and for every block."""
    traced, formula = count_flops(empty_model(config), zero_clip(config)), cost(config)
    assert (traced.by_operator, traced.params) == (formula.by_operator, formula.params)
    assert traced.blocks == formula.blocks


def torch_counts(model, clip):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(clip)
    kinds = {'convolution': 'conv', 'addmm': 'linear'}
    counts = dict.fromkeys(OPERATORS, 0)
    for op, n in counter.get_flop_counts()['Global'].items():
        counts[kinds.get(str(op).split('.')[1], 'attention')] += n
    return counts


def test_torch_counts_twice():
    """On the meta device all of it; on a CPU fused attention is not on the list of torch 2.13."""
    with torch.device('meta'):
        on_meta = torch_counts(MViT(MVIT_B).eval(), zero_clip(MVIT_B))
    assert on_meta == {op: 2 * n for op, n in cost(MVIT_B).by_operator.items()}
    on_cpu, ours = torch_counts(empty_model(SMALL), zero_clip(SMALL)), cost(SMALL).by_operator
    assert all(on_cpu[op] == 2 * ours[op] for op in ('conv', 'linear'))
    assert on_cpu['attention'] in (0, 2 * ours['attention'])


def test_fvcore_alone_misses_attention():
    from fvcore.nn import FlopCountAnalysis
    naive = FlopCountAnalysis(empty_model(SMALL), zero_clip(SMALL))
    naive.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    counted, ours = naive.by_operator(), cost(SMALL).by_operator
    assert (counted['conv'], counted['linear']) == (ours['conv'], ours['linear'])
    assert set(counted) == {'conv', 'linear', 'layer_norm'}
    assert naive.unsupported_ops()['aten::scaled_dot_product_attention'] == 16


def test_the_papers_numbers():
    rows = recompute_tables()
    off = [row[f'{q}_difference'] for row in rows for q in ('gflops', 'params_m') if q in row]
    assert (len(rows), len(off), sum(abs(d) <= 0.01 for d in off)) == (50, 82, 74)
    settled = [row for row in rows if abs(row.get('gflops_difference', 0)) > 0.01
               and abs(last_stage_unpooled(row['config']) / 1e9 / row['gflops'] - 1) < 0.001]
    assert [row['table'] for row in settled] == ['10', '13', '14', '14']


def test_costs_are_records():
    toy = Cost({'conv': 1000, 'linear': 20_000, 'attention': 300}, params=1234)
    assert toy.flops == 21_300 and str(toy).startswith('21.3 k multiply-adds')
    again = Cost({'attention': 300, 'linear': 20_000, 'conv': 1000}, params=1234)
    assert toy == again and hash(toy) == hash(again)
    with pytest.raises(TypeError, match='expected an MViTConfig, got str'):
        cost('mvit_b_16x4')
    with pytest.raises(ValueError, match=r'dim_attn .* 2 heads, got 193'):
        block_cost(replace(block_plan(MVIT_B)[1], dim_attn=193), MVIT_B)
    with pytest.raises(ValueError, match='expected tables'):
        block_cost(replace(block_plan(MVIT_B)[1], rel_lengths=(15, 54, 55)), MVIT_B)


def test_growth_in_attention_by_hand():
    """Block 1 of MViTv2-S: 96 channels come in, 192 leave attention; tables of 15, 55 and 55 rows."""
    config = get_config('mvitv2_s_16x4')
    block = block_cost(block_plan(config)[1], config)
    L_Q, L_K = 8 * 28 * 28, 8 * 14 * 14
    N, N_Q, N_K, D, A = 8 * 56 * 56 + 1, L_Q + 1, L_K + 1, 96, 192
    assert block.by_operator == {
        'conv': 27 * A * (L_Q + 2 * L_K),
        'linear': 3 * N * D * A + N * D * A + N_Q * A * A + N_Q * 2 * A * 4 * A,
        'attention': 2 * N_Q * N_K * A + L_Q * A * (8 + 14 + 14)}
    assert block.params == (3 * A * (D + 1) + A * (D + 1) + 3 * (27 + 2) * 96 + A * (A + 1)
                            + 4 * A * (A + 1) + A * (4 * A + 1) + 2 * D + 2 * A
                            + (15 + 55 + 55) * 96)


def test_gelu_keeps_its_input():
    x, W = torch.randn(5, 3, requires_grad=True), nn.Parameter(torch.randn(3, 4))
    kept = []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        F.gelu(x @ W)
    assert sorted(tuple(t.shape) for t in kept) == [(3, 4), (5, 3), (5, 4)]
    assert any(t.data_ptr() == W.data_ptr() for t in kept)


def test_predicted_memory_is_measured_memory():
    net = empty_model(SMALL).train()
    for batch in (1, 2):
        measured = measure_saved(net, zero_clip(SMALL, batch))
        assert measured == saved_for_backward(SMALL, batch=batch)


def test_recomputed_blocks_keep_their_input_only():
    """73 MB of a clip of MViT-B instead of 0.81 GB."""
    class Recomputed(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.block = block

        def forward(self, x, thw):
            return checkpoint(self.block, x, thw, use_reentrant=False)

    def inputs(config):
        return tuple(4 * row.tokens_in * row.dim for row in block_plan(config))

    net = empty_model(SMALL).train()
    net.blocks = nn.ModuleList(map(Recomputed, net.blocks))
    assert measure_saved(net, zero_clip(SMALL)) == inputs(SMALL)
    assert round(sum(inputs(MVIT_B)) / 1e6) == 73
    assert round(sum(saved_for_backward(MVIT_B)) / 1e9, 2) == 0.81


def test_a_second_head_keeps_a_second_map():
    def kept(heads, kv_stride):
        config = replace(MVIT_B, num_heads=heads, kv_stride=kv_stride)
        return sum(saved_for_backward(config, fused=False)) / 1e9
    assert round(kept(2, None) - kept(1, None), 1) == 4.7
    assert round(kept(2, (1, 8, 8)) - kept(1, (1, 8, 8)), 1) == 0.3
