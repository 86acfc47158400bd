"""A text for each picture that a cell draws: what the function that draws it says of itself

The pictures themselves are outputs without a word. The call that drew one, the first sentence of
that function's docstring and the heading above are known without running anything."""
import ast
import re
from functools import cache

import nbformat

from .paths import ROOT

DRAWS = re.compile(r'(draw|plot|show|explore)_|film_strip')      # of names
PICTURES = 'image/png', 'image/jpeg', 'image/gif', 'image/svg+xml'
MOST_OF_A_CALL = 160                                              # characters


def first_sentence(docstring: str | None) -> str:
    """What a docstring says first, up to a full stop or a semicolon; '' if there is none."""
    text = ' '.join((docstring or '').strip().partition('\n\n')[0].split())
    for end in re.finditer(r'(?<=[\w)`’"\'])[.;](?=\s|$)', text):
        if text.count('(', 0, end.start()) == text.count(')', 0, end.start()):
            text = text[:end.start()]
            break
    text = re.sub(r'^(Draw|Plot) (?=\w)', '', text.replace('`', '').strip(' .'))
    return text[:1].upper() + text[1:]


@cache
def sentences_of(module: str) -> dict[str, str]:
    """{function of a module of the library: the first sentence of its docstring}, also of those
    that it imports from a module beside it."""
    path = ROOT.joinpath(*module.split('.')).with_suffix('.py')
    if not path.is_file():
        return {}
    found = {}
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = first_sentence(ast.get_docstring(node))
        elif isinstance(node, ast.ImportFrom) and node.level:
            above = module.split('.')[:-node.level]
            there = sentences_of('.'.join([*above, *filter(None, [node.module])]))
            found |= {alias.asname or alias.name: there[alias.name]
                      for alias in node.names if alias.name in there}
    return found


def parsed(source: str) -> ast.Module:
    """The code of a cell, without the lines that only Jupyter understands."""
    return ast.parse(re.sub(r'^\s*[%!].*$', '', source, flags=re.M))


def learn(tree: ast.Module, module: str, known: dict[str, str]) -> None:
    """Add the drawing functions that this code imports or defines, name → first sentence.
    `module`: what the notebook exports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('mvit_nb'):
            sentences = sentences_of(node.module)
            for alias in node.names:
                if DRAWS.match(alias.name) or (
                        '.figures' in node.module and not alias.name.startswith('set_')):
                    known[alias.asname or alias.name] = sentences.get(alias.name, '')
        elif isinstance(node, ast.FunctionDef) and (
                '.figures' in module or DRAWS.match(node.name)):
            known[node.name] = first_sentence(ast.get_docstring(node))


def shortened(call: ast.Call) -> str:
    """A call as text, on one line and not too long."""
    text = ast.unparse(call)
    return text if len(text) <= MOST_OF_A_CALL else f'{text[:MOST_OF_A_CALL].rstrip(", ")}…'


def calls(tree: ast.Module, known: dict[str, str]) -> list[str]:
    """A text for each call of a drawing function, in the order in which they stand."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)
             and isinstance(node.func, ast.Name) and node.func.id in known]
    found = [node for node in found if DRAWS.match(node.func.id)] or found    # not their helpers
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    texts = []
    for call in found:
        sentence = known[call.func.id]
        texts.append(f'{sentence}. Drawn by {shortened(call)}' if sentence
                     else f'Drawn by {shortened(call)}')
    return texts


def labels(tree: ast.Module) -> str:
    """What a cell that draws by itself writes on its picture, for a text without a function."""
    found = []
    for node in ast.walk(tree):
        name = getattr(node.func, 'attr', '') if isinstance(node, ast.Call) else ''
        if name in ('set_title', 'suptitle', 'set_xlabel', 'set_ylabel') and node.args:
            text = node.args[0]
            found.append(ast.unparse(text).lstrip('f').strip('\'"')
                         if isinstance(text, ast.Constant | ast.JoinedStr) else '')
    named = ', '.join(dict.fromkeys(text for text in found if text))
    return ': '.join(['A figure drawn by the code above', *filter(None, [named])])


def outputs_with_a_picture(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The outputs of a cell that are shown as a picture."""
    return [output for output in cell.get('outputs', [])
            if any(kind in output.get('data', {}) for kind in PICTURES)]


def own_text(output: nbformat.NotebookNode) -> str:
    """The text that the output brings itself, or ''."""
    return next((about['alt'] for about in output.get('metadata', {}).values()
                 if isinstance(about, dict) and about.get('alt')), '')


def texts_of(tree: ast.Module, number: int, known: dict[str, str], heading: str) -> list[str]:
    """A text for each of the `number` pictures of a cell below this heading."""
    drawn = calls(tree, known) or [labels(tree)]
    if len(drawn) == number:
        texts = drawn
    else:                                          # a loop, or a drawing that is shown later
        one = '; '.join(drawn)
        texts = [one if number == 1 else f'Picture {which} of {number}. {one}'
                 for which in range(1, number + 1)]
    return [f'{text} (under the heading “{heading}”)' if heading else text for text in texts]


def alternatives(nb: nbformat.NotebookNode, module: str) -> dict[int, list[str]]:
    """{index of a cell: a text for each of its pictures}, of a notebook that exports `module`."""
    known, found, heading = {}, {}, ''
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == 'markdown':
            headings = re.findall(r'^#{1,4} (.+)$', cell.source, re.M)
            heading = headings[-1].replace('`', '').strip() if headings else heading
        if cell.cell_type != 'code':
            continue
        try:
            tree = parsed(cell.source)
        except SyntaxError:
            tree = ast.Module([], [])
        learn(tree, module, known)
        pictures = outputs_with_a_picture(cell)
        if pictures:
            texts = texts_of(tree, len(pictures), known, heading)
            found[index] = [own_text(output) or text
                            for output, text in zip(pictures, texts, strict=True)]
    return found
