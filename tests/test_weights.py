"""Architectures that are read off shapes, for all named models.

    pytest tests/test_weights.py -k mvitv2_h
"""
import pytest
import torch

from mvit_nb import config_from_checkpoint, get_config, list_models
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
