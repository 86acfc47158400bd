#!/usr/bin/env python3
"""Make the workbook from the lessons: `python tools/workbook.py`; with `--check`, only name the notebooks that are not current (exit code 1).

A lesson's directives say what goes into its notebook of `nbs/workbook/`: `#| toy` a cell of toy numbers, with the text before it; `#| blank NAME …` the
functions and methods (`TokenPool.forward`) whose bodies the learner writes. A name that the cell does not define is the library's. What is to be done,
hints and checks stand in `mvit_nb.workbook.lesson_NN`. The outputs of cells that do not change are kept; run the others with tools/execute.py."""
import ast
import hashlib
import importlib
import inspect
import json
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LESSONS = ROOT / 'nbs' / 'lessons'
WORKBOOK = ROOT / 'nbs' / 'workbook'
DIRECTIVE = re.compile(r'^#\|[ \t]*([\w-]+)[ \t]*:?[ \t]*(.*?)[ \t]*\n?$', re.M)
EXERCISE = re.compile(r'^\*\*(Exercise|Solution) (\d+)\.\*\*[ \t]*', re.M)
NOT_FOR_LEARNERS = re.compile(r'mvit_nb\.figures|IPython')
EMPTY = '...  # your code'


def text(cell):
    """The source of a cell."""
    return ''.join(cell['source'])


def directives(cell):
    """nbdev's directives and ours, {name: what follows}."""
    return dict(DIRECTIVE.findall(text(cell))) if cell['cell_type'] == 'code' else {}


def code_of(cell):
    """The code of a cell without directives."""
    return DIRECTIVE.sub('', text(cell)).strip('\n')


