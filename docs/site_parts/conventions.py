"""Parameters that mean the same everywhere in the library: what the reference says of one that
has no comment of its own, by its name and its type as written"""

CONVENTIONS = {
    ('config', 'MViTConfig'): 'what was chosen of the network',
    ('model', 'MViT'): 'the network',
    ('plan', 'NetworkPlan'): 'all of a network, as `network_plan` gives it',
    ('recipe', 'Recipe'): 'how to train',
    ('run', 'Run'): 'the training run',
    ('thw', 'Size3'): '(T, H, W), the grid of the tokens',
    ('thw_q', 'Size3'): '(T, H, W), the grid of the queries',
    ('thw_k', 'Size3'): '(T, H, W), the grid of the keys and values',
    ('facts', 'Facts'): 'what the shapes of the tensors tell, as `read_facts` gives it',
    ('shapes', 'Shapes'): 'of all tensors, by our names',
    ('known', 'dict[str, Any]'): 'fields of the config that are known already',
    ('ax', 'Axes | None'): 'to draw into; None: a new figure',
    ('title', 'str'): 'over the picture',
}


def convention(name, annotation):
    """What a parameter means by its name and type, or ''."""
    return CONVENTIONS.get((name, annotation.strip('\'"')), '')
