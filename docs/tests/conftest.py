"""What the tests of the site share: the built site, a server for it, a browser that takes notes

`python docs/build.py` builds the site, `python -m pytest docs` tests it. Needs the extra `docs` and
Chromium: on the PATH, or Playwright's own (`playwright install chromium`).

A test that opens a page through `page`, `phone` or `open_page` fails at its end if the page wrote
an error to the console, raised one, asked for a file that is not there or asked another host for
anything. `allowed('a regular expression', …)` names faults that the test expects."""
import re
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from site_parts.paths import HTML, ROOT, settings

FLAGS = '''--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
    --disable-dev-shm-usage --no-proxy-server'''.split()
NO_OTHER_HOST = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'   # refused at once
DESKTOP = {'viewport': {'width': 1280, 'height': 900}}
PHONE = {'viewport': {'width': 390, 'height': 844}, 'device_scale_factor': 2,
         'has_touch': True, 'is_mobile': True}
SOURCES = ('docs/pages', 'docs/site_parts', 'docs/app', 'docs/static', 'docs/data', 'docs/conf.py',
           'docs/build.py', 'docs/package-lock.json', 'nbs', 'mvit_nb', 'settings.ini')
IGNORED = ('net::ERR_ABORTED',            # the page was left
           'csp')                         # a script, in a context without scripts
MADE = {'__pycache__', '.ipynb_checkpoints'}        # folders that tools write among the sources


def clear(sentence):
    """A failure that prints this sentence and no code."""
    return pytest.fail.Exception(sentence, pytrace=False)


def sources():
    """All files that the site is made from."""
    for name in SOURCES:
        path = ROOT / name
        for file in [path] if path.is_file() else path.rglob('*'):
            if file.is_file() and not MADE.intersection(file.parts):
                yield file


def fault_of_build():
    """Why the built site cannot be tested, in one sentence; None if it can."""
    last = HTML / 'searchindex.js'                         # Sphinx writes it after all pages
    if not last.is_file():
        return f'{HTML.relative_to(ROOT)} has no site: run `python docs/build.py` first'
    newest = max(sources(), key=lambda file: file.stat().st_mtime)
    if newest.stat().st_mtime > last.stat().st_mtime:
        return (f'{newest.relative_to(ROOT)} is newer than the site in {HTML.relative_to(ROOT)}: '
                'run `python docs/build.py` again')
    return None


SETTLED = '''async () => {
  await Promise.all([globalThis.mvitExplorer?.ready, globalThis.mvitTokens?.ready]);
  const moving = document.getAnimations().filter(
    (animation) => Number.isFinite(animation.effect.getComputedTiming().endTime));
  await Promise.allSettled(moving.map((animation) => animation.finished));
}'''


def settled(page):
    """Wait until a page that runs Python has it and shows its answer, and nothing moves or fades
    any more (but what never ends)."""
    page.evaluate(SETTLED)


@pytest.fixture(scope='session')
def html():
    """The folder of the built site. There is nothing to test if it is not there or old."""
    fault = fault_of_build()
    if fault:
        pytest.exit(fault, returncode=1)
    return HTML


class Handler(SimpleHTTPRequestHandler):
    """Files of the site below the folder in which it is published, so that a link which leaves that
    folder leads nowhere here too."""

    protocol_version = 'HTTP/1.1'
    below = urlsplit(settings()['doc_baseurl']).path.rstrip('/')
    extensions_map: ClassVar = {
        **SimpleHTTPRequestHandler.extensions_map, '.wasm': 'application/wasm',
        '.mjs': 'text/javascript', '.js': 'text/javascript'}

    def do_GET(self):
        if self.path == '/favicon.ico':                    # asked of every host, of no page
            self.send_response(204)
            self.end_headers()
        elif self.path.startswith(f'{self.below}/'):
            self.path = self.path.removeprefix(self.below)
            super().do_GET()
        else:
            self.send_error(404)

    def log_message(self, *arguments):
        pass                                               # no line for each file


class Server(ThreadingHTTPServer):
    """A browser may leave before it has read a file: that is no error."""

    daemon_threads = True

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)


