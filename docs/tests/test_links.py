"""No link of the site leads nowhere, and every page can be reached from the sidebar"""
import re
from html.parser import HTMLParser
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest
from conftest import clear
from site_parts.notebooks import every_notebook
from site_parts.paths import NOTEBOOKS, ROOT, settings

ON_NO_SHELF = {'index.html', 'search.html', 'genindex.html'}    # the theme links to these itself
COLAB = 'https://colab.research.google.com/github'
SHEET = re.compile(r'url\(\s*["\']?([^"\')]+)["\']?\s*\)')
AT = settings()
REPOSITORY = f'{AT["git_url"]}/'
PUBLISHED = f'{AT["doc_host"]}{AT["doc_baseurl"]}/'


class Links(HTMLParser):
    """What a page links to and what can be linked to in it: `links`, (tag, attribute, address,
    classes); `sidebar` and `around`, addresses in the sidebar and before and after the page."""

    def __init__(self, text):
        super().__init__()
        self.ids = set()
        self.links = []
        self.sidebar = []
        self.around = {}
        self.in_sidebar = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = {name: value or '' for name, value in attrs}
        self.ids.update(found[name] for name in ('id', 'name') if name in found)
        classes = found.get('class', '').split()
        if tag == 'nav':
            self.in_sidebar = 'bd-docs-nav' in classes
        for name in ('href', 'src', 'xlink:href', 'poster', 'data'):
            if name in found and (tag, found.get('rel')) != ('link', 'canonical'):
                self.links.append((tag, name, found[name]))
        for part in filter(None, found.get('srcset', '').split(',')):
            self.links.append((tag, 'srcset', part.split()[0]))
        if tag == 'a' and self.in_sidebar:
            self.sidebar.append(found.get('href', ''))
        for side in ('left-prev', 'right-next'):
            if side in classes:
                self.around[side] = found.get('href', '')

    def handle_endtag(self, tag):
        if tag == 'nav':
            self.in_sidebar = False


def target(page, address):
    """(the file of the site, the fragment) that `address` means on this page."""
    at = urlsplit(address)
    folder = PurePosixPath(page).parent.as_posix()
    path = normpath(f'{folder}/{unquote(at.path)}') if at.path else page
    return path, unquote(at.fragment)


def in_repository(address):
    """(branch, path) of the file of the repository that an address leads to, on its own site or in
    Colab; None if it leads to none."""
    for start in (REPOSITORY, f'{COLAB}/{AT["user"]}/{AT["repo"]}/'):
        found = re.match(f'{re.escape(start)}(?:blob|tree|edit|raw)/([^/]+)/([^?#]*)', address)
        if found:
            return found[1], unquote(found[2])
    return None


def report(faults):
    """Fail with these sentences, at most 30."""
    found = list(faults)
    if found:
        more = [f'… and {len(found) - 30} more'] if len(found) > 30 else []
        raise clear('\n'.join([*found[:30], *more]))


@pytest.fixture(scope='module')
def pages(html):
    """{path of a page: its links}"""
    return {path.relative_to(html).as_posix(): Links(path.read_text(encoding='utf-8'))
            for path in html.rglob('*.html') if '_static' not in path.relative_to(html).parts}


def test_links_lead_somewhere(pages, html):
    """Each address within the site is a file of it, and each fragment an id there."""
    def faults():
        for page, found in pages.items():
            for tag, name, address in found.links:
                at = urlsplit(address)
                if at.scheme or at.netloc:
                    continue
                path, fragment = target(page, address)
                if at.path.startswith('/') or not (html / path).is_file():
                    yield f'{page}: <{tag} {name}="{address}"> is no file of the site'
                elif fragment and path in pages and fragment not in pages[path].ids:
                    yield f'{page}: <{tag} {name}="{address}"> is no id on that page'

    assert sum(len(found.links) for found in pages.values()) > 1000
    report(faults())


def test_nothing_is_loaded_from_another_host(pages):
    """Only what a reader clicks on may lead elsewhere, and says so by https."""
    def faults():
        for page, found in pages.items():
            for tag, name, address in found.links:
                scheme = urlsplit(address).scheme
                if scheme == 'data' or (tag == 'a' and scheme in ('https', 'mailto')):
                    continue
                if scheme or address.startswith('//'):
                    yield f'{page}: <{tag} {name}="{address[:150]}">'

    report(faults())


def test_style_sheets_load_what_is_there(html):
    """Each url() of a style sheet is data or a file of the site."""
    def faults():
        for sheet in html.rglob('*.css'):
            name = sheet.relative_to(html).as_posix()
            for address in SHEET.findall(sheet.read_text(encoding='utf-8')):
                path, _ = target(name, address)
                if not address.startswith(('data:', '#')) and not (html / path).is_file():
                    yield f'{name}: url({address[:150]})'

    report(faults())


def test_links_to_the_repository(pages):
    """Each link to a file of the repository, there or in Colab, names one that is in it."""
    def faults():
        for page, found in pages.items():
            for _, _, address in found.links:
                place = in_repository(address)
                if place and (place[0] != AT['branch'] or not (ROOT / place[1]).exists()):
                    yield f'{page}: {" ".join(place)} is not in the repository ({address})'

    report(faults())


def test_links_to_the_published_site(pages, html):
    """A link to the published site names a page of this one."""
    def faults():
        for page, found in pages.items():
            for _, _, address in found.links:
                if address.startswith(PUBLISHED):
                    path = urlsplit(address.removeprefix(PUBLISHED)).path or 'index.html'
                    if not (html / path).is_file():
                        yield f'{page}: {address} is no page of the site'

    report(faults())


def test_every_page_is_in_the_sidebar(pages):
    """The sidebar of every page leads to all others."""
    def faults():
        for page, found in pages.items():
            if found.sidebar:
                reached = {target(page, address)[0] for address in found.sidebar}
                for missing in sorted(set(pages) - reached - ON_NO_SHELF):
                    yield f'{page}: its sidebar does not lead to {missing}'
            elif page not in ON_NO_SHELF:
                yield f'{page}: no sidebar'

    assert pages['index.html'].sidebar
    report(faults())


def test_every_notebook_has_its_links(pages):
    """A notebook's page: the page before it and the one after it, Colab, and its source."""
    last = target('index.html', pages['index.html'].sidebar[-1])[0]

    def faults():
        for path in every_notebook():
            name = path.relative_to(NOTEBOOKS).with_suffix('').as_posix()
            page = pages.get(f'{name}.html')
            if page is None:
                yield f'{name}: no page'
                continue
            addresses = [address.split('?')[0] for _, _, address in page.links]
            file = f'blob/{AT["branch"]}/{AT["nbs_path"]}/{name}.ipynb'
            expected = (f'{COLAB}/{AT["user"]}/{AT["repo"]}/{file}', f'{REPOSITORY}{file}')
            yield from (f'{name}: no link to {link}' for link in expected if link not in addresses)
            if 'left-prev' not in page.around:
                yield f'{name}: no previous page'
            if 'right-next' not in page.around and f'{name}.html' != last:
                yield f'{name}: no next page'

    report(faults())
