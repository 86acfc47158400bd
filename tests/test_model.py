"""The whole network of the lesson on MViT: cubes, position embeddings, the head, ViT as a special case, other sizes.

    pytest tests/test_model.py -k pos_embed
"""
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mvit_nb import MViTConfig, block_plan, create_model, get_config
from mvit_nb.analysis.paper import paper_tables
from mvit_nb.init import init_weights
from mvit_nb.model import MViT, PosEmbed
from mvit_nb.plan import network_plan
from mvit_nb.position import resize_table
from mvit_nb.vit import PatchEmbed, ViT

KINDS = 'none', 'space', 'joint', 'separate'
SMALL = MViTConfig(num_frames=4, image_size=32, num_classes=5, embed_dim=16,
                   num_heads=2, depths=(1, 2, 2), kv_stride=(1, 4, 4))
MVIT_B = get_config('mvit_b_16x4')


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def clip(config=SMALL, batch=2, **size):
    config = replace(config, **size)
    return torch.randn(batch, config.in_chans, *config.clip_size)


def made(config=SMALL, **overrides):
    return create_model(config, **overrides).eval()


def pos_embed(kind, config=MVIT_B, dim=8):
    stem = network_plan(replace(config, pos_embed=kind)).stem
    return PosEmbed(stem.pos_tables, stem.thw, dim)


def test_a_token_is_its_cube_times_the_weights():
    """Cut out the cube by hand: three frames around 2t, seven pixels around 4h and 4w."""
    cubes = PatchEmbed(3, 16, (3, 7, 7), (2, 4, 4), (1, 3, 3))
    pixels = torch.randn(1, 3, 8, 48, 48)
    tokens, thw = cubes(pixels)
    assert thw == (4, 12, 12)
    for t, h, w in ((1, 5, 7), (3, 11, 1), (2, 1, 11)):
        cube = pixels[0, :, 2*t - 1:2*t + 2, 4*h - 3:4*h + 4, 4*w - 3:4*w + 4]
        by_hand = (cubes.proj.weight * cube).sum((1, 2, 3, 4)) + cubes.proj.bias
        assert_close(tokens.unflatten(1, thw)[0, t, h, w], by_hand)


def test_cubes_read_a_pixel_once_to_eight_times():
    counter = PatchEmbed(1, 1, (3, 7, 7), (2, 4, 4), (1, 3, 3))
    nn.init.ones_(counter.proj.weight)
    ones = torch.ones(1, 1, 16, 64, 64, requires_grad=True)
    counter(ones)[0].sum().backward()
    reads = ones.grad[0, 0]
    assert (reads.min(), reads.max()) == (1, 8)
    inside = reads[:-2, :-4, :-4]              # whole steps, away from the far border
    assert_close(inside.mean(), torch.tensor(3/2 * 7/4 * 7/4))
    assert reads[0].max() == 4 and reads[1].max() == 8


def test_pos_embed_tables_and_parameters():
    """The differences between the whole models of table 11 are our tables, up to two roundings."""
    grid, D = 8 * 56 * 56, 96
    rows = {'none': 0, 'space': 56 * 56 + 1, 'joint': grid + 1, 'separate': 56 * 56 + 8 + 1}
    for kind, whole in zip(KINDS, (36.2, 36.5, 38.6, 36.5)):
        count = sum(p.numel() for p in pos_embed(kind, dim=D).parameters())
        assert count == rows[kind] * D
        assert abs(count / 1e6 - (whole - 36.2)) < 0.1


def test_pos_embed_values():
    """Space repeats in every frame, joint is its table, separate adds one vector to a whole frame."""
    grid = MVIT_B.patch_thw
    space = pos_embed('space')
    E = space(grid)[:, 1:].unflatten(1, grid)                  # (1, T, H, W, D)
    assert all(torch.equal(E[:, 0], E[:, t]) for t in range(8))
    assert_close(E[:, 0].flatten(1, 2), space.space)
    joint, separate = pos_embed('joint'), pos_embed('separate')
    assert torch.equal(joint(grid), joint.joint) and pos_embed('none')(grid) is None
    E = separate(grid)[:, 1:].unflatten(1, grid)
    step = E[:, 5] - E[:, 0]                                   # (1, H, W, D)
    assert_close(step, (separate.time[:, 5] - separate.time[:, 0]).expand_as(step))
    assert torch.equal(separate(grid)[:, :1], separate.cls)


def test_pos_embed_runs_through_w_then_h_then_t():
    toy = PosEmbed({'space': 6, 'time': 2, 'cls': 1}, (2, 2, 3), dim=1)
    toy.load_state_dict({'space': torch.arange(1., 7).view(1, 6, 1),
                         'time': torch.tensor([10., 20]).view(1, 2, 1),
                         'cls': torch.full((1, 1, 1), 99.)})
    assert toy((2, 2, 3)).flatten().tolist() == [99, *range(11, 17), *range(21, 27)]