@pytest.fixture(scope='session')
def site(html):
    """The address of the site on a server on this machine, without a slash at its end."""
    with Server(('127.0.0.1', 0), partial(Handler, directory=str(html))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}{Handler.below}'
        server.shutdown()


@pytest.fixture(scope='session')
def file_url(html):
    """The address of the site's folder, as from a USB stick, without a slash at its end."""
    return html.as_uri()


@pytest.fixture(scope='session')
def browser():
    """Headless Chromium."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        raise clear('Playwright is needed: pip install -c constraints.txt -e ".[docs]"') from None
    names = 'chromium', 'chromium-browser', 'google-chrome'
    path = next(filter(None, map(shutil.which, names)), None)       # None: Playwright's own
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=path, args=[*FLAGS, NO_OTHER_HOST])
        except Error as error:
            raise clear(f'No browser: {path or "Playwright without one of its own"} does not start '
                        f'({error.message.splitlines()[0]}). Expected {", ".join(names)} on the '
                        'PATH, or `playwright install chromium`') from None
        yield started
        started.close()


class Notes:
    """What goes wrong in a context of the browser, one sentence each in `faults`, and the addresses
    that it asked for in `requests`. `root`: the host that pages may ask."""

    def __init__(self, context, root):
        self.host = urlsplit(root).netloc
        self.faults = []
        self.requests = []
        context.on('console', self._console)
        context.on('weberror', lambda event: self.faults.append(f'page error: {event.error}'))
        context.on('request', self._request)
        context.on('requestfailed', self._failed)
        context.on('response', self._response)
        context.on('page', lambda page: page.on(
            'crash', lambda page: self.faults.append(f'crashed: {page.url}')))

    def _console(self, message):
        if message.type in ('error', 'assert'):
            place = message.location
            self.faults.append(f'console error: {message.text} '
                               f'({place["url"]}, line {place["lineNumber"] + 1})')

    def _request(self, request):
        self.requests.append(request.url)
        at = urlsplit(request.url)
        if at.scheme in ('http', 'https', 'ws', 'wss') and at.netloc != self.host:
            self.faults.append(f'request to another host: {request.url}')

    def _failed(self, request):
        if request.failure not in IGNORED:
            self.faults.append(f'request failed: {request.url} ({request.failure})')

    def _response(self, response):
        if response.status >= 400:
            self.faults.append(f'request failed: {response.url} (status {response.status})')

    def take(self):
        """The faults and the addresses since the last call."""
        taken = self.faults[:], self.requests[:]
        self.faults.clear()
        self.requests.clear()
        return taken


@pytest.fixture
def allowed():
    """`allowed(r'…', …)`: faults in which one of these is found are expected by this test.
    `allowed.patterns` has all of them."""
    def allow(*patterns):
        allow.patterns.extend(patterns)

    allow.patterns = []
    return allow


@pytest.fixture
def open_page(browser, site, allowed):
    """`open_page(**options)`: a page of a fresh context, 1280×900 unless the options say otherwise;
    options are those of Playwright's `new_context`, such as color_scheme='dark',
    java_script_enabled=False, reduced_motion='reduce', **PHONE. Its `goto` takes a path in the site
    ('explorer.html') as well as a whole address. Its notes fail the test at the end."""
    opened = []

    def open_one(**options):
        context = browser.new_context(**{'base_url': f'{site}/', **DESKTOP, **options})
        opened.append((context, Notes(context, site)))
        return context.new_page()

    yield open_one
    faults = []
    for context, notes in opened:
        for page in context.pages:
            page.wait_for_timeout(50)                      # what is on its way to the notes
        faults += notes.faults
        context.close()
    unexpected = [fault for fault in dict.fromkeys(faults)
                  if not any(re.search(pattern, fault) for pattern in allowed.patterns)]
    if unexpected:
        more = [f'… and {len(unexpected) - 10} more'] if len(unexpected) > 10 else []
        raise clear('\n'.join(['The browser noted:', *unexpected[:10], *more]))


@pytest.fixture
def page(open_page):
    """A page of a fresh context on a desktop, 1280×900."""
    return open_page()


@pytest.fixture
def phone(open_page):
    """A page of a fresh context on a phone, 390×844, by touch."""
    return open_page(**PHONE)
