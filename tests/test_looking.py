"""What a model looks at, for every named model: shares that sum to one, maps of each stage.

    pytest tests/test_looking.py -k mvitv2_s
"""
import math

import pytest
import torch
from test_models import random_clip, small_overrides
from torch.testing import assert_close

from mvit_nb import create_model, get_config, list_models
from mvit_nb.analysis.gradcam import CutModel, cut_of, grad_cam, map_grid
from mvit_nb.analysis.map_checks import cover_cells
from mvit_nb.analysis.rollout import patch_grid, rollout, token_shares


def small(name):
    """A model of at most two blocks a stage, with weights that make a difference, and two clips."""
    torch.manual_seed(0)
    depths = tuple(min(n, 2) for n in get_config(name).depths)
    config = get_config(name, **small_overrides(name), depths=depths)
    model = create_model(config).eval()
    for p in model.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.2)
    return model, random_clip(config)


@pytest.mark.parametrize('name', list_models())
def test_rollout(name):
    """Shares of each clip sum to one, with every way to fuse heads; the map is that of the cubes."""
    model, clip = small(name)
    for fuse in ('mean', 'max', 'even'):
        shares = token_shares(model, clip, fuse)
        assert (shares >= 0).all()
        assert_close(shares.sum(1), torch.ones(2))
    heat, grid = rollout(model, clip), patch_grid(model.config)
    assert grid.thw == model.embed(clip)[1] == heat.shape[1:]
    assert_close(heat.sum((1, 2, 3)), token_shares(model, clip)[:, -math.prod(grid.thw):].sum(1))
    assert rollout(model, clip, over_even=True, pixels=True).shape == (2, *clip.shape[2:])


@pytest.mark.parametrize('name', list_models())
def test_grad_cam(name):
    """Each stage has a map on its own grid that is zero nowhere but by ReLU, and depends on the
    class; cutting the network leaves its logits alone."""
    model, clip = small(name)
    stages = sorted({row.stage for row in model.plan})
    ends = {row.stage: row.thw_out for row in model.plan if row.last}
    for stage in stages:
        assert torch.equal(CutModel(model, cut_of(model, stage))(clip), model(clip))
        first, second = (grad_cam(model, clip, c, stage, relu=False) for c in (0, 1))
        assert map_grid(model, stage=stage).thw == ends[stage] == first.shape[1:]
        assert first.isfinite().all()
        assert all(heat.abs().max() > 1e-6 for heat in first)
        assert not torch.allclose(first, second, rtol=0.01)
    assert torch.equal(grad_cam(model, clip, 0), grad_cam(model, clip, 0, stages[-1]))


def test_cover_cells_of_even_windows():
    """Cells between two pixels: each pixel belongs to exactly one cell, and all cells cover all."""
    model, clip = small('vit_b_8x8')
    grid = map_grid(model)
    counts = torch.zeros(clip.shape[2:])
    for i in range(math.prod(grid.thw)):
        cells = torch.zeros(2, math.prod(grid.thw), dtype=torch.bool)
        cells[:, i] = True
        covered = cover_cells(clip, cells.view(2, *grid.thw), grid)
        counts += (covered != clip).all(1)[0]
    assert (counts == 1).all()
