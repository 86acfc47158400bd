"""What the page "Tokens" shows: attention of a small network, a first report, and a photograph"""
import json
import shutil
from pathlib import Path

from matplotlib.cbook import get_sample_data

from mvit_nb.tokens import token_report

from .paths import DOCS

ATTENTION = DOCS / 'data/attention.json'          # nbs/library/analysis/attention_data.ipynb
FIRST = 1, (4, 32, 40)                            # block and place that the page opens with
PHOTOGRAPH = 'grace_hopper.jpg'                   # Matplotlib's sample, in the public domain


def write(
    out: Path,   # folder of the built scripts
) -> None:
    """Write attention.js and the photograph. Raises `FileNotFoundError` if docs/data has no
    attention, and what `token_report` raises."""
    content = json.loads(ATTENTION.read_text(encoding='ascii'))
    content['first'] = token_report(content['query'], *FIRST)
    text = json.dumps(content, separators=(',', ':'))
    out.mkdir(parents=True, exist_ok=True)
    (out / 'attention.js').write_text(f'globalThis.mvitAttention = {text};\n', encoding='ascii')
    with get_sample_data(PHOTOGRAPH) as source, (out / PHOTOGRAPH).open('wb') as target:
        shutil.copyfileobj(source, target)
