"""The named models: plan, parameters, and a forward pass of a small version of each.

    pytest tests/test_models.py -k mvit_b_16x4
"""
from dataclasses import replace

import pytest
import torch

from mvit_nb import MViTConfig, block_plan, cost, create_model, get_config, list_models
from mvit_nb.analysis.paper import paper_tables
from mvit_nb.plan import network_plan

NAMES = list_models()
PLAIN = MViTConfig()
V2 = [name for name in NAMES if name.startswith('mvitv2')]


def without_rate(config):
    """A config without its sampling rate and how pixels are normalized, which no network sees."""
    pixels = dict(pixel_mean=PLAIN.pixel_mean, pixel_std=PLAIN.pixel_std)
    return replace(config, sampling_rate=1, **pixels)


IN_PAPER = {without_rate(MViTConfig(**row['config'])): row['params_m']       # in 10⁶
            for row in paper_tables() if row['config'] is not None and 'params_m' in row}


def small_overrides(name):
    """A version of a named model that runs in a blink: fewer channels and frames, smaller crops."""
    config = get_config(name)
    wide = config.num_heads == 1 and config.embed_dim < 192
    dim = 16 if wide else 4 * config.num_heads
    H, W = (4 * stride * 8 // max(1, 2 ** (5 - len(config.depths)))
            for stride in config.patch_stride[1:])
    return dict(embed_dim=dim, image_size=(H, W), num_frames=min(config.num_frames, 4),
                num_classes=7)


def random_clip(config, batch=2):
    return torch.randn(batch, config.in_chans, *config.clip_size)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_most_models_are_in_the_paper():
    """More than half of MViT's models; none of MViTv2's, which have switches that are set."""
    names = [name for name in NAMES if name not in V2]
    assert sum(without_rate(get_config(name)) in IN_PAPER for name in names) > len(names) / 2
    assert len(V2) == 8 and not any(without_rate(get_config(name)) in IN_PAPER for name in V2)


def test_switches_of_named_models():
    """All five are set in MViTv2, but for growth in the image model L; none in the others."""
    switches = 'rel_pos', 'residual_pooling', 'grow_in', 'q_pool_unit_stride', 'pos_embed'
    for name in NAMES:
        config = get_config(name)
        changed = {field for field in switches if getattr(config, field) != getattr(PLAIN, field)}
        if name not in V2:
            assert changed <= {'pos_embed'} and config.pos_embed != 'none'
            continue
        assert set(switches) - changed == ({'grow_in'} if name == 'mvitv2_l' else set())
        assert config.rel_pos == ('space' if config.num_frames == 1 else 'space_time')


@pytest.mark.parametrize('name', NAMES)
def test_plan_is_a_chain(name):
    """Each block takes what the one before it gives, and the stages are those of the config."""
    config, network = get_config(name), network_plan(get_config(name))
    rows = network.blocks
    assert rows == block_plan(config)
    assert [len(stage) for stage in network.stages] == list(config.depths)
    assert (rows[0].thw_in, rows[0].dim) == (network.stem.thw, network.stem.dim)
    for before, after in zip(rows, rows[1:]):
        assert after.index == before.index + 1
        assert (after.thw_in, after.dim) == (before.thw_out, before.dim_out)
        assert after.first == before.last == (after.stage != before.stage)
    for row in rows:
        pools = row.skip_kernel is not None
        assert pools == (row.thw_in != row.thw_out)
        assert (row.skip == 'identity') == (row.dim_attn == row.dim_out)
        assert row.dim == row.dim_attn or (config.grow_in == 'attention' and row.first)
    assert (network.head.dim, network.head.num_classes) == (rows[-1].dim_out, config.num_classes)


@pytest.mark.parametrize('name', NAMES)
def test_parameters(name):
    """The model has as many parameters as `cost` counts, and its blocks the shapes of the plan."""
    with torch.device('meta'):
        model = create_model(name)
    params = sum(p.numel() for p in model.parameters())
    assert params == cost(get_config(name)).params
    paper = IN_PAPER.get(without_rate(get_config(name)))
    assert paper is None or abs(params / 1e6 / paper - 1) < 0.01
    for row, block in zip(model.plan, model.blocks, strict=True):
        assert block.attn.qkv.weight.shape == (3 * row.dim_attn, row.dim)
        assert (block.attn_proj is not None) == row.attn_skip_projects
        tables = [name for name, _ in block.attn.named_parameters() if 'rel_pos' in name]
        assert len(tables) == sum(rows > 0 for rows in row.rel_lengths or ())
        assert block.mlp.fc1.weight.shape == (row.hidden, row.dim_attn)
        assert block.mlp.fc2.weight.shape == (row.dim_out, row.hidden)
        assert (block.skip_proj is not None) == row.skip_projects


