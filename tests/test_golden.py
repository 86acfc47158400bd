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

GOLDEN = sorted((Path(__file__).parent.parent / 'nbs/data/golden').glob('*.safetensors'))
TOLERANCE = 1e-5               # of ‖ours − theirs‖ / ‖theirs‖, in float32


def test_all_golden_files_are_there():
    assert len(GOLDEN) == 6


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
