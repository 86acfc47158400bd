"""The benchmark of reading runs, and finds the frames of a plain loop with PyAV in every way."""
import json
import subprocess
import sys
from pathlib import Path

import torch

from mvit_nb.video.write import write_video

ROOT = Path(__file__).parent.parent


def test_a_small_run_tells_all_stages(tmp_path):
    film, kept = tmp_path / 'film.mp4', tmp_path / 'kept.json'
    noise = torch.randint(256, (60, 3, 48, 64), dtype=torch.uint8)
    write_video(film, noise, keyframes=20)
    sizes = '--clips 4 --runs 2 --frames 4 --rate 2 --crop 32 --batch 2 --workers 0 1'.split()
    done = subprocess.run(
        [sys.executable, ROOT / 'benchmarks' / 'throughput.py', film, '--json', kept, *sizes],
        capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    for row in ('| seek, decode |', '| to RGB |', '| resize |', '| collate |', '| item |',
                '| loader, 1 worker |', 'of the plain loop, per CPU second'):
        assert row in done.stdout, row
    found = json.loads(kept.read_text())['as they are, pyav']
    assert len(found['stages']['item']) == len(found['loaders']['1']) == 2
    assert all(cpu > 0 for wall, cpu in found['stages']['item'] + found['loaders']['1'])
