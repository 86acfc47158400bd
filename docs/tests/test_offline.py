"""Nothing is loaded from another host: no page, style sheet or script of the site asks for it

Links may lead elsewhere; what a browser loads by itself may not. The tests with a browser see what
is asked for while they look; here every file is read, also what no test opens."""
import re
from html.parser import HTMLParser

import pytest

ELSEWHERE = re.compile(r'\s*(?:(?:https?|wss?|ftp):)?//', re.I)
LOADS = {'src', 'srcset', 'poster', 'data', 'background', 'xlink:href', 'code', 'archive'}
LINKS = {'stylesheet', 'icon', 'preload', 'modulepreload', 'prefetch', 'preconnect', 'dns-prefetch',
         'manifest', 'apple-touch-icon', 'mask-icon', 'shortcut'}          # rel of <link> that load
IN_A_SHEET = re.compile(r'(?:url\(\s*|@import\s+(?!url))["\']?([^"\')\s;]+)', re.I)
IN_A_SCRIPT = re.compile(r'''
    (?:\b(?:fetch|import|importScripts|Worker|SharedWorker|WebSocket|EventSource|sendBeacon)\s*\(
       | \.(?:src|href)\s*=[^=] | \.open\s*\(\s*["'`]\w+["'`]\s*, | \bfrom\s | \bimport\s)
    \s*["'`](\s*(?:(?:https?|wss?):)?//[^"'`]*)''', re.X)


class Loaded(HTMLParser):
    """All addresses that a page loads by itself, in `addresses`."""

    def __init__(self, text):
        super().__init__()
        self.addresses = []
        self.inside = ''
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = {name: value or '' for name, value in attrs}
        self.inside = tag if tag in ('script', 'style') else ''
        for name in LOADS & set(found):
            parts = found[name].split(',') if name == 'srcset' else [found[name]]
            self.addresses += [part.strip() for part in parts if tag != 'a']
        if tag == 'link' and LINKS & set(found.get('rel', '').lower().split()):
            self.addresses.append(found.get('href', ''))
        if tag in ('use', 'image', 'base'):
            self.addresses.append(found.get('href', ''))
        if found.get('http-equiv', '').lower() == 'refresh':
            self.addresses.append(found.get('content', '').partition('=')[2])
        self.addresses += IN_A_SHEET.findall(found.get('style', ''))

    def handle_data(self, data):
        if self.inside == 'style':
            self.addresses += IN_A_SHEET.findall(data)
        elif self.inside == 'script':
            self.addresses += IN_A_SCRIPT.findall(data)

    def handle_endtag(self, tag):
        self.inside = ''


def loaded(text, kind):
    """The addresses on other hosts that a file of this kind (its suffix) loads."""
    if kind in ('.html', '.svg'):
        found = Loaded(text).addresses
    else:
        found = (IN_A_SHEET if kind == '.css' else IN_A_SCRIPT).findall(text)
    return [address.strip() for address in found if ELSEWHERE.match(address)]


@pytest.mark.parametrize('text, kind', [
    ('<script src="https://cdn.example/a.js"></script>', '.html'),
    ('<script async SRC=//cdn.example/a.js></script>', '.html'),
    ('<link rel="stylesheet" href="https://cdn.example/a.css">', '.html'),
    ('<link rel="preconnect" href="https://fonts.example">', '.html'),
    ('<img alt="" srcset="a.png 1x, https://cdn.example/b.png 2x">', '.html'),
    ('<iframe src="http://example.org"></iframe>', '.html'),
    ('<p style="background: url(https://example.org/a.png)">', '.html'),
    ('<style>@import "https://example.org/a.css";</style>', '.html'),
    ('<script>fetch("https://example.org/a.json")</script>', '.html'),
    ('<svg><use href="https://example.org/a.svg#b"/></svg>', '.svg'),
    ('@font-face { src: url("https://fonts.example/a.woff2") }', '.css'),
    ('@import url(//fonts.example/css);', '.css'),
    ('const a = await fetch( `https://example.org/${name}`)', '.js'),
    ('import("https://esm.example/d3")', '.js'),
    ('import * as d3 from "https://esm.example/d3"', '.js'),
    ('script.src = "https://cdn.example/a.js"', '.js'),
    ('new WebSocket("wss://example.org")', '.js'),
    ('request.open("GET", "https://example.org")', '.js')])
def test_what_is_loaded_is_found(text, kind):
    """Each way of asking another host, as a file would have it."""
    assert loaded(text, kind)


@pytest.mark.parametrize('text, kind', [
    ('<a href="https://example.org">a</a>', '.html'),
    ('<link rel="canonical" href="https://example.org/">', '.html'),
    ('<img src="_images/a.png" alt=""><script src="../_static/a.js"></script>', '.html'),
    ('<pre>fetch("https://example.org")</pre>', '.html'),
    ('.a { background: url(data:image/svg+xml;base64,AAAA) } /* https://example.org */', '.css'),
    ('const license = "https://example.org/license"; fetch("a.json")', '.js')])
def test_what_is_only_named_is_not(text, kind):
    """Links, comments and addresses that nothing loads."""
    assert not loaded(text, kind)


def test_no_file_of_the_site_loads_from_another_host(html):
    """Every page, picture in text, style sheet and script."""
    files = [path for path in html.rglob('*') if path.suffix in ('.html', '.svg', '.css', '.js')]
    assert {path.suffix for path in files} >= {'.html', '.css', '.js'}
    found = {path.relative_to(html).as_posix(): addresses for path in sorted(files)
             if (addresses := loaded(path.read_text(encoding='utf-8'), path.suffix))}
    assert not found
