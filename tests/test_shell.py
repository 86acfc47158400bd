"""The two commands as a shell sees them, in processes of their own: exit codes, streams, Ctrl-C.

    pytest tests/test_shell.py -k full
"""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mvit_nb.model import create_model
from mvit_nb.toy_clips import moving_shape
from mvit_nb.weights.save import save_checkpoint

ROOT = Path(__file__).resolve().parent.parent
SMALL = dict(num_frames=4, image_size=32, embed_dim=8, depths=(1, 1), num_classes=4)
VIDEO = 'circle.mp4 --checkpoint small.safetensors --clips 1'
PREDICT = 'import sys; from mvit_nb.cli.predict import predict_cli; sys.exit(predict_cli())'
TRAIN = '''import signal, sys
from mvit_nb.cli.train import train_cli
signal.signal(signal.SIGINT, signal.default_int_handler)      # in the background it is ignored
sys.exit(train_cli())'''
LABELS = TRAIN.replace('train', 'predict')

pytestmark = pytest.mark.skipif(os.name != 'posix', reason='needs the shell bash')


def environment():
    """That of the tests, in which the library is found, and output is kept in a buffer."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH'))))
    kept = {name: text for name, text in os.environ.items() if name != 'PYTHONUNBUFFERED'}
    return kept | dict(PYTHONPATH=paths, OMP_NUM_THREADS='1')


@pytest.fixture(scope='module')
def shell(tmp_path_factory):
    """`shell(line)`: exit code, standard output, and lines on standard error, in a folder with a model and a video."""
    pytest.importorskip('av')
    from mvit_nb.video.write import write_video
    folder = tmp_path_factory.mktemp('shell')
    torch.manual_seed(0)
    save_checkpoint(create_model('mvit_s_16x4', **SMALL), folder / 'small.safetensors')
    clip = moving_shape('circle', 'right', 30, 64)
    write_video(folder / 'circle.mp4', (clip * 255).round().byte().unbind(1))
    names = 'laufen', 'hüpfen', '跳舞', 'c\x1b[2J\u202e'
    (folder / 'names.txt').write_text('\n'.join(names), encoding='utf-8')
    (folder / 'classes.txt').write_text('a\nb\nc\nd\n')

    def run(line):
        line = line.replace('mvit_predict', f'{sys.executable} -c "{PREDICT}"').replace('VIDEO', VIDEO)
        done = subprocess.run(['bash', '-c', line], cwd=folder, capture_output=True, text=True, env=environment())
        return done.returncode, done.stdout, done.stderr.splitlines()
    run.folder = folder
    return run


@pytest.mark.parametrize('line, told', [
    pytest.param('mvit_predict VIDEO > /dev/full', 1, id='full disk'),       # a file that is always full
    pytest.param('mvit_predict VIDEO --json >&-', 1, id='closed stream'),
    pytest.param('mvit_predict VIDEO | true; exit ${PIPESTATUS[0]}', 1, id='reader gone'),
    # argparse would be silent
    pytest.param('PYTHONUNBUFFERED=1 mvit_predict --help > /dev/full', 1, id='help on a full disk'),
    pytest.param('mvit_predict 2> /dev/full', 0, id='errors on a full disk')])
def test_output_that_cannot_be_written(shell, line, told):
    code, out, err = shell(line)
    assert (code, out, len(err)) == (2, '', told), err


def test_what_ascii_cannot_say(shell):
    code, out, err = shell('PYTHONIOENCODING=ascii mvit_predict VIDEO --top 4 --labels names.txt')
    assert (code, err) == (0, []) and 'h\\xfcpfen' in out


def test_interrupted_training(tmp_path):
    """Ctrl-C goes to the command and, as in a terminal, to the processes that read data for it."""
    words = ('shapes --out endless --cpu --clips 2000 --epochs 1000 --batch-size 8 --repeats 1 --workers 2 '
             '--save-steps 5').split()
    process = subprocess.Popen([sys.executable, '-c', TRAIN, *words], cwd=tmp_path, env=environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    waited, begun = time.monotonic() + 120, tmp_path / 'endless' / 'state.pt'
    while not begun.exists() and time.monotonic() < waited and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert begun.exists()
    how = 'the same command with --resume goes on from what is saved in endless'
    assert (process.returncode, err.splitlines()) == (130, [f'mvit_train: interrupted; {how}'])


def test_interrupted_labels(shell, tmp_path):
    """Who presses Ctrl-C is told that the same command goes on, and so it does."""
    folder = shell.folder
    (tmp_path / 'videos').mkdir()
    for i in range(300):
        os.link(folder / 'circle.mp4', tmp_path / 'videos' / f'{i}.mp4')
    words = ['videos', '--checkpoint', str(folder / 'small.safetensors'), '--out', 'labels.csv']
    process = subprocess.Popen([sys.executable, '-c', LABELS, *words], cwd=tmp_path, env=environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    waited, table = time.monotonic() + 120, tmp_path / 'labels.csv'
    while not (table.exists() and table.read_bytes().count(b'\n') > 2) and time.monotonic() < waited \
            and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    how = 'the same command goes on from what is saved in labels.csv'
    assert (process.returncode, err.splitlines()) == (130, [f'mvit_predict: interrupted; {how}'])
    assert table.read_bytes().count(b'\n') < 300