def definitions(source):
    """{name: (node, class node or None)} of the functions and methods at the top of some code."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node, None
        elif isinstance(node, ast.ClassDef):
            found |= {f'{node.name}.{part.name}': (part, node) for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


def body_lines(node):
    """First and last line (from 1) of a body, its docstring left out."""
    statements = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (statements[0].lineno, node.end_lineno) if statements else None


def emptied(source, names):
    """Some code with the bodies of these functions and methods taken out, in top-level definitions only."""
    lines, found = source.split('\n'), definitions(source)
    changes = {}                                     # first line: (last line, what stands there instead)
    for name in names:
        node, owner = found[name]
        indent = ' ' * (node.col_offset + 4)
        first, last = body_lines(node)
        if first == node.lineno:                     # def f(x): return x
            head = lines[first - 1][:node.body[0].col_offset].rstrip()
            changes[first] = last, [head, indent + EMPTY]
        else:
            while first > node.lineno + 1 and lines[first - 2].strip().startswith('#'):
                first -= 1                           # a comment above the body belongs to it
            changes[first] = last, [indent + EMPTY]
    for first in sorted(changes, reverse=True):
        last, new = changes[first]
        lines[first - 1:last] = new
    return '\n'.join(lines)


def with_docstring(source, name, words):
    """Some code with another docstring in one of its functions."""
    node, _ = definitions(source)[name]
    first, last = node.body[0].lineno, node.body[0].end_lineno
    lines = source.split('\n')
    lines[first - 1:last] = [' ' * node.body[0].col_offset + f'"{words}"']
    return '\n'.join(lines)


def only(source, names):
    """The top-level definitions that hold these names, as they are written, with the decorators and comments above them."""
    lines, wanted = source.split('\n'), {name.partition('.')[0] for name in names}
    parts, end = [], 0
    for node in ast.parse(source).body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, 'decorator_list', []))])
        while first - 1 > end and lines[first - 2].startswith('#'):
            first -= 1
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted:
            parts.append('\n'.join(lines[first - 1:node.end_lineno]))
        end = node.end_lineno
    return '\n\n'.join(parts)


def body_of(source, name):
    """A function or method, as it is written in a solution, a method with its indent."""
    node, _ = definitions(source)[name]
    return '\n'.join(source.split('\n')[node.lineno - 1:node.end_lineno])


def used_names(source):
    """Every name that some code loads."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def bound_names(source):
    """The names that some code binds at its top level."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition('.')[0] for alias in node.names}
    return found | {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


class Lesson:
    """A lesson and its book."""

    def __init__(self, path):
        self.path, self.number = path, path.name[:2]
        self.cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        self.book = importlib.import_module(f'mvit_nb.workbook.lesson_{self.number}').book
        self.module = next((found['default_exp'] for found in map(directives, self.cells) if 'default_exp' in found), None)
        self.title = text(self.cells[0]).partition('\n')[0].removeprefix('# ')

    def question(self):
        """The question with which the lesson opens."""
        lines = text(self.cells[0]).split('\n')
        start = next(i for i, line in enumerate(lines) if line.startswith('> '))
        end = next(i for i, line in enumerate(lines) if line.startswith('*You need'))
        return '\n'.join(lines[start + 1:end]).strip()

    def source_of(self, cell, names):
        """The code that defines these names: the cell's own, or the library's."""
        source = code_of(cell)
        if set(names) <= set(definitions(source)):
            return only(source, names)
        parts = []
        for name in names:
            blank = self.book.blanks[name]
            module = importlib.import_module(f'mvit_nb.{blank.module}')
            parts.append(inspect.getsource(getattr(module, name.partition('.')[0])).rstrip())
        return '\n\n'.join(parts)

    def import_lines(self):
        """{name: the line that imports it} of the lesson's own imports, but for figures."""
        found = {}
        for cell in self.cells:
            if cell['cell_type'] != 'code':
                continue
            for node in ast.parse(re.sub(r'^\s*[%!].*$', '', code_of(cell), flags=re.M)).body:
                if isinstance(node, ast.Import):
                    found |= {a.asname or a.name.partition('.')[0]: f'import {a.name}' + (f' as {a.asname}' if a.asname else '') for a in node.names}
                elif isinstance(node, ast.ImportFrom) and not NOT_FOR_LEARNERS.match(node.module):
                    found |= {a.asname or a.name: f'from {node.module} import {a.name}' + (f' as {a.asname}' if a.asname else '') for a in node.names}
        return found

    def lacking(self, code, there):
        """What some code needs of the lesson to run in its notebook, where the names `there` are bound: imports and functions."""
        helpers = {}
        for cell in self.cells:
            if cell['cell_type'] == 'code' and 'blank' not in directives(cell):
                helpers |= {name: only(code_of(cell), [name]) for name in definitions(code_of(cell)) if '.' not in name}
        used = used_names(code) - bound_names(code) - there
        functions = [helpers[name] for name in sorted(used & set(helpers))]
        used = used.union(*map(used_names, functions)) - there
        known = self.import_lines()
        lines = joined(dict.fromkeys(known[name] for name in sorted(used & set(known))))
        return ['\n'.join(lines)] * bool(lines) + functions

    def exercises(self):
        """(number, text, solution text, solution code) of each exercise."""
        start = next(i for i, cell in enumerate(self.cells) if re.search(r'^## Exercises', text(cell), re.M))
        parts, kind = {}, None
        for cell in self.cells[start:]:
            if cell['cell_type'] == 'code':
                if kind:                                     # before the first, the lesson's own code is checked
                    parts[kind][1].append(code_of(cell))
                continue
            source = re.sub(r'^.*?^## Exercises\s*', '', text(cell), flags=re.M | re.S)
            pieces = EXERCISE.split(source)
            for word, number, body in zip(pieces[1::3], pieces[2::3], pieces[3::3]):
                kind = word, int(number)
                parts[kind] = [body.strip(), []]
        for number in sorted(n for word, n in parts if word == 'Exercise'):
            question, solution = parts['Exercise', number], parts['Solution', number]
            yield number, question[0], solution[0], '\n\n'.join(solution[1])


