"""Parameters that mean the same everywhere in the library: what the reference says of one that
has no comment of its own, by its name and its type as written."""

CONVENTIONS = {
    ('config', 'MViTConfig'): 'what was chosen of the network',
    ('model', 'MViT'): 'the network',
    ('plan', 'NetworkPlan'): 'all of a network, as `network_plan` gives it',
    ('recipe', 'Recipe'): 'how to train',
    ('run', 'Run'): 'the training run',
    ('thw', 'Size3'): '(T, H, W), the grid of the tokens',
    ('ax', 'Axes'): 'to draw into',
    ('ax', 'Axes | None'): 'to draw into; None: a new figure',
    ('title', 'str'): 'over the picture',
    ('path', 'VideoPath'): 'of a video file',
}


def convention(name, annotation):
    """What a parameter means by its name and type, or ''."""
    return CONVENTIONS.get((name, annotation.strip('\'"')), '')
