"""axe-core finds no fault of WCAG 2.1, levels A and AA, on one page of each kind, light and dark"""
import pytest
from conftest import PHONE, clear, settled
from site_parts.paths import NODE_MODULES

AXE = NODE_MODULES / 'axe-core/axe.min.js'
PAGES = ['index.html', 'explorer.html', 'tokens.html', 'lessons/00_clips.html',
         'lessons/04_plan.html', 'workbook/index.html', 'workbook/02_pooling.html',
         'guides/video.html', 'library.html', 'library/config.html',
         'reference/index.html', 'reference/config.html', 'search.html?q=14×14']
ON_A_PHONE = ['index.html', 'explorer.html', 'tokens.html', 'lessons/04_plan.html',
              'workbook/02_pooling.html']

THEMES = {   # what is the theme's own, {rule: the selector of its elements}
    # the button Search also shows the keys that do the same
    'label-content-name-mismatch': '.search-button__button',
    # the arrows of the sidebar that fold the pages of a room have no name; the room's link has
    'summary-name': '.bd-docs-nav summary',
}
EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']
COLORS = ['color-contrast', 'link-in-text-block']         # all that another scheme changes

CHECK = '''async ([runOnly, except]) => {
  const found = await axe.run(document, { runOnly, resultTypes: ['violations'] });
  const told = (rule) => rule.nodes
    .filter((node) => !document.querySelector(node.target.at(-1))?.matches(except[rule.id]))
    .map((node) => `${rule.id}: ${node.target.join(' ')} (${
      [...node.any, ...node.all, ...node.none][0]?.message ?? rule.help})`);
  return [found.passes.length, found.violations.flatMap(told)];
}'''


def faults(page, rules):
    """What axe finds on a page, one sentence each."""
    settled(page)
    if not page.evaluate('Boolean(globalThis.axe)'):
        page.add_script_tag(content=AXE.read_text(encoding='utf-8'))
    passed, found = page.evaluate(CHECK, [rules, THEMES])
    assert passed                              # or it has not looked
    return found


def report(found):
    """Fail with these sentences, at most 20."""
    if found:
        more = [f'… and {len(found) - 20} more'] if len(found) > 20 else []
        raise clear('\n'.join([*found[:20], *more]))


@pytest.mark.parametrize('path', PAGES)
def test_page(path, open_page):
    """A page on a desktop, light, then dark."""
    page = open_page(reduced_motion='reduce')              # no colour is on its way to another
    page.goto(path)
    assert page.locator('html').get_attribute('data-theme') == 'light'
    found = [f'light: {fault}' for fault in faults(page, EVERYTHING)]
    page.emulate_media(color_scheme='dark')
    page.locator('html[data-theme=dark]').wait_for()
    found += [f'dark: {fault}' for fault in faults(page, COLORS)]
    report(found)


@pytest.mark.parametrize('path', ON_A_PHONE)
def test_page_on_a_phone(path, open_page):
    """A page on a phone, where the sidebars are behind buttons."""
    phone = open_page(**PHONE, reduced_motion='reduce')
    phone.goto(path)
    report(faults(phone, EVERYTHING))


def test_what_fades_is_waited_for(page):
    """axe looks at colours that are there to stay, also where a station of the landing page has
    just begun to fade."""
    page.goto('index.html')
    page.evaluate('document.querySelector(".journey [data-do=next]").click()')
    fading = 'document.getAnimations().length'
    assert page.evaluate(fading) > 0
    settled(page)
    assert page.evaluate(fading) == 0
