"""Every page of the site opens, whole and without a complaint of the browser"""
import re
from urllib.parse import unquote, urlsplit

import pytest
from conftest import PHONE, Notes, clear, settled
from site_parts.paths import HTML

PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.rglob('*.html')
               if '_static' not in path.relative_to(HTML).parts)
FROM_A_FILE = ['index.html', 'lessons/04_plan.html', 'search.html', 'explorer.html', 'tokens.html',
               'reference/index.html', 'guides/video.html', 'library/config.html',
               'workbook/02_pooling.html']
MOST_BYTES = 3_000_000
PYODIDE = {'pyodide.js', 'pyodide.asm.wasm', 'pyodide.asm.wasm.js', 'python_stdlib.zip',
           'python_stdlib.zip.js'}                        # loaded once, after the page is there
RAW = re.compile(r'''
    \$[^$\n]{1,80}\$ | \\[A-Za-z]{3,} | \\[(\[] |         # a formula that was not set
    ::: | ``` | \{[a-z-]+\}` | \.\.[ ][a-z-]+:: |         # a directive or a role
    \]\( | \*\*[A-Za-z][^*\n]*\*\* | <!-- | </\w+>        # Markdown and HTML
    ''', re.X)

# What a reader sees without code and formulas; {pictures: those without a size, …}
LOOK = r'''async () => {
  const pictures = [...document.images];
  for (const picture of pictures) picture.loading = 'eager';
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
  const text = document.querySelector('main').cloneNode(true);
  const unread = text.querySelectorAll('pre, code, .sig, .katex, script, style, noscript');
  for (const part of unread) part.remove();
  return {
    title: document.title,
    headings: [...document.querySelectorAll('h1')]
      .filter((heading) => heading.checkVisibility())     // another one is printed only
      .map((heading) => heading.innerText.trim()),
    missing: pictures.filter((picture) => !picture.naturalWidth).map((picture) => picture.src),
    text: text.textContent,
    directives: [...document.querySelectorAll('pre')]
      .flatMap((code) => code.textContent.match(/^#\|.*$/gm) ?? []),
  };
}'''

# Elements that stick out to the right, if the page can be scrolled sideways
OVERFLOW = r'''() => {
  const width = innerWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (part) => part && (getComputedStyle(part).overflowX !== 'visible'
    || scrolls(part.parentElement));
  const far = [...document.body.querySelectorAll('*')]
    .filter((part) => part.getBoundingClientRect().right > width + 0.5)
    .filter((part) => !scrolls(part.parentElement))
    .map((part) => part.outerHTML.slice(0, 120));
  return [`${document.documentElement.scrollWidth} px wide`, ...far.slice(0, 5)];
}'''


def too_heavy(requests, site, html):
    """A sentence if the files of the site that a page asked for are too large, Pyodide's left out;
    they are counted as they are on the disk, not as a server may compress them."""
    base = urlsplit(site).path
    paths = {unquote(urlsplit(address).path) for address in requests if address.startswith(site)}
    files = [html / path.removeprefix(base).lstrip('/') for path in paths]
    sizes = {file.name: file.stat().st_size for file in files
             if file.is_file() and file.name not in PYODIDE}
    if sum(sizes.values()) > MOST_BYTES:
        largest = sorted(sizes, key=sizes.get, reverse=True)[:4]
        yield (f'{sum(sizes.values()):,} bytes, expected at most {MOST_BYTES:,}; the largest: '
               + ', '.join(f'{name} {sizes[name]:,}' for name in largest))


def faults_in(seen):
    """What is wrong with what a reader sees, one sentence each."""
    if not seen['title'].strip():
        yield 'no title'
    if len(seen['headings']) != 1 or not all(seen['headings']):
        yield f'expected one h1, found {seen["headings"]}'
    for address in seen['missing']:
        yield f'a picture does not load: {address[:200]}'
    for found in RAW.finditer(seen['text']):
        around = seen['text'][max(found.start() - 40, 0):found.end() + 40]
        yield f'shown as it is written in the source: {" ".join(around.split())}'
    for line in seen['directives']:
        yield f'a directive of nbdev in the code: {line}'


@pytest.fixture(scope='module')
def shared(browser, site):
    """One page as wide as a phone for all tests of this file that need none of their own, and its
    notes. On a desktop other tests open a page of each kind."""
    context = browser.new_context(viewport=PHONE['viewport'])
    notes = Notes(context, site)
    yield context.new_page(), notes
    context.close()


@pytest.mark.parametrize('path', PAGES or ['index.html'])
def test_page(path, html, site, shared):
    """A page: no fault that the browser notes, a title, one h1, its pictures, everything rendered,
    under 3 MB, and no wider than a phone."""
    page, notes = shared
    notes.take()
    page.goto(f'{site}/{path}')
    settled(page)
    seen = page.evaluate(LOOK)
    wide = page.evaluate(OVERFLOW)
    noted, requests = notes.take()
    assert f'{site}/{path}' in requests                    # or its bytes would not be counted
    faults = [*dict.fromkeys(noted), *faults_in(seen)]
    faults += [f'wider than a phone: {part}' for part in wide]
    faults += too_heavy(requests, site, html)
    if faults:
        raise clear('\n'.join(faults))


@pytest.mark.parametrize('path', FROM_A_FILE)
def test_page_from_a_file(path, file_url, page):
    """A page of a folder on a disk: no fault that the browser notes, its heading, its pictures."""
    page.goto(f'{file_url}/{path}')
    settled(page)
    faults = list(faults_in(page.evaluate(LOOK)))
    if faults:
        raise clear('\n'.join(faults))
