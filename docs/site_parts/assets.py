"""What the pages load beside Sphinx's own files: their scripts, Pyodide, and the library's modules.

All of it are classic scripts and files beside them, so that the pages also work from a folder on a
disk, where a browser refuses modules and `fetch`."""
import base64
import configparser
import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

from mvit_nb.controls import MOST_BLOCKS
from mvit_nb.design import design_page, design_report
from mvit_nb.figures import cost, style

from .paths import DOCS, ROOT

APP = DOCS / 'app'
BINARIES = 'pyodide.asm.wasm', 'python_stdlib.zip'
PAGES = 'explorer.js', 'landing.js', 'tokens.js', 'workbook.js'
TARGET = 'es2022'


def arithmetic_modules(root: Path = ROOT) -> list[str]:
    """The modules that import no torch, `mvit_nb.config` and so on: the contract `arithmetic` of
    `.importlinter`. Raises `ValueError` if there is no such contract."""
    contracts = configparser.ConfigParser()
    contracts.read(root / '.importlinter', encoding='utf-8')
    section = 'importlinter:contract:arithmetic'
    if not contracts.has_option(section, 'source_modules'):
        raise ValueError(f'expected {root / ".importlinter"} with source_modules in [{section}]')
    return contracts[section]['source_modules'].split()


def python_sources(root: Path = ROOT) -> dict[str, str]:
    """What the browser's Python gets to import, path → text: the modules that are arithmetic, the
    package's own `__init__.py`, and an empty one for each room that one of them stands in.
    Raises `FileNotFoundError` for a module that has no file."""
    sources = {'mvit_nb/__init__.py': (root / 'mvit_nb/__init__.py').read_text(encoding='utf-8')}
    for module in arithmetic_modules(root):
        path = Path(*module.split('.')).with_suffix('.py')
        if not (root / path).is_file():
            raise FileNotFoundError(f'{module}: expected the file {root / path}')
        for room in list(path.parents)[:-2]:              # all but mvit_nb and its folder
            sources.setdefault(f'{room.as_posix()}/__init__.py', '')
        sources[path.as_posix()] = (root / path).read_text(encoding='utf-8')
    return sources


def _write_library(out: Path) -> None:
    "The library's modules as a script that sets a global."
    text = json.dumps(python_sources(), ensure_ascii=False)
    (out / 'library.js').write_text(f'globalThis.mvitLibrary = {text};\n', encoding='utf-8')


def _write_design(out: Path) -> None:
    "What the explorer shows before Python is there: its controls, and the report of its start."
    first = {'page': design_page(), 'report': design_report('')}
    (out / 'design.js').write_text(f'globalThis.mvitDesign = {json.dumps(first)};\n',
                                   encoding='ascii')


def _write_colors(out: Path) -> None:
    """The course's colours as variables of CSS: --mvit-stage-1 and so on, --mvit-q, -k and -v, and
    --mvit-linear and so on for the operators."""
    stages = range(1, MOST_BLOCKS + 2)                    # at most one a block, and the cubes
    colors = {f'stage-{stage}': style.stage_color(stage) for stage in stages}
    colors |= {'q': style.Q_COLOR, 'k': style.K_COLOR, 'v': style.V_COLOR}
    colors |= cost.OPERATOR_COLORS
    lines = [f'  --mvit-{name}: {color};' for name, color in colors.items()]
    text = '\n'.join([':root {', *lines, '}', ''])
    (out / 'colors.css').write_text(text, encoding='ascii')


def _write_binary(path: Path, out: Path) -> None:
    "A file as it is, for http, and compressed in a script, for pages that are opened as files."
    shutil.copyfile(path, out / path.name)
    packed = base64.b64encode(gzip.compress(path.read_bytes(), mtime=0)).decode('ascii')
    script = f'(globalThis.mvitFiles ??= {{}})["{path.name}"] = "{packed}";\n'
    (out / f'{path.name}.js').write_text(script, encoding='ascii')


def _esbuild(node_modules: Path, script: Path, out: Path, *options: str) -> None:
    """Bundle one script with what it imports into a classic script. Raises `FileNotFoundError` for
    a script or a program that is not there, and `RuntimeError` with esbuild's own message."""
    if not script.is_file(): raise FileNotFoundError(f'expected the script {script}')
    command = [node_modules / '.bin' / 'esbuild', script, '--bundle', '--format=iife', '--minify',
               f'--target={TARGET}', f'--outfile={out / script.name}', '--log-level=warning',
               '--charset=utf8', '--legal-comments=inline', *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          env=os.environ | {'NODE_PATH': str(node_modules)})
    if done.returncode or done.stderr:
        raise RuntimeError(f'esbuild on {script}: {done.stderr or done.returncode}')


def write_icons(
    node_modules: Path,   # where `npm ci` put Font Awesome
    html: Path,           # the built site
) -> None:
    """Put a script with the few icons that pages use where the theme has one with all (1.6 MB).
    Raises `FileNotFoundError` if the theme keeps its script elsewhere by now."""
    script = html / '_static/scripts/fontawesome.js'
    if not script.is_file(): raise FileNotFoundError(f'expected the script of the theme, {script}')
    _esbuild(node_modules, APP / 'icons.js', html / '_static')
    (html / '_static/icons.js').replace(script)


def bundle(
    node_modules: Path,   # where `npm ci` put pyodide, esbuild and @observablehq/plot
    static: Path,         # folder of static files; all goes into its folder `app`
) -> None:
    """Write every script and style sheet that a page loads. Raises `FileNotFoundError` for a file
    that is not there and `RuntimeError` with esbuild's own message."""
    out = static / 'app'
    out.mkdir(parents=True, exist_ok=True)
    _write_library(out)
    _write_design(out)
    _write_colors(out)
    for sheet in sorted(APP.glob('*.css')):
        shutil.copyfile(sheet, out / sheet.name)
    for name in BINARIES:
        _write_binary(node_modules / 'pyodide' / name, out)
    _esbuild(node_modules, APP / 'pyodide.js', out, '--define:import.meta.url=document.baseURI',
             f'--inject:{APP / "pyodide_files.js"}', '--external:node:*')
    for name in PAGES:
        _esbuild(node_modules, APP / name, out)
