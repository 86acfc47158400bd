"""Public names on pages lead to the reference: a Sphinx extension

In lessons, guides and library notebooks the first use of a public name in a sentence and the first
in a code cell become links, if the page's imports say which name it is, or if there is only one of
that name. What a page calls so itself, a variable or a function of its own, is no link. A cell that
defines a public name gets an anchor, to which the name's entry leads back."""
import ast
import html
import re

from docutils import nodes
from sphinx.errors import NoUri

from .names import NAME, Names
from .paths import NOTEBOOKS, ROOT
from .source import PACKAGE, Package, targets

CALL = re.compile(r'([A-Za-z_][\w.]*)\(.*\)', re.S)
MAGIC = re.compile(r'^\s*[%!].*$', re.M)
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
ANCHOR = 'define-'                      # before the name, in the anchor of the cell that defines it


class Library:
    """What is known of the package, read when it is first needed."""
    _names = None

    @classmethod
    def names(cls):
        """The public names."""
        if cls._names is None:
            cls._names = Names(Package(ROOT))
        return cls._names

    @classmethod
    def module_of(cls, docname):
        """The module that is exported from a page's notebook, or None."""
        path = f'{NOTEBOOKS.name}/{docname}.ipynb'
        modules = cls.names().package.modules.values()
        return next((module for module in modules if module.notebook == path), None)


class Page:
    """What names mean on a page, from its code cells."""

    def __init__(self, docname, doctree):
        self.names = Library.names()
        self.module = Library.module_of(docname)
        self.cells = [(cell, tree) for cell in code_cells(doctree)
                      if (tree := parsed(cell.astext())) is not None]
        own = self.module.entries if self.module else []
        self.scope = {entry.name: f'{self.module.name}.{entry.name}' for entry in own}
        self.own = set(self.scope)
        for _, tree in self.cells:
            self.read_imports(tree)
        self.others = {name for cell, tree in self.cells for name in self.made(cell, tree)}

    def read_imports(self, tree):
        """What the imports of a cell say."""
        package = self.names.package
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == PACKAGE:
                for alias in node.names:
                    if alias.name == '*' and node.module in package.modules:
                        there = package.modules[node.module].all
                        self.scope |= {name: f'{node.module}.{name}' for name in there}
                    else:
                        self.scope[alias.asname or alias.name] = f'{node.module}.{alias.name}'
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.asname and alias.name.split('.')[0] == PACKAGE:
                        self.scope[alias.asname] = alias.name
                    elif alias.name.split('.')[0] == PACKAGE:
                        self.scope[PACKAGE] = PACKAGE

    def made(self, cell, tree):
        """Names that a cell gives to things of its own: variables, parameters, functions."""
        public = self.own if is_library(cell) else set()
        top = {name for node in tree.body for name in defined(node)} & public
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                name = node.id
            elif isinstance(node, ast.arg):
                name = node.arg
            elif isinstance(node, DEFINITIONS):
                name = node.name
            else:
                continue
            if name not in top:
                yield name

    def place(self, code):
        """The full name of what the page calls `code` in its own scope, or ''."""
        first, dot, rest = code.partition('.')
        if first not in self.scope or first in self.others:
            return ''
        full = self.scope[first] + dot + rest
        return self.names.full(full) or self.names.member(full, self.names.full) or (
            full if full in self.names.package.modules else '')

    def said(self, code):
        """The same for code in a sentence, which may name what the page does not import."""
        first = code.partition('.')[0]
        if first in self.others:
            return ''
        if first in self.scope:
            return self.place(code)
        names = self.names
        found = names.full(code) or names.member(code, names.full)
        if '.' in code and not found:
            modules = names.package.modules
            found = next((name for name in (code, f'{PACKAGE}.{code}') if name in modules), '')
        return found or names.only(code) or names.member(code, names.only)

    def uses(self, cell, tree):
        """(line from 1, name as written, full name) of the public names in a cell: where they are
        defined, and where they are used; not where they are imported."""
        for node in ordered(tree):
            if isinstance(node, DEFINITIONS) and node.name in self.own and is_library(cell):
                yield node.lineno, node.name, self.scope[node.name]
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
                written = ast.unparse(node)
                place = self.place(written) if NAME.fullmatch(written) else ''
                if place:
                    yield node.end_lineno, written, place


def code_cells(doctree):
    """The blocks of Python of a page, in its order; in notebooks the inputs of cells."""
    for block in doctree.findall(nodes.literal_block):
        if block.get('language') in ('ipython3', 'python'):
            yield block


def parsed(text):
    """A cell as a syntax tree; None if it is no Python."""
    try:
        return ast.parse(MAGIC.sub('', text))
    except SyntaxError:
        return None


