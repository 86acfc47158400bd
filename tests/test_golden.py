"""The golden files: tiny models with random weights, run once through another implementation.

Each file holds the state dict under that implementation's names, an input, and what came out of
every block. Loaded here, the same weights must give the same numbers:

    pytest tests/test_golden.py -k torchvision
"""
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from mvit_nb import MViTConfig, create_model, load_checkpoint

GOLDEN = sorted((Path(__file__).parent.parent / 'nbs/data/golden').glob('*.safetensors'))
TOLERANCE = 1e-5               # of ‖ours − theirs‖ / ‖theirs‖, in float32


def read_golden(path):
    """Our config for a golden file, its state dict, the input, and the expected outputs."""
    with safe_open(path, 'pt') as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        theirs = json.loads(file.metadata()['config'])
    patch = {}
    if 'ck' in theirs:
        patch = {'patch_kernel': (1, *theirs['ck']), 'patch_stride': (1, *theirs['cs']),
                 'patch_padding': (0, *theirs['cp'])}
    config = MViTConfig(
        num_frames=theirs['T'], image_size=theirs['S'], embed_dim=theirs['dim'],
        depths=theirs['depths'], kv_stride=theirs['kv'], pool_kernel=theirs['kernel'],
        pool_mode=theirs.get('mode', 'conv'), num_classes=theirs['classes'],
        pos_embed='separate' if theirs.get('sep', True) else 'joint', **patch)
    state = {key.removeprefix('state.'): tensor for key, tensor in tensors.items()
             if key.startswith('state.')}
    expected = {key: tensor for key, tensor in tensors.items()
                if key == 'logits' or key.startswith('block.')}
    return config, state, tensors['input'], expected


def outputs(model, clip):
    """The tokens (B, N, D) after every block, as 'block.0', 'block.1', …, and the logits."""
    found, hooks = {}, []
    for i, block in enumerate(model.blocks):
        def keep(block, args, out, name=f'block.{i}'):
            found[name] = out[0]
        hooks.append(block.register_forward_hook(keep))
    with torch.no_grad():
        found['logits'] = model.eval()(clip)
    for hook in hooks:
        hook.remove()
    return found


def relative_error(ours, theirs):
    return ((ours - theirs).norm() / theirs.norm()).item()


def test_all_golden_files_are_there():
    assert len(GOLDEN) == 6


@pytest.mark.parametrize('path', GOLDEN, ids=[path.stem for path in GOLDEN])
def test_blocks_and_logits(path):
    config, state, clip, expected = read_golden(path)
    model = create_model(config)
    report = load_checkpoint(model, state)
    assert report.layout == path.stem.split('_')[0]
    assert report.loaded == len(model.state_dict())
    found = outputs(model, clip)
    assert found.keys() == expected.keys()
    assert len(found) == 1 + sum(config.depths)
    errors = {name: relative_error(found[name], expected[name]) for name in found}
    assert max(errors.values()) < TOLERANCE, errors
    assert torch.equal(found['logits'].argmax(-1), expected['logits'].argmax(-1))


@pytest.mark.parametrize('path', GOLDEN, ids=[path.stem for path in GOLDEN])
def test_one_changed_weight_is_noticed(path):
    """A check that cannot fail proves nothing: 0.1 on one weight of block 2 shows from there on."""
    config, state, clip, expected = read_golden(path)
    model = create_model(config)
    load_checkpoint(model, state)
    with torch.no_grad():
        model.blocks[2].mlp.fc1.weight[0, 0] += 0.1
    found = outputs(model, clip)
    errors = {name: relative_error(found[name], expected[name]) for name in found}
    assert max(errors['block.0'], errors['block.1']) < TOLERANCE
    assert min(errors['block.2'], errors['logits']) > TOLERANCE, errors
