"""Boxes against other implementations, where these can be imported (torchvision's RoIAlign, AVA's own evaluation), and their files"""
from dataclasses import replace

import numpy as np
import pytest
import torch

import mvit_nb
from mvit_nb.boxes.head import box_model
from mvit_nb.boxes.precision import detection_precision
from mvit_nb.boxes.roi import roi_align
from mvit_nb.boxes.saving import save_box_model
from mvit_nb.training.experiments import TINY_MVIT


def random_boxes(count, generator):
    """(count, 4) boxes with an area, fractions of the frame."""
    low, high = torch.rand(count, 2, 2, generator=generator).sort(1).values.unbind(1)
    return torch.cat([low, low + (high - low).clamp(min=0.02)], 1).clamp(max=1)


@pytest.fixture
def reference():
    """torchvision's function: compiled, or where that part does not load, the one in Python."""
    try:
        module = pytest.importorskip('torchvision.ops.roi_align', exc_type=(ImportError, RuntimeError))
    except (AttributeError, RuntimeError) as error:
        pytest.skip(f'torchvision does not load: {error}')
    return module._roi_align


@pytest.mark.parametrize('grid, size, per_bin', [((7, 7), 7, 0), ((14, 20), 3, 0), ((28, 20), 5, 2), ((20, 14), 1, 0)])
def test_torchvision(reference, grid, size, per_bin):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, *grid, generator=generator, dtype=torch.float64)
    boxes = [random_boxes(5, generator), random_boxes(6, generator)]
    H, W = grid
    rows = torch.cat([torch.cat([torch.full((len(some), 1), float(b)), some * torch.tensor([W, H, W, H])], 1)
                      for b, some in enumerate(boxes)]).double()
    expected = reference(maps, rows, 1.0, size, size, per_bin, True)
    torch.testing.assert_close(roi_align(maps, boxes, size, per_bin), expected, atol=1e-5, rtol=0)


