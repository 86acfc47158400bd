"""Formulas become HTML and MathML while the site is built, by KaTeX in one process of Node.js

So a page needs no script to show them, and a formula that KaTeX cannot read is a warning."""
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

from .paths import DOCS, NODE_MODULES

_log = logging.getLogger(__name__)


@cache
def _node() -> subprocess.Popen:
    "The process that knows KaTeX; it ends when its input is closed, with the build."
    return subprocess.Popen(
        ['node', str(DOCS / 'app/formulas.cjs')], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {'NODE_PATH': str(NODE_MODULES)}, text=True, encoding='utf-8')


@cache
def rendered(latex: str, display: bool) -> str:
    """A formula as HTML with MathML in it. Raises `ValueError` with KaTeX's own sentence for what
    it cannot read, `RuntimeError` if Node.js does not answer."""
    process = _node()
    process.stdin.write(json.dumps({'latex': latex, 'display': display}) + '\n')
    process.stdin.flush()
    line = process.stdout.readline()
    if not line: raise RuntimeError('Node.js with KaTeX does not answer')
    answer = json.loads(line)
    if 'error' in answer: raise ValueError(answer['error'])
    return answer['html']


def _append(translator, node, display: bool) -> None:
    "Write a formula, or its source where it cannot be read."
    latex = node.astext()
    try:
        text = rendered(latex, display)
    except ValueError as error:
        _log.warning('formula %r: %s', latex, error, location=node)
        text = translator.encode(latex)
    tag = 'div' if display else 'span'
    translator.body.append(translator.starttag(node, tag, '', CLASS='math') + f'{text}</{tag}>')
    raise nodes.SkipNode


def visit_math(translator, node) -> None:
    """A formula within a line."""
    _append(translator, node, False)


def visit_math_block(translator, node) -> None:
    """A formula that stands alone."""
    _append(translator, node, True)


def copy_style(app) -> None:
    """Put the style sheet and the fonts of formulas where pages look for them."""
    out = Path(app.outdir) / '_static/katex'
    shutil.copytree(NODE_MODULES / 'katex/dist/fonts', out / 'fonts', dirs_exist_ok=True)
    shutil.copy(NODE_MODULES / 'katex/dist/katex.min.css', out)


def setup(app):
    app.add_html_math_renderer('katex', (visit_math, None), (visit_math_block, None))
    app.add_css_file('katex/katex.min.css')
    app.connect('builder-inited', copy_style)
    return {'parallel_read_safe': True, 'parallel_write_safe': False}