@pytest.mark.parametrize('kind', KINDS)
def test_pos_embed_of_another_grid(kind):
    """The class row is never interpolated; the rest is `resize_table`."""
    net = made(pos_embed=kind)
    with torch.no_grad():
        tokens, thw = net.embed(torch.randn(1, 3, 6, 40, 32))
        pos = net.pos_embed(thw)
    assert thw == (3, 10, 8) and tokens.shape[1] == 1 + 3 * 10 * 8
    if kind == 'none':
        assert pos is None
        return
    assert pos.shape == (1, 1 + 3 * 10 * 8, 16)
    first = net.pos_embed.joint[:, :1] if kind == 'joint' else net.pos_embed.cls
    assert torch.equal(pos[:, :1], first)
    if kind == 'joint':
        assert_close(pos[:, 1:], resize_table(net.pos_embed.joint[:, 1:], (2, 8, 8), thw))
    else:
        space = resize_table(net.pos_embed.space, (1, 8, 8), (1, 10, 8))
        expected = space.unsqueeze(1).expand(-1, 3, -1, -1)
        if kind == 'separate':
            expected = expected + resize_table(net.pos_embed.time, (2, 1, 1), (3, 1, 1))[:, :, None]
        assert_close(pos[:, 1:], expected.flatten(1, 2))


@pytest.mark.parametrize('kind', KINDS)
def test_position_is_added_to_every_token(kind):
    net, pixels = made(pos_embed=kind), clip()
    with torch.no_grad():
        for parameter in net.pos_embed.parameters():
            nn.init.normal_(parameter)
        x, thw = net.embed(pixels)
        patches, _ = net.patch_embed(pixels)
        pos = net.pos_embed(thw)
    expected = torch.cat([net.cls_token.expand(2, -1, -1), patches], 1)
    assert_close(x, expected if pos is None else expected + pos)


@pytest.mark.parametrize('cls_token', [True, False])
def test_head_reads_one_normalized_vector(cls_token):
    """With a class token that vector, without one the mean of all normalized tokens."""
    net, kept = made(cls_token=cls_token), []
    nn.init.normal_(net.norm.weight)
    net.blocks[-1].register_forward_hook(lambda *call: kept.append(call[-1][0]))
    with torch.no_grad():
        logits = net(clip())
        x = kept[0]                            # (2, N, 64), before the last LayerNorm
        read = net.norm(x)[:, 0] if cls_token else net.norm(x).mean(1)
        assert_close(logits, net.head(read))
        other_order = net.head(net.norm(x.mean(1)))            # average, then normalize
    assert not torch.allclose(logits, other_order, atol=1e-3)


def test_dropout_acts_in_training_only():
    net = create_model(SMALL, dropout=0.5)
    pixels = clip()
    with torch.no_grad():
        assert not torch.equal(net(pixels), net(pixels))
        net.eval()
        assert torch.equal(net(pixels), net(pixels))


def test_weights_start_at_two_hundredths():
    with torch.no_grad():
        net = made(embed_dim=64)
        for parameter in net.parameters():
            parameter.fill_(7)
        init_weights(net)
    for name, parameter in net.named_parameters():
        module = net.get_submodule(name.rpartition('.')[0])
        if isinstance(module, nn.Linear) or name.startswith(('patch_embed', 'cls_token')):
            if name.endswith('bias'):
                assert not parameter.any(), name
            else:
                assert abs(parameter.std() - 0.02) < 0.005 and parameter.mean().abs() < 0.01, name
        else:                                                  # norms, pooling, position tables
            assert (parameter == 7).all(), name


def test_an_untrained_network_has_no_opinion():
    p = made(num_classes=400)(clip()).softmax(-1)
    entropy = -(p * p.log()).sum(1).mean()
    assert entropy > 0.95 * torch.tensor(400.).log()


def vit_and_mvit():
    same = dict(num_frames=4, image_size=48, num_heads=4, num_classes=10)
    vit = ViT(**same, dim=48, depth=3).eval()
    mvit = made('vit_b_8x8', **same, embed_dim=48, depths=(3,))
    weights = vit.state_dict()
    weights['pos_embed.joint'] = weights.pop('pos_embed')
    mvit.load_state_dict(weights)
    return vit, mvit, weights


def test_vit_is_mvit_with_one_stage_and_no_pooling():
    vit, mvit, _ = vit_and_mvit()
    frames = torch.randn(2, 3, 4, 48, 48)
    with torch.no_grad():
        assert_close(mvit(frames), vit(frames))
    rows = {replace(row, index=0, first=True, last=True)
            for row in block_plan(get_config('vit_b_8x8'))}
    assert len(rows) == 1                                      # one row, twelve times


def test_pooling_makes_another_function_of_the_same_weights():
    """K,V pooling changes the logits and leaves the grid; Q pooling changes both."""
    _, mvit, weights = vit_and_mvit()
    frames = torch.randn(2, 3, 4, 48, 48)
    kv = made(mvit.config, kv_stride=(1, 2, 2))
    q = made(mvit.config, depths=(1, 2), dim_mul=1, head_mul=1)
    for net, grid in ((kv, (4, 3, 3)), (q, (4, 2, 2))):
        net.load_state_dict(weights)
        with torch.no_grad():
            assert (net(frames) - mvit(frames)).abs().max() > 0.01
        assert net.plan[-1].thw_out == grid


