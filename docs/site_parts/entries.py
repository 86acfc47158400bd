"""One public name of the library as Markdown, with a directive of Sphinx's Python domain"""
import ast
import dataclasses
import importlib
import inspect
import json
import re
from functools import cached_property

from .conventions import convention
from .paths import NOTEBOOKS, ROOT, settings
from .sidebar import head
from .wording import divided, markdown

LONGEST_VALUE = 90              # characters of a constant's value, or of a default
LONGEST_SIGNATURE = 72          # characters of a signature that stays on one line
CALLED = 'function', 'class', 'method'


class Writer:
    """Writes the entries of a module: signatures with their types, words with their links."""

    def __init__(self, names, module):
        self.names, self.module = names, module
        self.imported = importlib.import_module(module.name)
        self.members = {}                      # of the class at hand: name → full name

    def entry(self, entry, outer=''):
        """One name, with the methods and properties of a class inside of it."""
        if not outer:
            self.members = {member.name: f'{self.module.name}.{entry.name}.{member.name}'
                            for member in entry.members}
        fence = '`' * (4 if entry.members else 3)
        directive, options = self.directive(entry)
        signature = self.signature(entry)
        if len(re.sub(r'~[\w.]+\.', '', signature)) <= LONGEST_SIGNATURE and entry.kind in CALLED:
            options.append(':single-line-parameter-list:')
        lines = [f'{fence}{{py:{directive}}} {signature}', *options, '']
        paragraphs, errors = divided(entry.doc)
        if entry.kind == 'data' and entry.comment:
            paragraphs.append(sentence_of(entry.comment))
        if entry.bases:
            lines += [f'A kind of {", ".join(map(self.code, entry.bases))}.', '']
        for paragraph in paragraphs:
            lines += [self.words(paragraph), '']
        lines += self.fields(entry, errors)
        if not outer:
            lines += ['', '{.defined}', self.defined(entry), '']
        inner = [self.entry(member, entry.name) for member in entry.members]
        return '\n'.join([*lines, *inner, fence])

    def directive(self, entry):
        """The directive of an entry, and its options."""
        if entry.kind == 'property':
            return 'property', [option('type', self.annotation(entry.returns))]
        if entry.kind == 'method':
            return 'method', [f':{word}:' for word in ('classmethod', 'staticmethod')
                              if word in entry.decorators]
        value = getattr(self.imported, entry.name)
        if entry.kind == 'data':
            text = written(entry.node, value)
            if inspect.getmodule(type(value)) in (None, self.imported) or not is_type(value):
                return 'data', [option('type', type(value).__name__), option('value', text)]
            return 'type', [option('canonical', text)]
        if entry.kind == 'class' and issubclass(value, BaseException):
            return 'exception', []
        return entry.kind, []

    def signature(self, entry):
        """`name(parameter: type = default, …) -> type`, the types with their full names, which
        Sphinx shows short."""
        if entry.kind in ('data', 'property'):
            return entry.name
        parts, by_name = [], False
        for parameter in entry.parameters:
            if parameter.keyword and not by_name:
                parts.append('*')
            by_name = by_name or parameter.keyword or parameter.name.startswith('*')
            parts.append(self.parameter(parameter, entry))
        returns = f' -> {self.annotation(entry.returns)}' if entry.returns else ''
        return f'{entry.name}({", ".join(parts)}){returns}'

    def parameter(self, parameter, entry):
        """One parameter of a signature."""
        text = parameter.name
        if parameter.annotation is not None:
            text += f': {self.annotation(parameter.annotation)}'
        if parameter.default is not None:
            text += f' = {self.default(parameter, entry)}'
        return text

    def default(self, parameter, entry):
        """The default of a parameter. That of a field which is made by a function, such as
        `field(…)`, is what a record gets."""
        value = getattr(self.imported, entry.name, None)
        if isinstance(parameter.default, ast.Call) and dataclasses.is_dataclass(value):
            field = {part.name: part for part in dataclasses.fields(value)}[parameter.name]
            made = field.default_factory is not dataclasses.MISSING
            return shortened(repr(field.default_factory() if made else field.default))
        return shortened(ast.unparse(parameter.default))

    def annotation(self, node):
        """A type as Python, with the full name of what is known behind a ~."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode='eval').body
        copy = ast.parse(ast.unparse(node), mode='eval').body
        return ast.unparse(FullNames(self.names.package, self.module.name).visit(copy))

    def fields(self, entry, errors):
        """Parameters, attributes, result and errors as a list of fields."""
        lines = []
        for parameter in entry.parameters:
            kind = ast.unparse(parameter.annotation) if parameter.annotation else ''
            text = parameter.comment or convention(parameter.name, kind)
            if text:
                lines.append(f':param {parameter.name.lstrip("*")}: {self.words(text)}')
        for attribute in entry.fields:
            lines.append(f':var {attribute.name}: {self.words(attribute.comment)}')
        if entry.returned:
            lines.append(f':returns: {self.words(entry.returned)}')
        if errors:
            lines.append(f':Errors: {self.words(errors)}')
        return lines

    def words(self, text):
        """Plain words as Markdown, with the public names in them as links."""
        return markdown(text, self.link)

    def link(self, code):
        """Code as a link to the entry of the public name that it is, or as code."""
        place = self.members.get(code.removesuffix('()'))
        place = place or self.names.place(code, self.module.name)
        return f'{{py:obj}}`{code} <{place}>`' if place else f'`{code}`'

    def code(self, node):
        """A name as code, with a link if it is public."""
        return self.link(ast.unparse(node))

    @cached_property
    def notebook(self):
        """The notebook that the module is exported from: what it is, its title, and its page."""
        path = ROOT / self.module.notebook
        name = path.relative_to(NOTEBOOKS).as_posix()
        lesson = re.match(r'lessons/(\d\d)', name)
        kind = f'lesson {lesson[1]},' if lesson else 'the library notebook'
        return kind, head(path)[0], f'/{name}'

    @cached_property
    def source(self):
        """The address of the module in the repository."""
        at, path = settings(), self.module.path.relative_to(ROOT).as_posix()
        return f'{at["git_url"]}/blob/{at["branch"]}/{path}'

    def defined(self, entry):
        """Where an entry is defined: its notebook, and its lines in the module."""
        kind, heading, _ = self.notebook
        source = f'{self.source}#L{entry.line}-L{entry.end}'
        place = f'{{ref}}`{heading} <define-{self.module.name}.{entry.name}>`'
        return f'Defined in {kind} {place} · [view source]({source})'


class FullNames(ast.NodeTransformer):
    """Names in a type become full names behind a ~, as `Size3` → `~mvit_nb.grid.Size3`."""

    def __init__(self, package, module):
        self.package, self.module = package, module

    def named(self, node):
        name = ast.unparse(node)
        full = self.package.resolve(self.module, name)
        return ast.Name(f'~{full}') if '.' in full else node

    visit_Name = visit_Attribute = named


def written(node, value):
    """The value of a constant as written, or, where that does not show it, as it is."""
    text = ' '.join(ast.unparse(node.value).split()) if node.value else ''
    several = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
    is_call = isinstance(node.value, ast.Call)
    return shortened(' '.join(repr(value).split()) if several or is_call or not text else text)


def option(name, text):
    """An option of a directive, whose text is not read as YAML."""
    return f':{name}: {json.dumps(text, ensure_ascii=False)}'


def shortened(text):
    """A value on one line."""
    return text if len(text) <= LONGEST_VALUE else f'{text[:LONGEST_VALUE - 2]} …'


def sentence_of(comment):
    """A comment as a sentence."""
    return f'{comment[:1].upper()}{comment[1:]}'.rstrip('.') + '.'


def is_type(value):
    """Is a constant the name of a type, such as `tuple[int, int, int]`?"""
    return type(value).__name__.endswith('Alias') or type(value).__name__ == 'UnionType'
