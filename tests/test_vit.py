"""ViT and its parts against PyTorch's own layers, against formulas, and as a set without order."""
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import mvit_nb
from mvit_nb.vit import MLP, Attention, PatchEmbed, ViT, ViTBlock

D, HEADS = 24, 3


def cut(clip, kernel, stride):
    """(B, C, T, H, W) → one row of numbers per box, (B, L, C·k_T·k_H·k_W)."""
    for axis, k, s in zip((2, 3, 4), kernel, stride):
        clip = clip.unfold(axis, k, s)
    return clip.permute(0, 2, 3, 4, 1, 5, 6, 7).flatten(4).flatten(1, 3)


@pytest.fixture
def tokens():
    torch.manual_seed(0)
    return torch.randn(2, 10, D)


@pytest.mark.parametrize('kernel, stride, padding', [
    ((1, 16, 16), (1, 16, 16), (0, 0, 0)), ((2, 8, 8), (2, 8, 8), (0, 0, 0)),
    ((3, 7, 7), (2, 4, 4), (1, 3, 3)), ((2, 3, 5), (1, 3, 4), (0, 1, 2))])
def test_cubes_and_a_linear_layer_are_a_convolution(kernel, stride, padding):
    torch.manual_seed(0)
    clip = torch.randn(2, 3, 8, 32, 48)
    embed = PatchEmbed(3, 16, kernel, stride, padding)
    t, h, w = padding
    cubes = cut(F.pad(clip, (w, w, h, h, t, t)), kernel, stride)
    x, grid = embed(clip)
    assert_close(x, F.linear(cubes, embed.proj.weight.flatten(1), embed.proj.bias))
    expected = [(n + 2 * p - k) // s + 1
                for n, k, s, p in zip((8, 32, 48), kernel, stride, padding)]
    assert list(grid) == expected and x.shape == (2, math.prod(expected), 16)


def test_cubes_of_mvit_b_read_a_pixel_four_and_a_half_times():
    clip = torch.zeros(1, 3, 8, 224, 224)
    cubes = cut(F.pad(clip, (3, 3, 3, 3, 1, 1)), (3, 7, 7), (2, 4, 4))
    assert cubes.numel() / clip.numel() == 3 / 2 * 7 / 4 * 7 / 4


def test_weights_of_an_image_repeated_and_halved_see_a_standing_clip_as_its_frame():
    image = PatchEmbed(3, D, (1, 16, 16), (1, 16, 16), (0, 0, 0))
    video = PatchEmbed(3, D, (2, 16, 16), (2, 16, 16), (0, 0, 0))
    video.proj.weight.data = image.proj.weight.data.repeat(1, 1, 2, 1, 1) / 2
    video.proj.bias.data = image.proj.bias.data
    frame = torch.randn(1, 3, 1, 32, 32)
    assert_close(video(frame.repeat(1, 1, 2, 1, 1))[0], image(frame)[0])


def test_attention_is_that_of_pytorch(tokens):
    attn, peer = Attention(D, HEADS), nn.MultiheadAttention(D, HEADS, batch_first=True)
    peer.load_state_dict({'in_proj_weight': attn.qkv.weight, 'in_proj_bias': attn.qkv.bias,
                          'out_proj.weight': attn.proj.weight, 'out_proj.bias': attn.proj.bias})
    y, weights = peer(tokens, tokens, tokens, average_attn_weights=False)
    assert_close(attn(tokens), y)
    q, k, _ = attn.qkv(tokens).chunk(3, -1)
    for i in range(HEADS):                      # each head has a slice of 8 channels
        mine = slice(8 * i, 8 * (i + 1))
        scores = q[..., mine] @ k[..., mine].mT / math.sqrt(8)
        assert_close(scores.softmax(-1), weights[:, i])


def test_heads_share_the_channels_out():
    assert not Attention(D, HEADS, qkv_bias=False).qkv.bias
    states = [Attention(D, h).state_dict() for h in (1, 3, 24)]
    assert len({tuple((k, v.shape) for k, v in state.items()) for state in states}) == 1
    with pytest.raises(ValueError, match='expected a multiple of 5 heads, got 24'):
        Attention(D, 5)


@pytest.mark.parametrize('part', [Attention(D, HEADS), ViTBlock(D, HEADS)],
                         ids=['attention', 'block'])
def test_permuted_tokens_give_permuted_outputs(tokens, part):
    order = torch.randperm(10)
    places = torch.randn(1, 10, D)
    assert_close(part(tokens[:, order]), part(tokens)[:, order])                # P X
    expected = part(tokens + places)[:, order]
    assert_close(part((tokens + places)[:, order]), expected)                   # P (X + E)
    moved = part(tokens[:, order] + places) - expected                          # P X + E
    assert moved.abs().max() > 0.02
    cls = torch.randn(2, 1, D)                  # a class token does not notice the order
    y, y_permuted = (part(torch.cat([cls, x], 1)) for x in (tokens, tokens[:, order]))
    assert_close(y_permuted[:, 0], y[:, 0])
    assert_close(y_permuted[:, 1:], y[:, 1:][:, order])


