"""The reference: a page for each module of the library, with every public name of it

Pages are Markdown with directives of Sphinx's Python domain, made from the text of the modules
(`source`), so that a parameter keeps the comment that stands beside it, and from the imported
modules, which know the values. Every name has one entry, where it is defined."""
import configparser
import re
from pathlib import Path

from .conventions import CONVENTIONS
from .entries import Writer
from .names import Names
from .paths import ROOT
from .sidebar import ROOMS, toctree
from .source import PACKAGE, Package
from .wording import escaped, first_sentence

LOOK = {'add_module_names': False, 'python_maximum_signature_line_length': 1,
        'python_trailing_comma_in_multi_line_signatures': False,
        'toc_object_entries_show_parents': 'hide', 'html_domain_indices': False}
# the parameters of a signature of several lines, a list of which Sphinx gives no terms
PARAMETERS = re.compile(r'(<span class="sig-paren">\(</span>)\s*<dl>\n(.*?)</dl>\s*', re.S)
FRONT_MATTER = """---
myst:
  enable_extensions: [attrs_block, dollarmath, fieldlist]
---
"""
START = """# Reference

Every public name of the library, with its parameters, the shapes of its tensors, its errors and
its sources. There is also an {ref}`index of all names <genindex>`.

## What `import mvit_nb` offers"""
MODULES = """## The modules

A module uses only those that stand above it here. The first ones need no torch."""
SAME = """## Parameters that mean the same everywhere

A parameter without a word of its own means:

| parameter | type | meaning |
| --- | --- | --- |"""


class Reference:
    """All pages of the reference."""

    def __init__(self):
        self.package = Package(ROOT)
        self.names = Names(self.package)
        self.writers = {name: Writer(self.names, module)
                        for name, module in self.package.modules.items() if module.entries}
        self.front = Writer(self.names, self.package.modules[PACKAGE])

    def pages(self):
        """{path below the reference's folder: its text}"""
        found = {page_of(name): self.page(writer) for name, writer in self.writers.items()}
        found |= {f'{room}/index.md': self.room(room) for room in ROOMS}
        return found | {'index.md': self.index()}

    def index(self):
        """The public API, then all modules from the ground up."""
        lines = [FRONT_MATTER, START, '', self.front.words(self.front.imported.__doc__), '',
                 '| name | what it is |', '| --- | --- |']
        for name in self.front.module.all:
            place = self.package.origin(f'{PACKAGE}.{name}')
            writer = self.writers[place.rpartition('.')[0]]
            text = writer.words(first_sentence(self.package.places[place].doc))
            lines.append(f'| {self.front.link(name)} | {text} |')
        order = floors()
        lines += ['', MODULES, '', *self.module_table(order), '', SAME]
        for (name, kind), text in CONVENTIONS.items():
            kind = kind.replace('|', '\\|')
            lines.append(f'| `{name}` | `{kind}` | {self.front.words(text)} |')
        below = [f'{name} <{name}{"/index" * (name in ROOMS)}>' for name in order]
        return '\n'.join([*lines, '', toctree(below, ':hidden:')])

    def room(self, room):
        """The modules of a folder of the package."""
        start = f'{PACKAGE}.{room}.'
        members = [name.removeprefix(start) for name in self.writers if name.startswith(start)]
        lines = [FRONT_MATTER, f'# {escaped(PACKAGE)}.{room}', '',
                 f'```{{py:module}} {PACKAGE}.{room}', '```', '', self.front.words(ROOMS[room]), '',
                 *self.module_table([f'{room}.{name}' for name in members]), '']
        return '\n'.join([*lines, toctree([f'{name} <{name}>' for name in members], ':hidden:')])

    def module_table(self, names):
        """A table of modules and folders, by their names below the package's."""
        lines = ['| module | what it is for |', '| --- | --- |']
        for name in names:
            if name in ROOMS:
                text = self.front.words(ROOMS[name].removesuffix('.'))
            else:
                writer = self.writers[f'{PACKAGE}.{name}']
                text = writer.words(writer.module.doc)
            lines.append(f'| {{py:mod}}`{PACKAGE}.{name}` | {text} |')
        return lines

    def page(self, writer):
        """A module: what it is for, where it is made, its names."""
        module = writer.module
        kind, heading, place = writer.notebook
        lines = [FRONT_MATTER, f'# {escaped(module.name)}', '',
                 f'```{{py:module}} {module.name}', '```', '',
                 f'{writer.words(module.doc)}.', '',
                 f'Made in {kind} [{heading}]({place}).', '']
        if module.reexported:
            named = ', '.join(map(writer.link, module.reexported))
            homes = sorted({self.package.origin(place).rpartition('.')[0]
                            for place in module.reexported.values()})
            places = ' and '.join(f'{{py:mod}}`{home}`' for home in homes)
            lines += [f'{named} can be imported from here, too; they are defined in {places}.', '']
        for entry in module.entries:
            lines += [writer.entry(entry), '']
        return '\n'.join(lines)


def page_of(name):
    """The file of a module's page, below the folder of the reference."""
    return name.partition('.')[2].replace('.', '/') + '.md'


def floors():
    """The modules and folders from the ground up, as `.importlinter` has them."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / '.importlinter', encoding='utf-8')
    layers = settings['importlinter:contract:layers']['layers'].splitlines()
    return [name.strip() for layer in reversed(layers) for name in layer.split('|') if name.strip()]


def write(out: Path) -> None:
    """Write the pages of the reference into `out`/reference."""
    for name, text in Reference().pages().items():
        path = Path(out) / 'reference' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8', newline='\n')


def look(app, config):
    """Set what `LOOK` says."""
    for name, value in LOOK.items():
        setattr(config, name, value)


def spell_lines(app, pagename, templatename, context, doctree):
    """Let the lines of a signature be lines, not the definitions of a list, which screen readers
    would call incomplete."""
    if pagename.startswith('reference/') and 'body' in context:
        context['body'] = PARAMETERS.sub(lambda found: found[1] + found[2].replace(
            '<dd>', '<span class="sig-line">').replace('</dd>', '</span>'), context['body'])


def setup(app):
    """Signatures as the reference wants them: short names, one parameter a line where there are
    many."""
    app.connect('config-inited', look)
    app.connect('html-page-context', spell_lines)
    app.add_css_file('reference.css')
    return {'version': '1', 'parallel_read_safe': True, 'parallel_write_safe': True}
