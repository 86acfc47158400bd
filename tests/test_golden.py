"""The golden files: tiny models with random weights, run once through another implementation.

Each file holds the state dict under that implementation's names, an input, and what came out of
every block. Loaded here, the same weights must give the same numbers:

    pytest tests/test_golden.py -k torchvision
"""
from pathlib import Path

import pytest
import torch

from mvit_nb import create_model, load_checkpoint
from mvit_nb.weights.golden import block_outputs, read_golden, relative_error
from mvit_nb.weights.layouts import export_state, recognize_layout
from mvit_nb.weights.names import LAYOUTS

FOLDER = Path(__file__).parent.parent / 'nbs/data/golden'      # MViT's; those of MViTv2 are in v2
GOLDEN = [*sorted(FOLDER.glob('*.safetensors')), *sorted((FOLDER / 'v2').glob('*.safetensors'))]
TOLERANCE = 1e-5               # of ‖ours − theirs‖ / ‖theirs‖, in float32


def test_all_golden_files_are_there():
    assert len(GOLDEN) == 11


@pytest.mark.parametrize('path', GOLDEN, ids=[path.stem for path in GOLDEN])
def test_blocks_and_logits(path):
    golden = read_golden(path)
    model = create_model(golden.config).eval()
    report = load_checkpoint(model, golden.state)
    assert report.layout == path.stem.split('_')[0]
    assert report.loaded == len(model.state_dict())
    found, expected = block_outputs(model, golden.clip), golden.outputs
    assert found.keys() == expected.keys()
    assert len(found) == 1 + sum(golden.config.depths)
    errors = {name: relative_error(found[name], expected[name]) for name in found}
    assert max(errors.values()) < TOLERANCE, errors
    assert torch.equal(found['logits'].argmax(-1), expected['logits'].argmax(-1))


@pytest.mark.parametrize('path', GOLDEN, ids=[path.stem for path in GOLDEN])
def test_one_changed_weight_is_noticed(path):
    """A check that cannot fail proves nothing: 0.1 on one weight of block 2 shows from there on."""
    golden = read_golden(path)
    model = create_model(golden.config).eval()
    load_checkpoint(model, golden.state)
    with torch.no_grad():
        model.blocks[2].mlp.fc1.weight[0, 0] += 0.1
    found, expected = block_outputs(model, golden.clip), golden.outputs
    errors = {name: relative_error(found[name], expected[name]) for name in found}
    assert max(errors['block.0'], errors['block.1']) < TOLERANCE
    assert min(errors['block.2'], errors['logits']) > TOLERANCE, errors


@pytest.mark.parametrize('path', GOLDEN, ids=[path.stem for path in GOLDEN])
@pytest.mark.parametrize('layout', [layout for layout in LAYOUTS if layout != 'mvit_nb'])
def test_there_and_back(path, layout):
    """Exported to each layout that has such models and loaded again, a model is the same."""
    golden = read_golden(path)
    model = create_model(golden.config)
    load_checkpoint(model, golden.state)
    try:
        there = export_state(model, layout)
    except ValueError as error:
        assert f'{layout} has no MViT with' in str(error)
        assert path.stem.split('_')[0] != layout      # to its own it must go
        return
    assert recognize_layout(there) == layout
    back = create_model(golden.config)
    load_checkpoint(back, there)
    assert all(torch.equal(tensor, back.state_dict()[name])
               for name, tensor in model.state_dict().items())


@pytest.mark.parametrize('path', [path for path in GOLDEN if '_v2_' in path.stem],
                         ids=[path.stem for path in GOLDEN if '_v2_' in path.stem])
def test_another_size(path):
    """Tables stretched on loading are those that the model of the file stretches in each pass."""
    golden = read_golden(path)
    trained = create_model(golden.config).eval()
    larger = create_model(golden.config, image_size=96).eval()
    load_checkpoint(trained, golden.state)
    report = load_checkpoint(larger, golden.state)
    assert len(report.interpolated) == 2 * sum(golden.config.depths)      # along H and W
    clip = torch.randn(1, 3, *larger.config.clip_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert relative_error(larger(clip), trained(clip)) < TOLERANCE