def test_mlp_is_its_formula_on_each_token_alone(tokens):
    mlp = MLP(D, 4 * D, 2 * D)
    hidden = F.gelu(tokens @ mlp.fc1.weight.T + mlp.fc1.bias)
    assert_close(mlp(tokens), hidden @ mlp.fc2.weight.T + mlp.fc2.bias)
    assert mlp(tokens).shape == (2, 10, 2 * D) and MLP(D, D)(tokens).shape == tokens.shape
    touched = tokens.clone()
    touched[:, 7] += 1
    change = (mlp(touched) - mlp(tokens)).abs().amax((0, 2))
    assert (change > 1e-6).nonzero().tolist() == [[7]]
    assert ((Attention(D, HEADS)(touched) - Attention(D, HEADS)(tokens)).abs() > 1e-6).all(-1).all()


def test_block_is_that_of_pytorch(tokens):
    block = ViTBlock(D, HEADS)
    peer = nn.TransformerEncoderLayer(D, HEADS, 4 * D, dropout=0.0, activation='gelu',
                                      layer_norm_eps=1e-6, batch_first=True, norm_first=True)
    names = {'attn.qkv.': 'self_attn.in_proj_', 'attn.proj.': 'self_attn.out_proj.',
             'mlp.fc': 'linear'}
    state = {}
    for key, value in block.state_dict().items():
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        state[key] = value
    peer.load_state_dict(state)
    assert_close(block(tokens), peer(tokens))
    assert block.norm1.eps == block.norm2.eps == 1e-6       # PyTorch's default is 1e-5


def test_block_without_branches_hands_its_input_through(tokens):
    block = ViTBlock(D, HEADS)
    for p in (*block.attn.proj.parameters(), *block.mlp.fc2.parameters()):
        p.data.zero_()
    assert torch.equal(block(tokens), tokens)


def test_vit_b_has_the_parameters_of_the_paper():
    with torch.device('meta'):
        vit = ViT()
    width, N = 768, 8 * 14 * 14 + 1
    expected = dict(
        cls_token=width, pos_embed=N * width, patch_embed=width * 3 * 16 * 16 + width,
        blocks=12 * (12 * width**2 + 13 * width), norm=2 * width, head=400 * width + 400)
    counted = dict.fromkeys(expected, 0)
    for name, p in vit.named_parameters():
        counted[name.split('.')[0]] += p.numel()
    assert counted == expected and round(sum(counted.values()) / 1e6, 1) == 87.2    # table 3a
    # one table over time and space together: separate ones would give another number
    separate = sum(counted.values()) - N * width + (14 * 14 + 8 + 1) * width
    assert round(separate / 1e6, 1) == 86.1
    tubelet = ViT(num_frames=16, patch=(2, 16, 16), depth=1)
    assert tubelet.pos_embed.shape == vit.pos_embed.shape


def vit_flops(T, size, patch, dim, depth, classes):
    """Multiply-adds by hand."""
    L = (T // patch[0]) * (size // patch[1]) * (size // patch[2])
    N = L + 1
    block = 3 * N * dim**2 + 2 * N**2 * dim + N * dim**2 + 8 * N * dim**2
    return L * dim * 3 * math.prod(patch) + depth * block + dim * classes


def test_flops_by_hand_by_plan_and_by_tracing():
    by_hand = vit_flops(8, 224, (1, 16, 16), 768, 12, 400)
    assert by_hand == mvit_nb.cost(mvit_nb.get_config('vit_b_8x8')).flops
    assert round(by_hand / 1e9, 1) == 179.6                 # paper, table 3a
    small = ViT(num_frames=4, image_size=32, patch=(2, 8, 8), dim=D, depth=2, num_heads=3,
                num_classes=5).eval()
    traced = mvit_nb.count_flops(small, torch.zeros(1, 3, 4, 32, 32))
    assert traced.flops == vit_flops(4, 32, (2, 8, 8), D, 2, 5)


def test_vit_without_positions_takes_pictures_for_bags_of_patches():
    torch.manual_seed(0)
    vit = ViT(num_frames=1, image_size=64, dim=D, depth=2, num_heads=HEADS, num_classes=5)
    clip = torch.randn(1, 3, 1, 64, 64)
    rows = F.unfold(clip[:, :, 0], 16, stride=16)           # (1, 3·16·16, 16)
    shuffled = F.fold(rows[..., torch.randperm(16)], 64, 16, stride=16)[:, :, None]
    assert (vit(clip) - vit(shuffled)).abs().max() > 1e-4
    vit.pos_embed.data.zero_()
    assert_close(vit(clip), vit(shuffled))


def test_vit_with_one_row_for_each_place_takes_clips_for_bags_of_frames():
    torch.manual_seed(0)
    vit = ViT(num_frames=4, image_size=32, dim=D, depth=2, num_heads=HEADS, num_classes=5)
    clip, order = torch.randn(1, 3, 4, 32, 32), torch.tensor([2, 0, 3, 1])
    assert (vit(clip) - vit(clip[:, :, order])).abs().max() > 1e-4
    vit.pos_embed.data[:, 1:] = vit.pos_embed.data[:, 1:5].repeat(1, 4, 1)
    assert_close(vit(clip), vit(clip[:, :, order]))
