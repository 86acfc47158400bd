"""The sidebar as HTML: every page of the site, folded but for the way to the page at hand

The theme can make it too, anew for each page out of Sphinx's trees, and that is half of the time of
a build. The elements and their classes are the theme's."""
from functools import cache
from html import escape

from sphinx import addnodes
from sphinx.util.nodes import clean_astext

CAPTION = ('<p aria-level="2" class="caption" role="heading">'
           '<span class="caption-text">{}</span></p>')
ARROW = ('<summary aria-label="Pages of {}"><span class="toctree-toggle" role="presentation">'
         '<i class="fa-solid fa-chevron-down"></i></span></summary>')


class Navigation:
    """The pages below each page, as the toctrees have them."""

    def __init__(self, env):
        self.env = env
        self.start = env.config.root_doc
        self.below = {page: [entry for part in self.toctrees(page) for entry in part['entries']]
                      for page in env.all_docs}              # [(title or None, page), …]
        self.above = {below: page for page, entries in self.below.items() for _, below in entries}

    def toctrees(self, page):
        """The toctrees of a page."""
        return list(self.env.tocs[page].findall(addnodes.toctree))

    def way(self, page):
        """A page and those above it."""
        pages = []
        while page in self.above:
            pages.append(page)
            page = self.above[page]
        return pages

    def html(self, page, address):
        """The sidebar of a page, where `address(other)` is the address of another one."""
        way = self.way(page)
        home = self.items([('Start', self.start)], 1, page, way, address, folded=False)
        lines = [f'<ul class="nav bd-sidenav bd-sidenav__home-link">{home}</ul>']
        for part in self.toctrees(self.start):
            items = self.items(part['entries'], 1, page, way, address)
            if part['caption']:
                lines.append(CAPTION.format(escape(part['caption'])))
            lines.append(f'<ul class="nav bd-sidenav">{items}</ul>')
        return '\n'.join(lines)

    def items(self, entries, level, page, way, address, folded=True):
        """The items of a list; `level`: how deep it is, `folded`: with what is below each."""
        return '\n'.join(self.item(title, below, level, page, way, address, folded)
                         for title, below in entries)

    def item(self, title, entry, level, page, way, address, folded):
        """One item, with what is below it."""
        title = escape(title or clean_astext(self.env.titles[entry]))
        here = entry == page
        below = self.below[entry] if folded else []
        classes = [f'toctree-l{level}', *['current active'] * (entry in way or here),
                   *['has-children'] * bool(below)]
        current = ' aria-current="page"' if here else ''
        link = (f'<a class="{"current " * here}reference internal"'
                f' href="{"#" if here else escape(address(entry))}"{current}>{title}</a>')
        if below:
            pages = self.items(below, level + 1, page, way, address)
            link += (f'<details{" open" * (entry in way)}>{ARROW.format(title)}'
                     f'<ul>\n{pages}\n</ul></details>')
        return f'<li class="{" ".join(classes)}">{link}</li>'


@cache
def navigation(env) -> Navigation:
    """That of the site, made once."""
    return Navigation(env)


def add(app, pagename, templatename, context, doctree) -> None:
    """Give the template of a page its sidebar."""
    def address(page):
        return app.builder.get_relative_uri(pagename, page)

    context['site_navigation'] = navigation(app.env).html(pagename, address)