def test_evaluation_of_ava():
    """PySlowFast carries AVA's evaluation in its folder ava_evaluation."""
    evaluation = pytest.importorskip('ava_evaluation.object_detection_evaluation')
    fields = pytest.importorskip('ava_evaluation.standard_fields')
    generator = torch.Generator().manual_seed(1)
    categories = [dict(id=i + 1, name=str(i)) for i in range(4)]
    judge = evaluation.PascalDetectionEvaluator(categories)
    found, true = [], []
    for image in range(40):
        boxes = random_boxes(int(torch.randint(1, 5, (), generator=generator)), generator)
        labels = (torch.rand(len(boxes), 4, generator=generator) < 0.4).float()
        # true boxes shifted a little, one of them twice, and one more anywhere
        guesses = torch.cat([boxes, boxes[:1], random_boxes(1, generator)])
        shift = 0.15 * torch.rand(guesses.shape, generator=generator) * (guesses[:, 2:] - guesses[:, :2]).repeat(1, 2)
        guesses = guesses + shift
        scores = torch.rand(len(guesses), 4, generator=generator)
        found.append((guesses, scores))
        true.append((boxes, labels))
        i, c = labels.nonzero().T
        order = [1, 0, 3, 2]                             # theirs are y before x
        names, given = fields.InputDataFields, fields.DetectionResultFields
        judge.add_single_ground_truth_image_info(
            image, {names.groundtruth_boxes: boxes[i][:, order].numpy(), names.groundtruth_classes: c.numpy() + 1,
                    names.groundtruth_difficult: np.zeros(len(i), bool)})
        best = scores.flatten().argsort(descending=True)      # PySlowFast's copy matches in the order that it is given
        judge.add_single_detected_image_info(
            image, {given.detection_boxes: guesses[best // 4][:, order].numpy(),
                    given.detection_classes: (best % 4).numpy() + 1,
                    given.detection_scores: scores.flatten()[best].numpy()})
    metrics = judge.evaluate()
    theirs = [value for name, value in sorted(metrics.items()) if 'PerformanceByCategory' in name]
    ours = detection_precision(found, true)
    assert 0.1 < ours.mean() < 0.95
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


def test_a_file_of_boxes_is_named(tmp_path):
    """Who loads it as a plain network is told which function reads it."""
    save_box_model(box_model(mvit_nb.create_model(TINY_MVIT), 3), tmp_path / 'boxes.safetensors')
    with pytest.raises(ValueError, match='load_box_model'):
        mvit_nb.load_model(tmp_path / 'boxes.safetensors')


@pytest.mark.parametrize('use', ('save_pretrained', 'push_to_hub', 'rollout', 'grad_cam', 'attention_maps', 'clip_features'))
def test_model_for_boxes_where_it_does_not_belong(use, tmp_path):
    """An error says what was expected, in place of an attribute that is missing somewhere inside."""
    from mvit_nb import features, hub
    from mvit_nb.analysis import attention, gradcam, rollout
    model = box_model(mvit_nb.create_model(TINY_MVIT), 3)
    place = next(module for module in (features, hub, attention, gradcam, rollout) if use in module.__all__)
    with pytest.raises(TypeError, match=r'expected an MViT.*, got MViTForBoxes'):
        getattr(place, use)(model, str(tmp_path / 'new') if place is hub else torch.rand(1, 3, *TINY_MVIT.clip_size))
    assert not (tmp_path / 'new').exists()


# lists of boxes and films of a folder

CONFIG = replace(TINY_MVIT, num_classes=2)
ACTIONS = {3: 'moves', 12: 'grows'}


@pytest.fixture
def ava(tmp_path):
    """`ava(lines, …)`: the clips of a list, with films one.mp4, two.mov and two.mp4 in the folder."""
    pytest.importorskip('av')
    from mvit_nb.boxes.ava import AvaClips
    from mvit_nb.video.write import write_video
    for name in ('one.mp4', 'two.mov', 'two.mp4'):
        write_video(tmp_path / name, torch.zeros(60, 3, 32, 48, dtype=torch.uint8))

    def read(lines, actions=ACTIONS, **options):
        (tmp_path / 'list.csv').write_text(''.join(f'{line}\n' for line in lines))
        return AvaClips(tmp_path / 'list.csv', tmp_path, CONFIG, actions, **options)
    return read


def test_two_films_of_one_stem(ava):
    """Neither is taken; a name with its suffix says which, and each such name is told once, with all else."""
    with pytest.raises(ValueError) as caught:
        ava(['one,1,0,0,1,1,3,0', 'two,1,0,0,1,1,3,0', 'two,0.5,0,0,1,1,3,0', 'one,1,0,0,1,1,4,0'])
    message = str(caught.value)
    assert '2 lines cannot be used' in message and 'line 2: ' in message and 'line 4: ' in message
    assert 'two.mov' in message and 'two.mp4' in message and 'suffix' in message
    assert len(ava(['one,1,0,0,1,1,3,0', 'two.mov,1,0,0,1,1,3,0', 'two.mp4,1,0,0,1,1,3,0'])) == 3


def test_one_moment_under_two_names(ava):
    """The file that a name means tells key frames apart, not the name."""
    data = ava(['one,1,0,0,1,1,3,0', 'one.mp4,1.0,0,0,1,1,12,0', 'one.mp4,1,0,0,0.5,0.5,12,1'])
    frame, = data.key_frames
    assert frame.video == 'one' and frame.labels.tolist() == [[1, 1], [0, 1]]
    assert len(data[0].boxes) == 2


@pytest.mark.parametrize('actions, kind, told', [
    ({'1': 'x'}, TypeError, "whole numbers.*'1'"), ({1.5: 'x', 2: 'y'}, TypeError, 'whole numbers.*1.5'),
    ({True: 'x'}, TypeError, 'whole numbers.*True'), ({1: 'x', 2: None}, TypeError, 'text.*2: None'),
    ({}, ValueError, 'an action at least.*none'), ({1: 'x', 2: 'y', 3: 'x'}, ValueError, "'x' for 1 and 3"),
    ({-1: 'x'}, ValueError, 'from 0 on.*-1')])
def test_names_of_actions(ava, actions, kind, told):
    with pytest.raises(kind, match=f'actions: .*{told}'):
        ava(['one,1,0,0,1,1,1,0'], actions)


def test_no_score_is_high_enough(ava):
    with pytest.raises(ValueError, match=r'least: expected at most 0\.95, the best score .*list\.csv, got 0\.99'):
        ava(['one,1,0,0,1,1,,0.95', 'one,1,0,0,1,0.5,,0.4'], least=0.99)


def test_scores_where_the_crop_left_boxes_out(ava, tmp_path):
    from mvit_nb.boxes.ava import write_ava
    data = ava(['one,1,0,0,0.1,1,3,0', 'one,1,0.3,0,0.7,1,3,0'], whole=False)
    assert len(data[0].boxes) == 1
    with pytest.raises(ValueError, match='whole=False'):
        write_ava(tmp_path / 'scores.csv', data, torch.zeros(1, 2))


# training

def items(count, labels, clips=4):
    """Clips with `count` boxes each, all with the same row of labels."""
    config = TINY_MVIT
    clip = torch.rand(3, *config.clip_size)
    return [(clip, torch.tensor([[0, 0, 1, 1.0]]).repeat(count, 1), torch.tensor([labels] * count)) for _ in range(clips)]


def box_network(classes=2):
    torch.manual_seed(0)
    return box_model(mvit_nb.create_model(TINY_MVIT), classes)


class Unknown:
    """Items whose labels nobody knows before they are read; counts how often."""
    def __init__(self, items):
        self.items, self.read = items, 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        self.read += 1
        return self.items[i]


def test_boxes_without_an_action_do_not_train(ava):
    """None with a label: refused before training where the data tell, else after an epoch. Some: a warning counts."""
    from mvit_nb.boxes.training import train_boxes
    bare, good = items(2, [0.0, 0.0]), items(1, [1.0, 0.0])
    for data, told in ((bare, 'train_data: .*none of 8 boxes'), (Unknown(bare), 'train_data: .*none of 8 boxes'),
                       (ava(['one,1,0,0,1,1,-1,0', 'one,1,0,0,1,0.5,,1'], whole=False), r'train_data \(.*list\.csv\): .*none of 2 boxes')):
        with pytest.raises(ValueError, match=told):
            train_boxes(box_network(), data, verbose=False)
    for data in (bare + good, Unknown(bare + good)):
        with pytest.warns(UserWarning, match=r'train_data: 8 of 12 boxes have no label'):
            train_boxes(box_network(), data, verbose=False)


def test_validation_without_a_label_is_seen_before_training(ava):
    from mvit_nb.boxes.training import train_boxes
    train = Unknown(items(1, [1.0, 0.0]))
    for data, told in ((items(2, [0.0, 0.0]), 'val_data: expected a box with a label'),
                       (ava(['one,1,0,0,1,1,-1,0']), r'val_data \(.*list\.csv\): expected a box with a label'), ([], 'val_data: expected a clip')):
        with pytest.raises(ValueError, match=told):
            train_boxes(box_network(), train, data, verbose=False)
    assert train.read == 0
    with pytest.raises(ValueError, match='val_data: expected a box with a label'):
        train_boxes(box_network(), train, Unknown(items(2, [0.0, 0.0])), verbose=False)


def test_no_clips():
    from mvit_nb.boxes.training import box_scores, train_boxes
    with pytest.raises(ValueError, match='train_data: expected a clip at least, got none'):
        train_boxes(box_network(), [])
    with pytest.raises(ValueError, match='data: expected a clip at least, got none'):
        box_scores(box_network(), [])


@pytest.mark.parametrize('wrong, told', [
    ([[0, 0, 32, 32.0], [0, 0, 1, 1]], r'boxes\[0\]: expected fractions of the frame'),
    ([[0.5, 0, 0.4, 1.0]], r'boxes\[0\]: expected x1 < x2'), ([[0, 0, 1, float('nan')]], r'boxes\[0\]: expected four finite'),
    ([[0, 0, 1.2, 1.0]], r'boxes\[0\]: expected a box inside the frame'), ([0, 0, 1, 1.0], r'boxes: expected \(n, 4\)')])
def test_boxes_that_cannot_be_drawn(wrong, told):
    """They are refused as the model refuses them."""
    from mvit_nb.figures.boxes import draw_boxes
    with pytest.raises(ValueError, match=told):
        draw_boxes(torch.rand(3, 4, 32, 32), torch.tensor(wrong), ['a'] * len(wrong))
    with pytest.raises(ValueError):
        box_network()(torch.rand(1, 3, *TINY_MVIT.clip_size), [torch.tensor(wrong)])


def test_weights_for_boxes_told_plainly(tmp_path):
    """No word of a config that is not its own: it is that of a network for boxes."""
    save_box_model(box_network(), tmp_path / 'b.safetensors')
    with pytest.raises(ValueError, match=r'b\.safetensors: a network for boxes: load_box_model reads it') as caught:
        mvit_nb.load_model(tmp_path / 'b.safetensors')
    assert 'cannot be its own' not in str(caught.value)
