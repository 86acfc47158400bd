"""What a run leaves works where it lies: the card's code, its command, its header on the hub; and no display is needed."""
import os
import re
import subprocess
import sys

import pytest
import torch

from mvit_nb.model import create_model
from mvit_nb.training.recipe import Recipe
from mvit_nb.training.report import write_report
from mvit_nb.training.shapes import MovingShapes
from mvit_nb.weights.save import save_checkpoint

SMALL = dict(num_frames=4, image_size=32, num_classes=4, embed_dim=8, depths=(1, 1))
ROWS = [dict(epoch=e, lr=1e-3, loss=1.0, accuracy=0.4, val_loss=1.2, val_accuracy=0.2 + e / 10) for e in (1, 2)]


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A folder as `train` leaves it, with a report and a video."""
    write = pytest.importorskip('mvit_nb.video.write')
    pytest.importorskip('av')
    out = tmp_path_factory.mktemp('run')
    torch.manual_seed(0)
    model, data = create_model('mvit_s_16x4', **SMALL), MovingShapes(8, num_frames=4)
    save_checkpoint(model, out / 'best.safetensors')
    (out / 'classes.txt').write_text('\n'.join(data.classes) + '\n', encoding='utf-8')
    write_report(out, model, data, ROWS, Recipe(), data.classes)
    write.write_video(out / 'video.mp4', torch.randint(256, (30, 3, 48, 64), dtype=torch.uint8))
    return out


def blocks(run, language):
    text = (run / 'model_card.md').read_text(encoding='utf-8')
    return re.findall(rf'```{language}\n(.*?)```', text, re.S)


def test_code_of_card_works(run):
    codes = blocks(run, 'python')
    assert len(codes) == 2
    ran = subprocess.run([sys.executable, '-c', '\n'.join(codes)], cwd=run, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert 'video.mp4' in ran.stdout and any(name in ran.stdout for name in ('left', 'right', 'up', 'down'))
    assert ran.stdout.splitlines()[-1].startswith('tensor([')


def test_command_of_card_works(run):
    command, = blocks(run, 'sh')
    program, *arguments = command.split()
    assert program == 'mvit_predict'
    call = f'from mvit_nb.cli.predict import predict_cli; import sys; sys.exit(predict_cli({arguments!r}))'
    ran = subprocess.run([sys.executable, '-c', call], cwd=run, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert 'video.mp4' in ran.stdout


def test_hub_reads_header(run):
    hub = pytest.importorskip('huggingface_hub')
    data = hub.ModelCard.load(run / 'model_card.md').data
    assert data.library_name == 'mvit_nb' and data.pipeline_tag == 'video-classification'
    result, = data.eval_results
    assert result.metric_type == 'accuracy' and 0 <= result.metric_value <= 1
    assert data.license is None


def test_card_of_a_resumed_run(tmp_path):
    """It names training videos that could not be read before the run was resumed."""
    write, video_set = pytest.importorskip('mvit_nb.video.write'), pytest.importorskip('mvit_nb.training.video_set')
    pytest.importorskip('av')
    pytest.importorskip('accelerate')
    from mvit_nb.training.engine import train
    for name in 'ab':
        write.write_video(tmp_path / f'{name}.mp4', torch.randint(256, (30, 3, 48, 64), dtype=torch.uint8))
    (tmp_path / 'bad.mp4').write_bytes(b'no video')
    card, recipe = tmp_path / 'run' / 'model_card.md', Recipe.small(epochs=1, batch_size=2, repeats=1, cpu=True)

    def run(**options):
        items = [(tmp_path / f'{name}.mp4', label) for name, label in (('a', 0), ('bad', 1), ('b', 2), ('a', 3))]
        read = dict(classes='wxyz', root=tmp_path, most_unreadable=0.5)
        model = create_model('mvit_s_16x4', **SMALL)
        data = [video_set.VideoSet(part, config=model.config, split=split, **read) for part, split in ((items, 'train'), (items[2:], 'val'))]
        train(model, *data, card.parent, recipe, verbose=False, **options)
        return card.read_text(encoding='utf-8')

    with pytest.warns(UserWarning, match='cannot be read'):
        assert 'bad.mp4' in run()
    card.unlink()
    (tmp_path / 'bad.mp4').write_bytes((tmp_path / 'a.mp4').read_bytes())         # mended by now
    assert '1 training video could not be read' in run(resume=True) and 'bad.mp4' in card.read_text(encoding='utf-8')


def test_no_display_is_needed(run, tmp_path):
    """Not even where somebody asked for windows."""
    code = f"""
import torch
from mvit_nb.training.recipe import Recipe
from mvit_nb.training.report import write_report
from mvit_nb.training.shapes import MovingShapes
from mvit_nb.weights.save import load_model
model = load_model({str(run / 'best.safetensors')!r})
write_report({str(tmp_path)!r}, model, MovingShapes(3, num_frames=4), {ROWS!r}, Recipe())
import matplotlib.pyplot as plt
assert not plt.get_fignums()
"""
    environment = {key: value for key, value in os.environ.items() if 'DISPLAY' not in key}
    ran = subprocess.run([sys.executable, '-W', 'error::UserWarning', '-c', code], capture_output=True, text=True,
                         env=environment | {'MPLBACKEND': 'TkAgg'})
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / 'worst.png').read_bytes().startswith(b'\x89PNG')
