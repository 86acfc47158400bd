"""Training in processes of its own: killed and resumed, started in every way, shared by two processes.

    pytest tests/test_engine.py -k killed

Run as a program, this file is what is killed, and what torchrun starts."""
import atexit
import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mvit_nb.model import create_model
from mvit_nb.training.engine import train
from mvit_nb.training.experiments import SMALL_MVIT
from mvit_nb.training.shapes import MovingShapes
from mvit_nb.weights.sources import read_state
from mvit_nb.weights.torch_files import read_torch

ROOT = Path(__file__).resolve().parent.parent
COMMON = dict(augment='none', ema=0.9, head_epochs=1, layer_decay=0.8, cpu=True, report=False, verbose=False)


class MortalShapes(MovingShapes):
    """Moving shapes that kill their process, with the signal that nothing can catch, after so many clips."""

    def __init__(self, number, clips_to_live):
        super().__init__(number)
        self.clips_to_live = clips_to_live

    def __getitem__(self, index):
        if self.clips_to_live == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.clips_to_live -= 1
        return super().__getitem__(index)


class BeliedShapes(MovingShapes):
    """Moving shapes, each with the label of another motion."""

    def __getitem__(self, index):
        clip, label = super().__getitem__(index)
        return clip, (label + 1) % 4


def run_mortal(out, workers=0, clips_to_live=-1):
    """Two epochs of six steps, in the first of them only the head; saved after every second step."""
    torch.manual_seed(0)
    model = create_model(SMALL_MVIT, embed_dim=8, drop_path_rate=0.2)
    data = MortalShapes(48, clips_to_live), MovingShapes(16, seed=1)
    train(model, *data, out, resume=True, epochs=2, warmup=0.3, batch_size=8, repeats=1, mixup=0.8, lr=2e-3,
          frozen_blocks=1, patience=1, save_steps=2, workers=workers, **COMMON)


def run_twins(out, batch_size, epochs):
    """The head first; the validation clips have wrong labels, so that the run ends early."""
    torch.manual_seed(0)
    data = MovingShapes(64), BeliedShapes(20, seed=1)
    train(create_model(SMALL_MVIT, embed_dim=8), *data, out, epochs=epochs, warmup=0.25, batch_size=batch_size,
          lr=1e-3, mixup=0.0, cutmix=0.0, patience=2, **COMMON)


def die_at(writes):
    """Kill this process just before the last of so many files gets its name."""
    replace, left = os.replace, list(range(writes))

    def killing(part, path):
        left.pop()
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(part, path)
    os.replace = killing


def main(how, out):
    """What the tests start; `how` is one of the words that they give."""
    torch.set_num_threads(1)
    if how == 'twins':
        # one piece of text, as the two processes share a pipe
        atexit.register(lambda: sys.stdout.write(f'group: {torch.distributed.is_initialized()} '))
        run_twins(out, 8, 9)
        run_twins(f'{out} again', 8, 1)
    elif how == 'clip':
        run_mortal(out, clips_to_live=48 + 30)
    elif how == 'write':
        die_at(3)
        run_mortal(out, workers=2)
    else:
        torch.multiprocessing.set_start_method(how)
        run_mortal(out, workers=1)


def started(how, out, *launcher):
    """This file as a program, to its end."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH'))))
    names = os.environ | dict(PYTHONPATH=paths, OMP_NUM_THREADS='1')
    command = [sys.executable, *launcher, __file__, how, str(out)]
    return subprocess.run(command, capture_output=True, text=True, env=names, timeout=300)


def metrics(out):
    """The metrics of a run, without the speeds."""
    with open(out / 'metrics.csv', newline='') as file:
        return [{name: text for name, text in row.items() if name != 'clips_per_s'} for row in csv.DictReader(file)]


def compare(whole, other):
    """The weights of two runs are the same bit for bit, and so are their metrics."""
    for file in ('last.safetensors', 'best.safetensors'):
        expected, weights = read_state(whole / file), read_state(other / file)
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert metrics(other) == metrics(whole) and len(metrics(whole)) == 2


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    """As in the processes that are started: sums are taken in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """The run that nothing interrupts."""
    out = tmp_path_factory.mktemp('engine') / 'whole'
    run_mortal(out)
    return out


@pytest.mark.parametrize('kill, workers, at', [
    pytest.param('clip', 0, (1, 2), id='in an epoch'),
    # while the state of the head's epoch is saved; how many processes read must not matter
    pytest.param('write', 2, (0, 2), id='in a write')])
def test_killed_run_goes_on_to_the_same_weights(whole, tmp_path, kill, workers, at):
    killed = started(kill, tmp_path / 'run')
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = read_torch(tmp_path / 'run' / 'state.pt')
    assert (state['epoch'], state['batch']) == at
    run_mortal(tmp_path / 'run', workers)
    compare(whole, tmp_path / 'run')


@pytest.mark.parametrize('method', torch.multiprocessing.get_all_start_methods()[1:])
def test_reading_processes_started_in_other_ways_give_the_same_weights(whole, tmp_path, method):
    """The first of the ways is Python's own choice, and was taken above; it depends on system and version."""
    done = started(method, tmp_path / 'run')
    assert done.returncode == 0, done.stderr
    compare(whole, tmp_path / 'run')


def test_two_processes_are_one_with_twice_the_batch(tmp_path):
    """They average gradients and weights and end early alike. A process may train twice: the second time it
    finds the group of processes as the first time left it; at its end the group is dissolved."""
    launcher = '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2'
    done = started('twins', tmp_path / 'two', *launcher)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count('group: False ') == 2, done.stdout
    run_twins(tmp_path / 'one', 16, 9)
    single, twin = metrics(tmp_path / 'one'), metrics(tmp_path / 'two')
    assert len(single) == len(twin) < 9                                     # both ended early
    for a, b in zip(single, twin, strict=True):
        for name in ('loss', 'val_loss', 'lr', 'step'):
            assert abs(float(a[name]) - float(b[name])) < 1e-4, (a, b)
    expected, weights = (read_state(tmp_path / name / 'last.safetensors') for name in ('one', 'two'))
    assert weights.keys() == expected.keys()
    assert max((weights[name] - expected[name]).abs().max() for name in weights) < 1e-3


if __name__ == '__main__':
    main(*sys.argv[1:])
