"""Search finds what a reader types, over http and from a folder on a disk"""
import re
from urllib.parse import quote

import pytest

SUMMARY = re.compile('Search finished|did not match any documents')


@pytest.fixture(params=['http', 'file'])
def home(request, site, file_url):
    """The address of the site, either way."""
    return site if request.param == 'http' else file_url


def results(page, home):
    """The pages of the results that a page shows, in their order, without the site's address."""
    page.get_by_text(SUMMARY).wait_for()
    links = page.locator('#search-results ul.search > li > a')
    paths = links.evaluate_all('links => links.map((link) => link.href.split(/[?#]/)[0])')
    assert all(path.startswith(home) for path in paths)
    return [path.removeprefix(f'{home}/') for path in paths]


def search(page, home, query):
    """The pages that the page of results finds for a query."""
    page.goto(f'{home}/search.html?q={quote(query)}')
    return results(page, home)


@pytest.mark.parametrize('query', ['14×14', '14x14', '14 × 14', '14*14'])
def test_a_grid(page, home, query):
    """A grid is a word however it is typed; the lesson on the plan is among the first results."""
    assert 'lessons/04_plan.html' in search(page, home, query)[:5]


def test_a_name(page, home):
    """A name of the library is one word."""
    found = search(page, home, 'feature_pyramid')
    assert any(path.startswith(('library/', 'guides/', 'reference/')) for path in found)
    assert len(found) < 20                     # and not whatever has one of its parts


def test_a_word_that_is_nowhere(page, home):
    """No result, and a sentence that says so."""
    assert search(page, home, 'zymurgologist') == []


def test_results_lead_to_their_pages(page, home):
    """A click on the first result opens its page, where the word stands."""
    first = search(page, home, '14×14')[0]
    page.locator('#search-results ul.search > li > a').first.click()
    page.wait_for_url(re.compile(re.escape(f'{home}/{first}')))
    assert re.search('14\\s?×\\s?14', page.locator('article').inner_text())


@pytest.mark.parametrize('opened', ['button', 'keys'])
def test_from_the_dialog(page, home, opened):
    """The button Search of a lesson, or Ctrl+K, opens a field; Enter there searches."""
    page.goto(f'{home}/lessons/00_clips.html')
    if opened == 'button':
        page.get_by_role('button', name='Search').locator('visible=true').first.click()
    else:
        page.keyboard.press('Control+k')
    field = page.locator('dialog[open] input[type=search]')
    field.wait_for()
    page.keyboard.type('14×14')                # the field has the focus
    page.keyboard.press('Enter')
    page.wait_for_url(re.compile(r'search\.html\?q='))
    assert 'lessons/04_plan.html' in results(page, home)[:5]
