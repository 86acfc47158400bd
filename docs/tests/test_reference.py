"""The reference has an entry for every public name, and other pages lead to it"""
import importlib
import pkgutil
import re
from types import SimpleNamespace

import pytest
from docutils import nodes
from site_parts.links import Page, with_links
from site_parts.names import Names
from site_parts.paths import ROOT
from site_parts.source import Module, Package
from site_parts.wording import divided, markdown
from sphinx.util.inventory import InventoryFile

import mvit_nb

MODULE = '''"""A module"""
__all__ = ['LIMIT', 'Size', 'count', 'Row']
# how many there are
LIMIT = 3
Size = tuple[int, int]   # (H, W)

def count(
    x: Tensor,          # (B, N)
    most: int = 3,      # that are counted,
                        # without the first
    *,
    start: int = 0,
) -> Tensor:            # (B,)
    """How many there are. Raises `ValueError` for none."""

class Row:
    def forward(self, x: Tensor) -> Tensor:   # (B, N) → (B,)
        return x
'''


@pytest.fixture(scope='module')
def inventory(html):
    """{full name: where its entry is} from objects.inv, which other sites read."""
    content = (html / 'objects.inv').read_bytes()
    found = InventoryFile.loads(content, uri='').data
    return {name: item.uri.replace('$', name) for kind, items in found.items()
            if kind.startswith('py:') and kind != 'py:module' for name, item in items.items()}


def test_every_public_name_has_one_entry(inventory):
    """Names of `__all__` of every module, there or where they come from."""
    package, missing = Package(ROOT), []
    for found in pkgutil.walk_packages(mvit_nb.__path__, 'mvit_nb.'):
        for name in getattr(importlib.import_module(found.name), '__all__', ()):
            place = package.origin(f'{found.name}.{name}')
            if place not in inventory:
                missing.append(f'{found.name}.{name}')
    assert len(inventory) > 500
    assert not missing


def test_entries_are_where_the_inventory_says(html, inventory):
    """… and each leads to the cell that defines the name, and to its source."""
    for name in ('mvit_nb.pooling.TokenPool', 'mvit_nb.cost.cost', 'mvit_nb.rows.BlockPlan'):
        path, _, anchor = inventory[name].partition('#')
        text = (html / path).read_text(encoding='utf-8')
        entry = text.partition(f'id="{anchor}"')[2].partition('view source')[0]
        assert f'#define-{name.rpartition(".")[2]}"' in entry
        assert re.search(r'mvit_nb/\w+\.py#L\d+-L\d+', entry)


def test_lessons_lead_to_the_reference(html):
    """The first use of a name in a sentence, and in a cell."""
    text = (html / 'lessons/06_mvit.html').read_text(encoding='utf-8')
    for name in ('mvit_nb.model.create_model', 'mvit_nb.plan.network_plan'):
        links = re.findall(rf'<a [^>]*href="\.\./reference/[\w/]+\.html#{re.escape(name)}"', text)
        assert 1 <= len(links) <= 2


def read(tmp_path, text):
    """The entries of a module with this text, by name."""
    path = tmp_path / 'mvit_nb/a.py'
    path.parent.mkdir()
    path.write_text(text, encoding='utf-8')
    return {entry.name: entry for entry in Module(path, tmp_path).entries}


def test_comments_stay_with_what_they_are_on(tmp_path):
    """Beside, below in the same column, above, behind a signature."""
    found = read(tmp_path, MODULE)
    assert found['LIMIT'].comment == 'how many there are'
    assert found['Size'].comment == '(H, W)'
    said = {parameter.name: parameter.comment for parameter in found['count'].parameters}
    assert said == {'x': '(B, N)', 'most': 'that are counted, without the first', 'start': ''}
    assert found['count'].returned == '(B,)'
    forward, = found['Row'].members
    assert (forward.parameters[0].comment, forward.returned) == ('(B, N)', '(B,)')


def test_errors_stand_apart():
    """Sentences of a docstring that say which errors there are."""
    assert divided('Does it; raises `ValueError` if not. More.') == (
        ['Does it. More.'], '`ValueError` if not.')
    assert divided('Does it (paper, Eq. 3).\n\nRaises `TypeError` for all else.') == (
        ['Does it (paper, Eq. 3).'], '`TypeError` for all else.')


def test_words_are_printed_as_they_are():
    """Markdown's marks, code, quoted words and formulas."""
    text = markdown("a*b, x_1 [B] `f` 'conv' $N_Q$ D' h'", lambda code: f'<{code}>')
    assert text == r"a\*b, x\_1 \[B\] <f> `'conv'` $N_Q$ D' h'"


def page(*cells):
    """A page of these cells of code."""
    document = nodes.Element()
    for cell in cells:
        document += nodes.literal_block(cell, cell, language='ipython3')
    return Page('guides/none', document)


def test_names_mean_what_the_page_says():
    """What it imports, as it calls it; nothing that it makes itself; nothing ambiguous."""
    found = page('from mvit_nb.plan import network_plan as plan\nimport mvit_nb.zoo as zoo',
                 'from mvit_nb.figures.images import *\ndef cost(x): return x',
                 '%matplotlib inline')
    assert found.said('plan') == 'mvit_nb.plan.network_plan'
    assert found.said('zoo.get_config') == 'mvit_nb.zoo.get_config'
    assert found.said('draw_confusion') == 'mvit_nb.figures.images.draw_confusion'
    assert found.said('cost') == ''                   # the page's own
    assert found.said('mvit_nb.cost') == 'mvit_nb.cost.cost'
    assert found.said('MViT.feature_pyramid') == 'mvit_nb.model.MViT.feature_pyramid'
    assert page('x = 1').said('draw_confusion') == ''       # of three modules
    assert page('x = 1').said('get_config') == 'mvit_nb.zoo.get_config'
    assert page('x = 1').place('get_config') == ''    # in code only what is imported


def test_links_are_put_around_the_right_word():
    """The name in its line, not the part of another name behind a dot."""
    code = ('<pre><span class="n">a</span><span class="o">.</span><span class="n">cost</span> '
            '<span class="n">cost</span></pre>')
    linked = with_links(code, [(1, 'cost', 'r.html#cost', 'm.cost')])
    assert linked.count('<a ') == 1
    assert linked.index('<a ') > linked.index('</span> ')
    assert with_links(code, [(1, 'a.cost', 'r.html', 'm')]).index('<a ') < linked.index('<a ')


def test_a_word_of_english_is_no_link_by_itself():
    """`cost` is a name of one module only, and still a word."""
    tree = SimpleNamespace(places={'mvit_nb.cost.cost': None, 'mvit_nb.zoo.get_config': None})
    assert Names(tree).only('cost') == ''
    assert Names(tree).only('get_config') == 'mvit_nb.zoo.get_config'
