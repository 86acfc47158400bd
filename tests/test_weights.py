"""Architectures that are read off shapes, for all named models.

    pytest tests/test_weights.py -k mvitv2_h
"""
import pytest
import torch

from mvit_nb import config_from_checkpoint, create_model, get_config, list_models, load_model
from mvit_nb.weights.fitting import meta_state


def shapes_of(config):
    """A state dict of zeros that take no memory."""
    return {k: torch.zeros(()).expand(v.shape) for k, v in meta_state(config).items()}


@pytest.mark.parametrize('name', list_models())
def test_config_of_a_named_model(name):
    config = get_config(name)
    assert config_from_checkpoint(shapes_of(config)) == config


def test_growth_in_attention_of_a_large_image_model():
    """The network whose cost is printed for the image model L, with a class token."""
    config = get_config('mvitv2_l', grow_in='attention', cls_token=True)
    assert config_from_checkpoint(shapes_of(config)) == config


def test_a_published_name_is_mistyped(tmp_path):
    """The nearest names are told, beside that there is no such file; not for a path that is like none."""
    with pytest.raises(ValueError, match=r'k400_16x5: No such file or directory; nearest published names: torchvision/k400_16x4, '):
        load_model('torchvision/k400_16x5')
    with pytest.raises(ValueError) as caught:
        load_model(tmp_path / 'best.safetensors')
    assert 'published names' not in str(caught.value)


def test_no_weights_of_a_name():
    """What is published for its data set is told."""
    with pytest.raises(ValueError, match=r"mvit_s_16x4 itself; published for Kinetics-400: 'slowfast/k400_16x4', .*\(pass one by its name\)"):
        create_model('mvit_s_16x4', pretrained=True)
    with pytest.raises(ValueError, match=r"deit_s itself; published for ImageNet-1K: 'slowfast/in1k_16', "):
        create_model('deit_s', pretrained=True)