def is_library(block):
    """Is this the input of a cell that the library is exported from?"""
    parent = block.parent
    while parent is not None and 'cell_metadata' not in parent:
        parent = parent.parent
    return parent is not None and bool(parent['cell_metadata'].get('library'))


def defined(node):
    """The names that a statement at the top of a cell defines."""
    if isinstance(node, DEFINITIONS):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return list(targets(node))
    return []


def ordered(tree):
    """The nodes of a tree in the order of the text. Those within f-strings, whose places Python
    3.11 does not know, and within imports are passed over."""
    if isinstance(tree, ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    yield tree
    children = sorted(ast.iter_child_nodes(tree), key=lambda node: (
        getattr(node, 'lineno', 0), getattr(node, 'col_offset', 0)))
    for child in children:
        yield from ordered(child)


def in_cell(env, docname, doctree):
    """Give an anchor to every cell that defines a public name."""
    module = Library.module_of(docname)
    if module is None:
        return
    public = {entry.name for entry in module.entries}
    for block in code_cells(doctree):
        tree = parsed(block.astext())
        if tree is None or not is_library(block):
            continue
        for name in (name for node in tree.body for name in defined(node) if name in public):
            anchor = ANCHOR + name
            block.parent['ids'].append(anchor)
            label = f'{ANCHOR}{module.name}.{name}'.lower()
            env.domains.standard_domain.anonlabels[label] = docname, anchor


def without_cell(app, env, node, content):
    """A definition whose cell is not shown is looked for in vain: its notebook's page has to do."""
    if not node['reftarget'].startswith(ANCHOR):
        return None
    module = Library.names().package.modules[node['reftarget'][len(ANCHOR):].rpartition('.')[0]]
    docname = module.notebook.removeprefix(f'{NOTEBOOKS.name}/').removesuffix('.ipynb')
    uri = app.builder.get_relative_uri(node['refdoc'], docname)
    return nodes.reference('', '', content, refuri=uri, internal=True)


def link_names(app, doctree, docname):
    """Make links of the first uses of public names on a page."""
    if docname.startswith('reference/') or app.builder.format != 'html':
        return
    objects = app.env.domains.python_domain.objects

    def address(place):
        found = objects.get(place)
        try:
            return found and (f'{app.builder.get_relative_uri(docname, found.docname)}'
                              f'#{found.node_id}')
        except NoUri:
            return None

    page, linked = Page(docname, doctree), set()
    for cell, tree in page.cells:
        for line, name, place in page.uses(cell, tree):
            if place not in linked and (uri := address(place)):
                linked.add(place)
                cell.setdefault('links', []).append((line, name, uri, place))
    linked.clear()
    for literal in list(doctree.findall(nodes.literal)):
        code = literal.astext()
        call = CALL.fullmatch(code)
        name = call[1] if call else code
        if not NAME.fullmatch(name) or inside(literal, nodes.title | nodes.reference):
            continue
        place = page.said(name)
        if place and place not in linked and (uri := address(place)):
            linked.add(place)
            reference = nodes.reference('', '', refuri=uri, internal=True, reftitle=place,
                                        classes=['name'])
            literal.replace_self(reference)
            reference += literal


def inside(node, kinds):
    """Is a node inside of one of these kinds?"""
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node is not None


def with_links(text, links):
    """Highlighted code with links: (line from 1, name, address, title). Of a name with dots the
    part behind the last one becomes the link."""
    head, opened, code = text.partition('<pre>')
    lines = code.split('\n')
    for line, name, uri, title in links:
        *before, last = name.split('.')
        dot = '(?<=' if before else '(?<!'
        span = re.compile(rf'{dot}<span class="o">\.</span>)(<span class="\w+">)({last})(</span>)')
        link = f'<a class="name" href="{html.escape(uri)}" title="{title}">'
        lines[line - 1] = span.sub(rf'{link}\1\2\3</a>', lines[line - 1], count=1)
    return head + opened + '\n'.join(lines)


def highlight_with_links(app):
    """Let the highlighter of the pages put in the links that a block of code carries."""
    highlighter = getattr(app.builder, 'highlighter', None)
    if highlighter is None:
        return
    plain = highlighter.highlight_block

    def highlight_block(*args, location=None, **kwargs):
        text = plain(*args, location=location, **kwargs)
        links = location.get('links') if isinstance(location, nodes.Element) else None
        return with_links(text, links) if links else text

    highlighter.highlight_block = highlight_block


def setup(app):
    app.connect('builder-inited', highlight_with_links)
    app.connect('doctree-read', lambda app, doctree: in_cell(app.env, app.env.docname, doctree))
    app.connect('missing-reference', without_cell)
    app.connect('doctree-resolved', link_names)
    return {'version': '1', 'parallel_read_safe': True, 'parallel_write_safe': True}
