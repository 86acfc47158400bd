"""torchcodec, where it can be imported, gives the frames of PyAV; where not, one is told so."""
import subprocess
import sys

import pytest
import torch

from mvit_nb.toy_clips import pan_zoom, photograph
from mvit_nb.video import backends
from mvit_nb.video.container import VideoError
from mvit_nb.video.reader import open_video
from mvit_nb.video.write import stamp, write_video

try:
    backends.import_torchcodec()
except ImportError as error:
    missing = str(error)
else:
    missing = ''
with_torchcodec = pytest.mark.skipif(bool(missing), reason=missing)

UNEVEN = [33 * i + 117 * max(i - 45, 0) for i in range(90)]      # ms
KINDS = {   # name: (ending, arguments of `write_video`, is it read by torchcodec?)
    'H.264': ('mp4', {}, True),
    'open groups': ('mkv', dict(options={'x264-params': 'open-gop=1:bframes=3:b-adapt=0'}), True),
    'no keyframes': ('mp4', dict(options={'x264-params': 'intra-refresh=1:bframes=0'}), True),
    'uneven times': ('mp4', dict(times=UNEVEN), True),
    'HEVC': ('mkv', dict(codec='libx265', options={'x265-params': 'log-level=0'}), True),
    'VP9': ('webm', dict(codec='libvpx-vp9', options={'deadline': 'realtime', 'cpu-used': '8'}),
            True),
    '10 bits': ('mp4', dict(pix_fmt='yuv420p10le'), False),
    'turned': ('mp4', dict(rotation=-90), False),
    'MPEG-4': ('mp4', dict(codec='mpeg4'), False),
    'MPEG-TS': ('ts', {}, False),
}


@pytest.fixture(autouse=True)
def choice_undone(monkeypatch):
    monkeypatch.setenv('MVIT_NB_VIDEO_BACKEND', 'pyav')


@pytest.fixture(scope='module')
def pictures():
    camera = (pan_zoom(photograph(), 90, 160)[:, :, 20:140] * 255).byte().transpose(0, 1)
    return [stamp(picture, i) for i, picture in enumerate(camera)]


def frames(path, backend, times):
    backends.use_backend(backend)
    with open_video(path) as video:
        return dict(video.clips(times)), type(video._source) is backends.TorchcodecFrames


@with_torchcodec
@pytest.mark.parametrize('kind', KINDS)
def test_frames_are_equal(kind, pictures, tmp_path):
    ending, arguments, read_by_torchcodec = KINDS[kind]
    path = tmp_path / f'film.{ending}'
    write_video(path, pictures, **{'keyframes': 30, **arguments})
    times = [[i / 30 for i in range(0, 90, 3)], [1.0, 1.0, 0.01, 2.95, 2.0]]
    ours, by_torchcodec = frames(path, 'pyav', times)
    assert not by_torchcodec
    others, by_torchcodec = frames(path, 'torchcodec', times)
    assert by_torchcodec == read_by_torchcodec
    assert all(torch.equal(ours[k], others[k]) for k in ours)


@with_torchcodec
def test_both_refuse_what_cannot_be_read(pictures, tmp_path):
    path = tmp_path / 'film.mp4'
    write_video(path, pictures, keyframes=30)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle:middle + 4000] = bytes(4000)
    hole = tmp_path / 'hole.mp4'
    hole.write_bytes(data)
    for file, times, reason in (
            (path, [[1.0, 7.0]], 'no frame at 7.00 s, the video ends before'),
            (hole, [[i / 30 for i in range(90)]], 's is damaged'),
            (tmp_path / 'nowhere.mp4', [[0.0]], 'No such file')):
        for backend in backends.BACKENDS:
            with pytest.raises(VideoError, match=reason) as caught:
                frames(file, backend, times)
            assert str(caught.value).startswith(f'{file}: ')


def test_a_missing_package_is_named(monkeypatch, pictures, tmp_path):
    monkeypatch.setitem(sys.modules, 'torchcodec', None)
    with pytest.raises(ImportError, match='needs the package torchcodec'):
        backends.use_backend('torchcodec')
    assert backends.video_backend() == 'pyav'
    write_video(tmp_path / 'film.mp4', pictures[:3])
    monkeypatch.setenv('MVIT_NB_VIDEO_BACKEND', 'torchcodec')
    with pytest.raises(ImportError, match='needs the package torchcodec'):
        open_video(tmp_path / 'film.mp4')


def test_the_choice_reaches_other_processes(monkeypatch):
    monkeypatch.setattr(backends, 'import_torchcodec', lambda: None)
    backends.use_backend('torchcodec')
    script = 'from mvit_nb.video.backends import video_backend; print(video_backend())'
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.stdout.strip() == 'torchcodec', done.stderr
