#!/usr/bin/env python3
"""Use the explorer as a reader does: `python tools/test_explorer_in_browser.py` starts JupyterLab
on this machine, opens a copy of nbs/guides/explorer.ipynb in headless Chromium, runs it, moves a
slider with the arrow keys and reads the new total from the page; then the same in Voilà, if it is
installed. Every total is compared with `mvit_nb.cost`. Exit code: 0 if all is well, else 1.

Needs selenium, and Chromium with its driver (Debian: chromium, chromium-driver). Voilà is
optional."""
import argparse
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAGS = '''--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
    --disable-dev-shm-usage'''.split()


def prepare(folder):
    """A copy of the notebook without outputs (what the page shows then comes from this run), and
    settings for a quiet JupyterLab. Returns the environment for a server in this folder."""
    notebook = json.loads((ROOT / 'nbs/guides/explorer.ipynb').read_text(encoding='utf-8'))
    for cell in notebook['cells']:
        if cell['cell_type'] == 'code':
            cell.update(outputs=[], execution_count=None)
    (folder / 'work').mkdir()
    (folder / 'work/explorer.ipynb').write_text(json.dumps(notebook), encoding='utf-8')
    settings = folder / 'settings/@jupyterlab/apputils-extension'
    settings.mkdir(parents=True)
    (settings / 'notification.jupyterlab-settings').write_text(
        '{"fetchNews": "false", "checkForUpdates": false}')
    own = {name: str(folder / name.lower()) for name in (
        'JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR',
        'JUPYTERLAB_WORKSPACES_DIR', 'IPYTHONDIR', 'MPLCONFIGDIR')}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
    return {**os.environ, **own, 'JUPYTERLAB_SETTINGS_DIR': str(folder / 'settings'),
            'PYTHONPATH': path}


@contextmanager
def server(folder, env, module, *options):
    """Run `python -m module` on a free port of the loopback interface; gives its address."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    with open(folder / f'{module}.log', 'wb') as log:
        process = subprocess.Popen(
            [sys.executable, '-m', module, f'--port={port}', '--no-browser', *options],
            env=env, cwd=folder / 'work', stdout=log, stderr=log, start_new_session=True)
    url = f'http://127.0.0.1:{port}'
    try:
        deadline = time.time() + 90
        while True:
            try:
                with socket.create_connection(('127.0.0.1', port), timeout=1):
                    break
            except OSError:
                if process.poll() is not None or time.time() > deadline:
                    ending = (folder / f'{module}.log').read_text()[-2000:]
                    raise RuntimeError(f'{module} did not start:\n{ending}') from None
                time.sleep(0.3)
        yield url
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def browser(folder, width):
    """Headless Chromium with a fresh profile."""
    from selenium import webdriver
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f'--user-data-dir={folder / "profile"}', f'--window-size={width},1000'):
        options.add_argument(flag)
    names = 'chromium', 'chromium-browser', 'google-chrome'
    binary = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which('chromedriver')
    if not binary or not driver:
        raise RuntimeError('Chromium and chromedriver are needed '
                           '(Debian: apt install chromium chromium-driver)')
    options.binary_location = binary
    page = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        page.set_script_timeout(600)
        yield page
    finally:
        page.quit()


class Explorer:
    """The application as it stands in a page."""

    def __init__(self, page, seconds):
        self.page, self.seconds = page, seconds

    def find(self, selector):
        from selenium.webdriver.common.by import By
        return self.page.find_elements(By.CSS_SELECTOR, selector)

    def until(self, what, condition):
        """Wait for a condition; gives its value."""
        deadline = time.time() + self.seconds
        while True:
            try:
                if value := condition():
                    return value
            except Exception as error:                       # an element that was just replaced
                if 'stale' not in str(error).lower():
                    raise
            if time.time() > deadline:
                raise AssertionError(f'waited {self.seconds} s in vain for {what}')
            time.sleep(0.02)

    def control(self, label, inside):
        """An element inside the control with this label."""
        for box in self.find('.widget-inline-hbox'):
            if any(e.text == label for e in box.find_elements('css selector', '.widget-label')):
                return box.find_element('css selector', inside)
        raise AssertionError(f'no control {label!r}')

    def total(self):
        """(what is written, the exact number behind it) of the multiply-adds of this network; None
        before there are any."""
        cells = self.find('td.mvit-total')
        if not cells:
            return None
        return cells[0].text, int(cells[0].get_attribute('title').replace(',', ''))

    def line(self):
        """What the line above the totals says."""
        return self.find('.mvit-line')[0].text

    def picture(self):
        """The picture's width in pixels (0 if it is broken) and its address."""
        return self.page.execute_script(
            'const i = document.querySelector(".widget-image"); return [i.naturalWidth, i.src]')


