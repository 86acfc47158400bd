"""On a CUDA device the network computes what it computes on a CPU. Skipped where there is none.

    pytest tests/test_cuda.py
"""
import copy
import csv
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mvit_nb import create_model, load_checkpoint, load_model, save_checkpoint
from mvit_nb.fast import feed_forward
from mvit_nb.training.engine import train
from mvit_nb.training.recipe import Recipe
from mvit_nb.training.shapes import MovingShapes
from mvit_nb.weights.golden import block_outputs, read_goldens, relative_error

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
GOLDEN = read_goldens(Path(__file__).parent.parent / 'nbs/data/golden')
SMALL = dict(num_frames=8, image_size=64, embed_dim=32, depths=(1, 2, 1), num_classes=4,
             drop_path_rate=0.0, dropout=0.0)
NAMES = 'mvit_b_16x4', 'mvitv2_s_16x4'


@pytest.fixture(autouse=True)
def full_precision():
    """Without TensorFloat-32."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    yield
    for backend, allowed in zip(backends, before):
        backend.allow_tf32 = allowed


def small(name):
    torch.manual_seed(0)
    return create_model(name, **SMALL)


def step(model, precision='no'):
    """The logits of two clips of seed 0 and the gradients of a training step, on the CPU."""
    clips = torch.randn(2, 3, 8, 64, 64, generator=torch.Generator().manual_seed(0))
    device = model.head.weight.device
    model.zero_grad()
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == 'bf16'):
        logits = model(clips.to(device))
    F.cross_entropy(logits.float(), torch.tensor([0, 1], device=device)).backward()
    grads = torch.cat([p.grad.flatten() for p in model.parameters()])
    return logits.detach().float().cpu(), grads.cpu()


@pytest.mark.parametrize('name', GOLDEN)
def test_golden(name):
    golden = GOLDEN[name]
    model = create_model(golden.config).eval()
    load_checkpoint(model, golden.state)
    found = block_outputs(model.cuda(), golden.clip.cuda())
    errors = {key: relative_error(found[key].cpu(), golden.outputs[key]) for key in found}
    assert max(errors.values()) < 1e-5, errors


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('precision, tolerance', [('no', 1e-3), ('bf16', 0.1)])
def test_training_step(name, precision, tolerance):
    model = small(name)
    expected = step(model)
    found = step(copy.deepcopy(model).cuda(), precision)
    again = step(copy.deepcopy(model).cuda().checkpoint_activations(2, 3, 4), precision)
    for ours in (found, again):
        assert all(relative_error(a, b) < tolerance for a, b in zip(ours, expected))


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('precision, tolerance', [('no', 1e-5), ('bf16', 0.02)])
def test_feed_forward(bias, precision, tolerance):
    torch.manual_seed(0)
    fc1, fc2 = torch.nn.Linear(32, 128).cuda(), torch.nn.Linear(128, 32, bias=bias).cuda()
    x = torch.randn(2, 300, 32, device='cuda', requires_grad=True)
    learned = [x, *fc1.parameters(), *fc2.parameters()]
    with torch.autocast('cuda', torch.bfloat16, enabled=precision == 'bf16'):
        ways = feed_forward(fc1, fc2, x, True), fc2(F.gelu(fc1(x)))
    assert 'GeluLinear' in ways[0].grad_fn.next_functions[0][0].name()
    weights = torch.randn(2, 300, 32, device='cuda')
    for a, b in zip(*(torch.autograd.grad((way * weights).sum(), learned) for way in ways)):
        assert relative_error(a, b) < tolerance


@pytest.mark.parametrize('name', NAMES)
def test_pooling_does_without_cudnn(name):
    """Whose channel-wise convolutions of grids with channels last are slow."""
    model = small(name).cuda()
    with torch.profiler.profile() as profile:
        step(model, 'bf16')
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts['aten::cudnn_convolution'] == 1          # the stem
    assert counts['aten::conv_depthwise3d'] > 2 * len(model.blocks)


def test_train_resume_and_load(tmp_path):
    data, val = MovingShapes(64, size=32, seed=0), MovingShapes(32, size=32, seed=1)
    recipe = Recipe.small(epochs=2, batch_size=16, precision='bf16', report=False)
    torch.manual_seed(0)
    model = create_model('mvit_b_16x4', **(SMALL | dict(image_size=32)))
    train(model, data, val, tmp_path, recipe, verbose=False)
    train(model, data, val, tmp_path, recipe, resume=True, verbose=False)
    rows = list(csv.DictReader((tmp_path / 'metrics.csv').open()))
    assert len(rows) == 2 and all(math.isfinite(float(row['loss'])) for row in rows)
    assert model.head.weight.is_cuda
    path = save_checkpoint(model, tmp_path / 'model.safetensors')
    back = load_model(path)
    for key, tensor in back.state_dict().items():
        assert tensor.is_cpu and torch.equal(tensor, model.state_dict()[key].cpu()), key
