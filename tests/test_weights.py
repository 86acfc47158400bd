"""Architectures that are read off shapes, for the named models that take too long for a notebook.

    pytest tests/test_weights.py -k mvitv2_h
"""
import pytest
import torch

from mvit_nb import config_from_checkpoint, get_config
from mvit_nb.weights.fitting import meta_state


def shapes_of(config):
    """A state dict of zeros that take no memory."""
    return {k: torch.zeros(()).expand(v.shape) for k, v in meta_state(config).items()}


DEEP = 'mvitv2_b', 'mvitv2_l', 'mvitv2_h', 'mvitv2_b_32x3', 'mvitv2_l_40x3'


@pytest.mark.parametrize('name', DEEP)
def test_config_of_a_deep_model(name):
    config = get_config(name)
    assert config_from_checkpoint(shapes_of(config)) == config


def test_growth_in_attention_of_a_large_image_model():
    """The network whose cost is printed for the image model L, with a class token."""
    config = get_config('mvitv2_l', grow_in='attention', cls_token=True)
    assert config_from_checkpoint(shapes_of(config)) == config