def use(page, where, seconds, shots):
    """Check the start, move a slider, type something impossible, mend it."""
    from selenium.webdriver.common.keys import Keys
    from mvit_nb.cost import cost
    from mvit_nb.units import si
    from mvit_nb.zoo import get_config
    app, config = Explorer(page, seconds), get_config('mvit_b_16x4')

    def expect(config, what):
        flops = cost(config).flops
        app.until(f'the total of {what}, {flops:,}',
                  lambda: app.total() == (si(flops), flops))
        return f'{what}: {app.total()[0]} ({flops:,})'

    def settled():
        "The picture's address, once it has not changed for a while."
        address, since = app.picture()[1], time.time()

        def quiet():
            nonlocal address, since
            if app.picture()[1] != address:
                address, since = app.picture()[1], time.time()
            return time.time() - since > 2

        app.until('the picture to settle', quiet)
        if app.picture()[0] != 800:
            raise AssertionError('the picture is broken')
        return address

    def scroll():
        page.execute_script(
            'document.querySelector(".mvit-line").scrollIntoView({block: "center"})')

    def shot(name):
        if shots:
            scroll()
            time.sleep(0.5)
            page.save_screenshot(str(shots / f'{where}_{name}.png'))

    app.until('the explorer', lambda: app.total() and app.find('.widget-slider .noUi-handle'))
    scroll()
    print(f'{where}: {expect(config, "16 frames")}')
    before = settled()
    shot('start')

    frames = app.control('frames', '.noUi-handle')
    start = time.perf_counter()
    frames.send_keys(Keys.ARROW_RIGHT)
    text = expect(replace(config, num_frames=17), 'one key on the slider, 17 frames')
    print(f'{where}: {text}, on the page after {time.perf_counter() - start:.2f} s')
    app.until('a new picture', lambda: app.picture()[1] != before)
    print(f'{where}: its picture after {time.perf_counter() - start:.2f} s')
    for _ in range(7):
        frames.send_keys(Keys.ARROW_RIGHT)
    longer = replace(config, num_frames=24)
    print(f'{where}: {expect(longer, "seven keys more, 24 frames")}')

    before = settled()
    depths = app.control('depths', 'input')
    depths.send_keys(Keys.CONTROL, 'a')
    depths.send_keys('1, 0, 2', Keys.ENTER)
    app.until('a sentence about depths',
              lambda: 'Not possible' in app.line() and 'depths' in app.line())
    if app.total()[1] != cost(longer).flops or settled() != before:
        raise AssertionError('totals and picture should stay when a choice is refused')
    print(f'{where}: {app.line()}')
    shot('refused')
    depths.send_keys(Keys.CONTROL, 'a')
    depths.send_keys('2, 3, 16, 3', Keys.ENTER)
    last = replace(longer, depths=(2, 3, 16, 3))
    print(f'{where}: {expect(last, "24 blocks")}')
    code = app.find('.mvit-code')[0].text
    if eval(code, {'MViTConfig': type(config), 'get_config': get_config}) != last:
        raise AssertionError(f'this code makes another config: {code}')
    print(f'{where}: {code}')
    app.until('the picture of 24 blocks', lambda: app.picture()[1] != before)
    settled()
    shot('end')
    errors = app.find('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"], '
                      '.jp-RenderedText[data-mime-type*="error"]')
    if errors:
        raise AssertionError(f'errors on the page: {errors[0].text[:300]}')
    wide = page.execute_script(
        'const app = document.querySelector(".mvit-line").closest(".widget-vbox");'
        'const right = app.getBoundingClientRect().right;'
        'return [...app.querySelectorAll("*")]'
        '.filter(e => e.getBoundingClientRect().right > right + 1).map(e => e.className)')
    if wide:
        raise AssertionError(f'wider than the application: {wide}')


def in_lab(folder, env, arguments):
    """The explorer in a notebook in JupyterLab."""
    root = ['--allow-root'] if hasattr(os, 'geteuid') and os.geteuid() == 0 else []
    options = '--ip=127.0.0.1', '--IdentityProvider.token=', '--expose-app-in-browser', *root
    with (server(folder, env, 'jupyterlab', *options) as url,
          browser(folder, arguments.width) as page):
        page.get(f'{url}/lab/tree/explorer.ipynb')
        Explorer(page, arguments.seconds).until('the notebook', lambda: page.execute_script(
            'const n = window.jupyterapp?.shell?.currentWidget; '
            'return !!n?.sessionContext?.isReady '
            '&& n.sessionContext.session?.kernel?.status === "idle"'))
        if not page.execute_async_script(
                'window.jupyterapp.commands.execute("notebook:run-all-cells").then(arguments[0])'):
            raise AssertionError('a cell failed')                    # this was Run > Run All Cells
        use(page, 'JupyterLab', arguments.seconds, arguments.shots)


def in_voila(folder, env, arguments):
    """The explorer as an application: the notebook without its code."""
    with (server(folder, env, 'voila', '--Voila.ip=127.0.0.1', 'explorer.ipynb') as url,
          browser(folder, arguments.width) as page):
        page.set_page_load_timeout(arguments.seconds)
        page.get(url)
        use(page, 'Voilà', arguments.seconds, arguments.shots)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--width', type=int, default=1000, help='of the window, pixels')
    parser.add_argument('--seconds', type=int, default=180, help='to wait for anything at most')
    parser.add_argument('--shots', type=Path, help='a folder for screenshots')
    arguments = parser.parse_args()
    if importlib.util.find_spec('selenium') is None:
        sys.exit('pip install selenium')
    sys.path.insert(0, str(ROOT))
    os.environ.update(SE_OFFLINE='true', SE_AVOID_STATS='true')
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    places = {'JupyterLab': in_lab}
    if importlib.util.find_spec('voila'):
        places['Voilà'] = in_voila
    else:
        print('Voilà: not installed, left out')
    failed = 0
    for name, check in places.items():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            folder = Path(folder)
            try:
                check(folder, prepare(folder), arguments)
            except Exception as error:
                failed += 1
                print(f'{name}: FAILED: {type(error).__name__}: {error}')
            else:
                print(f'{name}: passed')
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
