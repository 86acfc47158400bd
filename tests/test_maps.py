"""The map of a network is legible for all named models and for odd ones, and exactly its lit parts are full.

    pytest tests/test_maps.py -k mvit_b_16x4
"""
from itertools import combinations

import matplotlib.pyplot as plt
import pytest

from mvit_nb import MViTConfig, get_config, list_models
from mvit_nb.figures.map_block import PARTS, network_parts
from mvit_nb.figures.network import draw_network
from mvit_nb.figures.pen import FADED
from mvit_nb.plan import network_plan

SIX = dict(depths=(1, 1, 2, 3, 2, 1), image_size=448, head_mul=1.0)
ODD = {'no class token': dict(cls_token=False), 'no positions': dict(pos_embed='none'),
       'one block': dict(depths=(1,)), 'no K,V pooling': dict(kv_stride=None),
       'some K,V pooling': dict(kv_pool_unit_stride=False), 'grey': dict(in_chans=1),
       'fixed K,V strides': dict(kv_adaptive=False), 'time is pooled': dict(q_stride=(2, 2, 2)),
       'slow growth': dict(dim_mul=1.5, head_mul=1.5, num_heads=8), 'six stages': SIX,
       'bare': dict(cls_token=False, pos_embed='none'), 'relative': dict(rel_pos='space_time'),
       'residual': dict(residual_pooling='with_cls'), 'in attention': dict(grow_in='attention'),
       'Q everywhere': dict(q_pool_unit_stride=True), 'mean': dict(mean_pooling=True)}
LARGE = 'maxpool', 'mvitv2_b', 'mvitv2_l_', 'mvit_b_64', 'mvit_b_24_'              # like others here
NAMED = [name for name in list_models() if not any(part in name for part in LARGE)]
CONFIGS = {name: get_config(name) for name in NAMED} | {
    name: MViTConfig(**changes) for name, changes in ODD.items()}


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close('all')


@pytest.mark.parametrize('name', CONFIGS)
def test_texts_are_apart_and_on_the_page(name):
    fig = draw_network(CONFIGS[name], costs=True)
    boxes = [(text.get_text(), text.get_window_extent(), text.get_fontsize()) for text in fig.axes[0].texts]
    for (a, box, _), (b, other, _) in combinations(boxes, 2):
        assert not box.overlaps(other), (a, b)
    for text, box, size in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and size >= 9, text
        assert box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1, text


def alphas(fig, part):
    """The alphas of all that belongs to a part alone."""
    ax = fig.axes[0]
    return {a.get_alpha() for a in (*ax.patches, *ax.lines, *ax.texts) if a.get_gid() == part}


@pytest.mark.parametrize('name', ['mvit_b_16x4', 'mvit_s_16x4', 'mvit_b_16', 'mvit_b_24', 'mvitv2_l'])
def test_exactly_the_lit_parts_are_full(name):
    there = network_parts(network_plan(CONFIGS[name]))
    full = draw_network(CONFIGS[name])
    assert all(alphas(full, part) == ({1.0} if part in there else set()) for part in PARTS)
    for lit in there if name == 'mvit_b_16x4' else there[2::7]:
        fig = draw_network(CONFIGS[name], lit)
        assert alphas(fig, lit) == {1.0}
        assert all(alphas(fig, part) == {FADED} for part in there if part != lit)
        plt.close(fig)
