"""Boxes against other implementations, where these can be imported (torchvision's RoIAlign, AVA's own evaluation), and their files"""
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