def folded(summary, body):
    """A part of a text that unfolds."""
    return f'<details>\n<summary>{summary}</summary>\n\n{body.strip()}\n\n</details>'


def fenced(code):
    """Code in a text."""
    return '```python\n{}\n```'.format(code.strip('\n').rstrip())


def hints(texts):
    """Hints, each folded, so that one opens one at a time."""
    return [folded(f'Hint {number}' if len(texts) > 1 else 'A hint', hint) for number, hint in enumerate(texts, 1)]


def moved(source):
    """The text of a lesson in another folder: links to its neighbours lead there."""
    return re.sub(r'(\]\()(\d\d_\w+\.ipynb)', r'\1../lessons/\2', source)


class Notebook:
    """The cells of a workbook notebook, as they come."""

    def __init__(self, name):
        self.name, self.cells = name, []

    def add(self, kind, key, source):
        """A cell; `key` tells it from all others of the notebook."""
        name = hashlib.sha256(f'{self.name} {key}'.encode()).hexdigest()[:8]
        cell = dict(cell_type=kind, id=name, metadata={}, source=source.strip('\n').splitlines(keepends=True))
        self.cells.append(cell | (dict(execution_count=None, outputs=[]) if kind == 'code' else {}))


def opening(lesson, pieces):
    """The first cell: title, what it is, the lesson's question."""
    minutes = 5 * round((10 + 6 * len(pieces)) / 5)
    return '\n\n'.join([
        f'# Build it: {lesson.title}',
        f'> Write {len(pieces)} {"piece" if len(pieces) == 1 else "pieces"} of the code yourself, and be told when each is right',
        moved(lesson.question()),
        f'*You need [the lesson]({LINK.format(lesson.path.name)}), or a good memory of it. About {minutes} minutes; each check answers at once.*'])


LINK = '../lessons/{}'
HOW = '''Each piece comes with its signature and an empty body, `{empty}`. Write the body in the place of the three dots, run the cell, and run the check below it. The check says what it expected and what it
got. Hints and the solution unfold with a click. Pieces are checked one by one: where one needs another that you have not written, the library's own is used, so you can begin anywhere.'''
SWITCH = '''Right pieces that the library has too are kept in the folder `my_pieces` beside this notebook. With `True` in the place of `False`, everything below runs on the pieces that you wrote in earlier notebooks.'''


def workbook(path):
    """The workbook notebook of a lesson, without outputs."""
    lesson = Lesson(path)
    book, nb = lesson.book, Notebook(path.name)
    blanks, given, needed = [], [], set()
    for index, cell in enumerate(lesson.cells):
        found = directives(cell)
        if 'toy' in found:
            before = lesson.cells[index - 1]
            about = re.split(r'^(?=## )', text(before), flags=re.M)[-1]         # what stands before a heading is of another part
            given.append(('toy', cell, moved(about) if before['cell_type'] == 'markdown' else ''))
            needed |= used_names(code_of(cell))
        if 'blank' in found:
            names = found['blank'].split()
            unknown = [name for name in names if name not in book.blanks]
            if unknown:
                raise SystemExit(f'{path.name}: mvit_nb.workbook.lesson_{lesson.number} asks for no {", ".join(unknown)}')
            blanks += names
            given.append(('blank', cell, names))
            needed |= used_names(lesson.source_of(cell, names))
    if set(blanks) != set(book.blanks):
        raise SystemExit(f'{path.name}: no cell for {sorted(set(book.blanks) - set(blanks))}')
    exercises = list(lesson.exercises())
    needed |= {name for exercise in book.exercises.values() for name in used_names(exercise.start)}

    nb.add('markdown', 'opening', opening(lesson, blanks))
    nb.add('code', 'imports', imports(lesson, given, needed))
    nb.add('markdown', 'how', f'{HOW.format(empty="...").replace(chr(10), " ")}\n\n{SWITCH}')
    nb.add('code', 'switch', 'from mvit_nb.workbook.kept import use_pieces\nuse_pieces(mine=False)')
    for kind, cell, more in given:
        if kind == 'toy':
            if more:
                nb.add('markdown', f'text {cell["id"]}', more)
            nb.add('code', f'toy {cell["id"]}', code_of(cell))
        else:
            add_blank(nb, lesson, cell, more)
    if book.closing:
        words, code = book.closing
        nb.add('markdown', 'closing text', words)
        nb.add('code', 'closing', code)
    add_exercises(nb, lesson, exercises)
    nb.add('markdown', 'end', f'Back to [the lesson]({LINK.format(path.name)}). This notebook is made from it by `tools/workbook.py`; write into it what you like, but changes for everybody belong into the lesson and its [checks](../library/workbook/lesson_{lesson.number}.ipynb).')
    return nb.cells