@pytest.mark.parametrize('name', NAMES)
def test_forward_shapes(name):
    """Logits and the feature pyramid of a small version, with the shapes of its plan."""
    config = get_config(name, **small_overrides(name))
    model, clip = create_model(config).eval(), random_clip(config)
    with torch.no_grad():
        logits, maps = model(clip), model.feature_pyramid(clip)
    assert logits.shape == (2, 7) and logits.isfinite().all()
    ends = [stage[-1] for stage in network_plan(config).stages]
    assert [tuple(m.shape) for m in maps] == [(2, row.dim_out, *row.thw_out) for row in ends]
    if config.num_frames == 1:
        with torch.no_grad():
            assert torch.equal(model(clip[:, :, 0]), logits)


@pytest.mark.parametrize('name', ['mvit_b_16x4', 'mvit_b_16', 'vit_b_8x8', 'mvitv2_s_16x4',
                                  'mvitv2_s'])
def test_one_graph(name):
    """`torch.compile` finds no graph break, and `torch.export` leaves the batch size open."""
    depths = (1,) * len(get_config(name).depths)
    config = get_config(name, **small_overrides(name), depths=depths)
    model, clip = create_model(config).eval(), random_clip(config)
    torch.compiler.reset()
    with torch.no_grad():
        expected = model(clip)
        compiled = torch.compile(model, fullgraph=True, backend='eager')(clip)
        dynamic = ({0: torch.export.Dim.DYNAMIC},)
        graph = torch.export.export(model, (clip,), dynamic_shapes=dynamic).module()
        torch.testing.assert_close(compiled, expected)
        torch.testing.assert_close(graph(clip), expected)
        torch.testing.assert_close(graph(clip[:1]), expected[:1])


@pytest.mark.parametrize('name', ['mvit_b_16x4', 'mvitv2_s_16x4'])
def test_one_graph_for_other_sizes(name):
    """A compiled model takes clips of other lengths and crops, without a graph break either."""
    config = get_config(name, **small_overrides(name), depths=(1, 1))
    model = create_model(config).eval()
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend='eager')
    with torch.no_grad():
        for size in ((4, 64, 64), (4, 96, 64), (6, 96, 80)):
            clip = torch.randn(2, config.in_chans, *size)
            torch.testing.assert_close(compiled(clip), model(clip))


@pytest.mark.parametrize('name', ['mvit_b_16x4', 'mvit_b_16', 'vit_b_8x8', 'mvitv2_s_16x4',
                                  'mvitv2_s'])
def test_state_dict_goes_round(name):
    """Another seed gives other logits; its weights, loaded strictly, give the same."""
    config = get_config(name, **small_overrides(name))
    clip, first, second = random_clip(config), create_model(config), create_model(config)
    with torch.no_grad():
        assert not torch.allclose(first.eval()(clip), second.eval()(clip), atol=1e-4)
        second.load_state_dict(first.state_dict())
        assert torch.equal(first(clip), second(clip))


@pytest.mark.parametrize('name', ['mvitv2_s_16x4', 'mvitv2_s'])
def test_bfloat16(name):
    """Under autocast, and with all weights in bfloat16, logits are those of float32 within the
    precision of the format, and gradients are finite."""
    config = get_config(name, **small_overrides(name), depths=(1, 1, 2))
    model, clip = create_model(config), random_clip(config)
    for p in model.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.2)
    half = create_model(config).bfloat16()
    half.load_state_dict(model.state_dict())
    with torch.no_grad():
        expected = model.eval()(clip)
        with torch.autocast('cpu', torch.bfloat16):
            cast = model(clip)
        for logits in (cast, half.eval()(clip.bfloat16())):
            assert logits.dtype == torch.bfloat16
            assert (logits.float() - expected).norm() < 0.05 * expected.norm()
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.train()(clip).float().square().mean()
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