@pytest.mark.parametrize('size', [(4, 64, 64), (8, 64, 64), (4, 96, 96), (6, 64, 96)])
def test_other_sizes_have_the_grids_of_their_plan(size):
    net = made(MVIT_B, num_frames=4, image_size=64, embed_dim=12)
    with torch.no_grad():
        maps = net.feature_pyramid(torch.randn(1, 3, *size))
    made_for = replace(net.config, num_frames=size[0], image_size=size[1:])
    ends = [rows[-1] for rows in network_plan(made_for).stages]
    assert [m.shape[2:] for m in maps] == [row.thw_out for row in ends]
    assert all(m.isfinite().all() for m in maps)


def test_resized_on_the_fly_is_converted_once():
    """A model of the new size with the two tables resized by hand computes the same logits."""
    narrow = made(MVIT_B, num_frames=4, image_size=64, embed_dim=12, depths=(1, 1, 2, 1))
    wide = made(narrow.config, num_frames=8, image_size=(64, 96))
    weights = narrow.state_dict()
    for key, old, new in (('pos_embed.space', (1, 16, 16), (1, 16, 24)),
                          ('pos_embed.time', (2, 1, 1), (4, 1, 1))):
        weights[key] = resize_table(weights[key], old, new)
    wide.load_state_dict(weights)
    other = torch.randn(1, 3, 8, 64, 96)
    with torch.no_grad():
        assert_close(wide(other), narrow(other))


def test_only_position_tables_know_the_size():
    with torch.device('meta'):
        a = MViT(MVIT_B).state_dict()
        b = create_model(MVIT_B, num_frames=32, image_size=256).state_dict()
        short, long = create_model('mvit_b_32x3'), create_model('mvit_b_64x3')
    assert [k for k in a if a[k].shape != b[k].shape] == ['pos_embed.space', 'pos_embed.time']
    counts = [sum(p.numel() for p in net.parameters()) for net in (short, long)]
    assert counts[1] - counts[0] == (64 // 2 - 32 // 2) * 96       # rows of the time table


@pytest.mark.parametrize('cls_token', [True, False])
def test_pyramid_is_what_leaves_the_stages(cls_token):
    """Hooks on the last block of each stage see the maps, and the head follows the last one."""
    net, kept = made(cls_token=cls_token), []
    ends = [row.index for row in net.plan if row.last]
    assert ends == [0, 2, 4]
    for i in ends:
        net.blocks[i].register_forward_hook(lambda *call: kept.append(call[-1][0]))
    with torch.no_grad():
        maps = net.feature_pyramid(clip())
    assert [tuple(m.shape) for m in maps] == [
        (2, 32, 2, 8, 8), (2, 64, 2, 4, 4), (2, 64, 2, 2, 2)]
    for tokens, m in zip(kept, maps, strict=True):
        assert torch.equal(tokens[:, cls_token:], m.flatten(2).transpose(1, 2))


def test_parameters_of_every_row_of_the_paper():
    """38 rows of the tables come with a config and a parameter count: all within 1 %."""
    rows = [row for row in paper_tables() if row['config'] is not None and 'params_m' in row]
    far = []
    for row in rows:
        with torch.device('meta'):
            net = create_model(MViTConfig(**row['config']))
        ours = sum(p.numel() for p in net.parameters()) / 1e6
        assert abs(ours / row['params_m'] - 1) < 0.01, row['name']
        if abs(ours / row['params_m'] - 1) > 0.003:
            far.append(row['name'])
    assert len(rows) == 38 and far == ['MViT-S max-pool', 'MViT-B-24 32x3 (K600)']


@pytest.mark.parametrize('model, overrides, kind, words', [
    ('mvit_base_16x4', {}, ValueError, 'mvit_b_16x4'),
    ('mvit_b_16x4', {'num_class': 10}, TypeError, 'num_classes'),
    ('mvit_b_16x4', {'depths': ()}, ValueError, 'depths'),
    (42, {}, TypeError, 'expected a model name or an MViTConfig, got int')])
def test_create_model_refuses(model, overrides, kind, words):
    with pytest.raises(kind, match=words):
        create_model(model, **overrides)


def test_a_head_for_other_classes():
    """All tensors but the head's go over to a model with other classes, and the features stay."""
    five = made()
    weights = {k: v for k, v in five.state_dict().items() if not k.startswith('head.')}
    ten = made(num_classes=10)
    report = ten.load_state_dict(weights, strict=False)
    assert report.missing_keys == ['head.weight', 'head.bias'] and not report.unexpected_keys
    pixels = clip()
    with torch.no_grad():
        pyramids = zip(ten.feature_pyramid(pixels), five.feature_pyramid(pixels))
        assert all(torch.equal(a, b) for a, b in pyramids) and ten(pixels).shape == (2, 10)
