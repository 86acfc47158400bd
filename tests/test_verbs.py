"""timm's own code, run on our models: it skips where timm is not installed."""
import copy
import pickle

import pytest
import torch

from mvit_nb.model import create_model

SMALL = dict(num_frames=4, image_size=64, embed_dim=16, num_classes=7, depths=(1, 1, 2, 1))
NAMES = 'mvit_b_16x4', 'mvitv2_s_16x4', 'mvitv2_t'


def small(name, **changes):
    size = SMALL | (dict(num_frames=1) if name.endswith('_t') else {})
    torch.manual_seed(0)
    return create_model(name, **size | changes)


@pytest.mark.parametrize('coarse', (False, True))
@pytest.mark.parametrize('name', NAMES)
def test_timm_groups_all_parameters(name, coarse):
    manipulate = pytest.importorskip('timm.models._manipulate')
    model = small(name)
    layer = manipulate.group_parameters(model, model.group_matcher(coarse), reverse=True)
    assert layer.keys() == dict(model.named_parameters()).keys()
    last = len(set(model.plan[i].stage for i in range(5))) if coarse else 5
    assert set(layer.values()) == set(range(last + 2))               # stem, blocks, head
    for parameter, number in layer.items():
        part, _, rest = parameter.partition('.')
        if part == 'blocks':
            row = model.plan[int(rest.partition('.')[0])]
            assert number == (row.stage - 1 if coarse else row.index + 1)
        else:
            assert number == {'norm': last, 'head': last + 1}.get(part, 0)


@pytest.mark.parametrize('name', NAMES)
def test_layer_decay_of_timm(name):
    groups = pytest.importorskip('timm.optim._param_groups')
    model = small(name)
    made = groups.param_groups_layer_decay(
        model, weight_decay=0.05, no_weight_decay_list=model.no_weight_decay(), layer_decay=0.5)
    found = {id(p): group for group in made for p in group['params']}
    assert found.keys() == {id(p) for p in model.parameters()}
    assert found[id(model.head.weight)]['lr_scale'] == 1
    assert found[id(model.norm.weight)]['lr_scale'] == 0.5
    assert found[id(model.blocks[4].mlp.fc1.weight)]['lr_scale'] == 0.5
    assert found[id(model.patch_embed.proj.weight)]['lr_scale'] == 0.5 ** 6
    assert found[id(model.blocks[0].mlp.fc1.weight)]['weight_decay'] == 0.05
    for parameter in model.no_weight_decay():
        assert found[id(model.get_parameter(parameter))]['weight_decay'] == 0


def test_data_config_of_timm():
    data = pytest.importorskip('timm.data.config')
    model = small('mvitv2_t')
    config = data.resolve_model_data_config(model)
    assert config['input_size'] == (3, 64, 64) and config['mean'] == (0.485, 0.456, 0.406)


@pytest.mark.parametrize('name', NAMES)
def test_copies_and_programs(name):
    """A model with another head is pickled, copied and exported as before."""
    model = small(name).eval()
    model.reset_classifier(5)
    clip = torch.randn(2, *model.pretrained_cfg['input_size'])
    expected = model(clip)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.config == model.config
        assert torch.equal(twin(clip), expected)
        assert torch.equal(twin.forward_head(twin.forward_features(clip)), expected)
    program = torch.export.export(model, (clip,)).module()
    torch.testing.assert_close(program(clip), expected)


def test_tokens_of_another_width():
    """They are refused with their shape, not by a layer inside; a vector is no tokens either."""
    model = small(NAMES[0])
    for shape in ((2, 9, model.num_features + 1), (2, model.num_features)):
        with pytest.raises(ValueError, match=rf'x: expected .*\(B, N, {model.num_features}\), got \({", ".join(map(str, shape))}\)'):
            model.forward_head(torch.zeros(shape))
