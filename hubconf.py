"""Every named model for `torch.hub`, as `mvit_nb.create_model` makes it:

    model = torch.hub.load('mvit-nb/mvit_nb', 'mvit_b_16x4', pretrained=True)

An entry point for each name of `mvit_nb.list_models()`, and none written by hand."""
from mvit_nb.create import create_model as _create_model
from mvit_nb.zoo import list_models as _list_models
from mvit_nb.zoo import reported as _reported

dependencies = ['torch', 'safetensors', 'numpy']


def _entry_point(name):
    """The function that makes a named model."""
    def entry_point(pretrained=False, **overrides):
        return _create_model(name, pretrained, **overrides)

    found = _reported(name)
    score = f': {found.top1} % on {found.dataset} ({found.source})' if found else ''
    entry_point.__name__ = entry_point.__qualname__ = name
    entry_point.__doc__ = f"""{name}{score}.

    pretrained: True loads the weights published for this name, the name, URL or path of a file
        those; False leaves random weights.
    **overrides: fields of `mvit_nb.MViTConfig`, such as num_classes=10; and inflate='center',
        which puts the weights of an image model into a model of clips.

    The model takes normalized clips (B, C, T, H, W), or images (B, C, H, W), and returns logits. It
    is in training mode. Raises what `mvit_nb.create_model` raises."""
    return entry_point


globals().update({name: _entry_point(name) for name in _list_models()})