def add_blank(nb, lesson, cell, names):
    """For each function or class of a cell: what is to be done, the empty code, its check, hints and solutions."""
    for top in dict.fromkeys(name.partition('.')[0] for name in names):
        here = [name for name in names if name.partition('.')[0] == top]
        source = lesson.source_of(cell, here)
        blanks = [lesson.book.blanks[name] for name in here]
        tasks = [blanks[0].task] if len(blanks) == 1 else [f'**`{blank.name}`.** {blank.task}' for blank in blanks]
        heading = f'## Write {" and ".join(f"`{name}`" for name in here)}'
        key = f'{cell["id"]} {" ".join(here)}'
        nb.add('markdown', f'task {key}', '\n\n'.join([heading, *tasks]))
        shown = emptied(source, here)
        for blank in blanks:
            if blank.docstring:
                shown = with_docstring(shown, blank.name, blank.docstring)
        nb.add('code', f'blank {key}', shown)
        nb.add('code', f'check {key}', f'check({", ".join(here)})')
        for blank in blanks:
            head = [f'`{blank.name}`:'] if len(blanks) > 1 else []
            owner, _, name = blank.name.rpartition('.')
            where = f'It takes the place of `def {name}` in the class `{owner}`, indented as it stands here:\n\n' if owner else ''
            solution = folded('The solution', where + fenced(body_of(source, blank.name)))
            nb.add('markdown', f'help {blank.name}', '\n\n'.join([*head, *hints(blank.hints), solution]))


def add_exercises(nb, lesson, exercises):
    """The lesson's exercises, each with its check and its folded solution."""
    if exercises:
        nb.add('markdown', 'exercises', '## Exercises')
    for number, question, solution, code in exercises:
        nb.add('markdown', f'exercise {number}', f'**Exercise {number}.** {moved(question)}')
        about = lesson.book.exercises.get(number)
        if about:
            nb.add('code', f'answer {number}', f'{about.start}\n\ncheck_{lesson.number}_{number}(answer)')
        there = set().union(*(bound_names(text(cell)) for cell in nb.cells if cell['cell_type'] == 'code'))
        whole = '\n\n'.join([*lesson.lacking(code, there), code])
        parts = (hints(about.hints) if about else []) + [folded('The solution', f'{moved(solution)}\n\n{fenced(whole)}')]
        nb.add('markdown', f'solution {number}', '\n\n'.join(parts))


def imports(lesson, given, needed):
    """The imports that the pieces need, as the lesson has them, and the book's."""
    lines, known = {}, lesson.import_lines()
    bound = set()
    for kind, cell, more in given:
        if kind == 'blank' and not set(more) <= set(definitions(code_of(cell))):
            for name in more:
                known = library_imports(lesson.book.blanks[name].module) | known
        bound |= bound_names(code_of(cell) if kind == 'toy' else lesson.source_of(cell, more))
    for name in sorted(needed - bound):
        if name in known:
            lines[known[name]] = name
        elif lesson.module and hasattr(importlib.import_module(f'mvit_nb.{lesson.module}'), name):
            lines[f'from mvit_nb.{lesson.module} import {name}'] = name
    checks = ['check', *(f'check_{lesson.number}_{n}' for n in sorted(lesson.book.exercises)), *lesson.book.more]
    own = f'from mvit_nb.workbook.lesson_{lesson.number} import {", ".join(checks)}'
    drawn = any('mvit_nb.figures' in code_of(cell) for kind, cell, _ in given if kind == 'toy')
    if drawn:
        lines['from mvit_nb.figures.style import set_style'] = 'set_style'
    return '\n'.join([*joined(lines), *wrapped(own), *(['set_style()'] if drawn else [])])


