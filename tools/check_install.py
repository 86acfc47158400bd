#!/usr/bin/env python3
"""Does the installed package work, with what it asks for and nothing else? Run it with the Python of an environment into which only
the wheel was installed: `PYTHON -I tools/check_install.py`. It imports, makes a model, runs it, saves and loads it, and calls both commands."""
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch

import mvit_nb
from mvit_nb.training.experiments import SMALL_MVIT
from mvit_nb.predict import kinetics400_labels

EXTRAS = 'accelerate', 'av', 'fvcore', 'ipywidgets', 'matplotlib', 'nbdev', 'onnx', 'PIL', 'tqdm'


def check_library():
    "The library as imported: from the wheel, without the extras, and it computes."
    package = Path(mvit_nb.__file__).parent
    assert package.is_relative_to(sysconfig.get_path('purelib')), f'{package} is not the installed one'
    assert (package / 'py.typed').is_file(), 'py.typed is missing'
    assert mvit_nb.__version__ == version('mvit_nb'), (mvit_nb.__version__, version('mvit_nb'))
    loaded = [name for name in EXTRAS if name in sys.modules]
    assert not loaded, f'importing loads {loaded}'
    assert len(kinetics400_labels()) == 400
    model = mvit_nb.create_model(SMALL_MVIT).eval()
    clip = torch.randn(2, 3, *model.config.clip_size)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / 'small.safetensors'
        mvit_nb.save_checkpoint(model, path)
        torch.testing.assert_close(mvit_nb.load_model(path).eval()(clip), model(clip))


def command(*words):
    "Exit code, standard output and standard error of an installed command."
    path = Path(sysconfig.get_path('scripts')) / words[0]
    done = subprocess.run([path, *words[1:]], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def check_commands():
    "Both commands: help, version, and one line for an error."
    for name in ('mvit_predict', 'mvit_train'):
        code, out, err = command(name, '--help')
        assert (code, err) == (0, '') and '(default: ' in out, (code, out, err)
        assert command(name, '--version') == (0, f'{name} {mvit_nb.__version__}\n', '')
        code, out, err = command(name)
        assert (code, out) == (2, '') and err.count('\n') == 1, (code, out, err)


if __name__ == '__main__':
    check_library()
    check_commands()
    print(f'mvit_nb {mvit_nb.__version__} works with torch {torch.__version__}, Python {sys.version.split()[0]}')
