"""Sampling and normalization of clips, for more sizes and errors than the lesson has room for."""
import pytest
import torch
from torch.testing import assert_close

from mvit_nb.clips import denormalize, normalize, sample_indices
from mvit_nb.toy_clips import moving_shape


@pytest.mark.parametrize('frames', range(9))
@pytest.mark.parametrize('rate', (1, 3, 8))
@pytest.mark.parametrize('T', (1, 2, 7, 16))
def test_clips_have_t_frames_tau_apart_and_are_centered(T, rate, frames):
    span = (T - 1) * rate + 1
    clip = sample_indices(span + frames, T, rate)
    assert len(clip) == T and clip[-1] - clip[0] + 1 == span
    assert all(b - a == rate for a, b in zip(clip, clip[1:]))
    before, after = clip[0], span + frames - 1 - clip[-1]
    assert after - before in (0, 1)
    assert sample_indices(span + frames, T, rate, start=frames)[-1] == span + frames - 1


@pytest.mark.parametrize('arguments, words', [
    ((56, 16, 4), 'spans 61 frames, the video has 56: 5 too few'),
    ((120, 16, 8), '1 too few'),
    ((300, 16, 4, 240), 'expected 0 to 239, got 240'),
    ((300, 16, 4, -1), 'expected 0 to 239, got -1'),
    ((300, 0, 4), 'num_frames: expected at least 1'),
    ((300, 16, 0), 'sampling_rate: expected at least 1'),
])
def test_samples_that_are_not_there_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        sample_indices(*arguments)


def test_a_clip_is_normalized_like_its_frames_and_in_a_batch_like_alone():
    clip = torch.rand(3, 4, 5, 6)
    assert torch.equal(normalize(clip)[:, 2], normalize(clip[:, 2]))
    assert torch.equal(normalize(clip[None])[0], normalize(clip))
    assert_close(normalize(torch.stack(list(clip.unbind(1)), 1)), normalize(clip))


@pytest.mark.parametrize('shape', [(3, 5, 6), (3, 4, 5, 6), (2, 3, 4, 5, 6)])
def test_denormalize_is_the_inverse_with_any_statistics(shape):
    pixels, own = torch.rand(shape), dict(mean=(0.1, 0.2, 0.3), std=(0.9, 0.5, 0.2))
    assert_close(denormalize(normalize(pixels)), pixels)
    assert_close(denormalize(normalize(pixels, **own), **own), pixels)
    assert_close(denormalize(torch.zeros(3, 1, 1)).flatten(), torch.tensor((0.45,) * 3))


@pytest.mark.parametrize('pixels, error', [
    (torch.zeros(3, 4, 5, 6, dtype=torch.uint8), TypeError),       # bytes
    (torch.zeros(4, 3, 5, 6), ValueError),                         # time where channels should be
    (torch.zeros(1, 4, 5, 6), ValueError),                         # grey
    (torch.zeros(5, 6), ValueError),                               # no channels
])
def test_pixels_that_are_no_clip_are_refused(pixels, error):
    with pytest.raises(error):
        normalize(pixels)


def test_each_channel_has_its_own_mean_and_std():
    own = normalize(torch.ones(3, 2, 1, 1), mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))
    assert own[:, 0].flatten().tolist() == [1, 1, 0]      # (1−0)/1, (1−0.5)/0.5, (1−1)/0.25


def test_sampling_rarely_can_turn_a_motion_round():
    "After 60 of the 64 frames that it needs to come back, a circle is four pixels short of its start."
    video = moving_shape('circle', num_frames=241, speed=1 / 64)
    aliased = video[:, sample_indices(241, 5, 60, start=0)]
    assert torch.equal(aliased, moving_shape('circle', 'left', num_frames=5, speed=4 / 64))