def library_imports(module):
    """{name: the line that imports it} of a module of the library, where a lesson takes a piece from."""
    found = {}
    for node in ast.parse(inspect.getsource(importlib.import_module(f'mvit_nb.{module}'))).body:
        if isinstance(node, ast.Import):
            found |= {a.name: f'import {a.name}' for a in node.names if not a.asname and '.' not in a.name}
        elif isinstance(node, ast.ImportFrom) and node.module:
            home = f'mvit_nb.{node.module}' if node.level else node.module
            found |= {a.name: f'from {home} import {a.name}' for a in node.names if not a.asname}
    return found


def joined(lines):
    """Import lines, those from one module made one, in the usual order."""
    plain, from_ = [], {}
    for line in lines:
        if found := re.match(r'from (\S+) import (.+)', line):
            from_.setdefault(found[1], []).append(found[2])
        else:
            plain.append(line)
    made = [(f'from {module} import {", ".join(sorted(names))}') for module, names in from_.items()]
    own = sorted(line for line in made if 'mvit_nb' in line)
    others = sorted(line for line in made if 'mvit_nb' not in line)
    return [part for line in [*sorted(plain), *others, *own] for part in wrapped(line)]


def wrapped(line, columns=88):
    """An import line of at most 88 columns, in parentheses if it is longer."""
    if len(line) <= columns:
        return [line]
    head, names = line.split(' import ')
    return [f'{head} import (', *textwrap.wrap(f'{names})', columns, initial_indent='    ', subsequent_indent='    ')]


def lessons():
    """The lessons that have a book."""
    books = {path.stem[-2:] for path in (ROOT / 'nbs/library/workbook').glob('lesson_*.ipynb')}
    return [path for path in sorted(LESSONS.glob('*.ipynb')) if path.name[:2] in books]


def main():
    check, stale = '--check' in sys.argv, []
    sys.path.insert(0, str(ROOT / 'tools'))
    import colab
    start = colab.base(ROOT)
    for path in lessons():
        target = WORKBOOK / path.name
        old = json.loads(target.read_text(encoding='utf-8')) if target.exists() else None
        kept = {(cell['id'], text(cell)): cell for cell in old['cells']} if old else {}
        cells = workbook(path)
        nb = dict(cells=cells, metadata=json.loads(path.read_text(encoding='utf-8'))['metadata'], nbformat=4, nbformat_minor=5)
        for index, new in colab.corrected(nb, target.relative_to(ROOT).as_posix(), start).items():
            cells[index]['source'] = new.splitlines(keepends=True)
        nb['cells'] = [kept.get((cell['id'], text(cell)), cell) for cell in cells]
        if old and [(c['id'], text(c)) for c in old['cells']] == [(c['id'], text(c)) for c in cells]:
            continue
        stale.append(target.relative_to(ROOT))
        if not check:
            target.parent.mkdir(exist_ok=True)
            target.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')
    extra = {p.name for p in WORKBOOK.glob('*.ipynb')} - {p.name for p in lessons()}
    for name in sorted(extra):
        print(f'nbs/workbook/{name} belongs to no lesson with a book', file=sys.stderr)
    for name in stale:
        print(f'{name}: not current, run python tools/workbook.py and tools/execute.py' if check else name, file=sys.stderr if check else sys.stdout)
    sys.exit(bool(extra or (check and stale)))


if __name__ == '__main__':
    main()
