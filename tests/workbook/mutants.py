"""Mutants of the workbook's solutions: small errors put into the code, one at a time, and whether the checks notice.

    python tests/workbook/mutants.py              a table: for each lesson its mutants, how many are caught, and those that are not
    python tests/workbook/mutants.py --write      also writes the lines that survivors.txt lacks, and takes out those of mutants that do not live
    python tests/workbook/mutants.py --lessons    measures the lessons' own asserts (lesson_mutants.py)

A mutant is the solution's text with one place changed, in the body of the function only. Which ones there are follows from the text alone. What is refused
with an error is left as it is, since no piece asks for that."""
import ast
import collections
import contextlib
import functools
import io
import re
import signal
import sys
import warnings
from pathlib import Path

from harness import LESSONS, lesson, mistaken, module, names, source, workbook

SURVIVORS = Path(__file__).with_name('survivors.txt')
SECONDS = 4          # of computing, after which a mutant counts as caught: it would not end
Mutant = collections.namedtuple('Mutant', 'number name change text')

OPERATORS = {ast.Add: ('+', '-'), ast.Sub: ('-', '+'), ast.Mult: ('*', '/', '//'), ast.Div: ('/', '*', '//'), ast.FloorDiv: ('//', '/', '*'),
             ast.Mod: ('%', '//'), ast.MatMult: ('@', '*'), ast.Pow: ('**', '*')}
COMPARISONS = {ast.Lt: ('<', '<=', '>'), ast.LtE: ('<=', '<', '>='), ast.Gt: ('>', '>=', '<'), ast.GtE: ('>=', '>', '<='), ast.Eq: ('==', '!='),
               ast.NotEq: ('!=', '=='), ast.In: ('in', 'not in'), ast.NotIn: ('not in', 'in'), ast.Is: ('is', 'is not'), ast.IsNot: ('is not', 'is')}
TURNED = {'max': 'min', 'min': 'max', 'amax': 'amin', 'amin': 'amax', 'sum': 'mean', 'mean': 'sum', 'any': 'all', 'all': 'any', 'ceil': 'floor',
          'floor': 'ceil', 'max_pool3d': 'avg_pool3d', 'cumsum': 'cumprod', 'ones': 'zeros', 'zeros': 'ones', 'append': 'extend'}
SYMMETRIC = {'max', 'min', 'transpose', 'swapaxes', 'gcd'}          # of the order of their arguments
NOT_VALUES = {'torch', 'nn', 'F', 'math', 'self', 'np', 'cls'}      # a method of these is a function: f(x) becomes x, not torch


class Text:
    """A source with the places of its nodes."""

    def __init__(self, source):
        self.bytes = source.encode()
        self.starts = [0]
        for line in self.bytes.split(b'\n'):
            self.starts.append(self.starts[-1] + len(line) + 1)

    def span(self, node):
        """Where a node begins and ends."""
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node):
        """The text of a node."""
        start, end = self.span(node)
        return self.bytes[start:end].decode()

    def between(self, left, right):
        """Where the text between two nodes begins and ends."""
        return self.span(left)[1], self.span(right)[0]

    def with_(self, *changes):
        """The source with (start, end, new) in the place of what stands there."""
        out = self.bytes
        for start, end, new in sorted(changes, reverse=True):
            out = out[:start] + new.encode() + out[end:]
        return out.decode()


def simple(node):
    """Can this stand anywhere without parentheses?"""
    return isinstance(node, ast.Name | ast.Constant | ast.Attribute | ast.Subscript | ast.Call)


class Maker:
    """All mutants of one function or method: (statement, old, new, whole text)."""

    def __init__(self, source, name):
        self.text, self.found = Text(source), []
        node, _ = workbook.definitions(source)[name]
        start = 1 if ast.get_docstring(node, clean=False) is not None else 0
        self.body = node.body[start:]
        inside = [part for statement in self.body for part in ast.walk(statement)]
        args = node.args
        local = [a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]]
        local += [part.id for part in inside if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        self.local = [name for name in dict.fromkeys(local) if name not in ('self', '_')]
        self.own = list(dict.fromkeys(part.attr for part in inside if is_own(part) and isinstance(part.ctx, ast.Load)))
        self.strings = list(dict.fromkeys(part.value for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str)))
        for statement in self.body:
            if statement not in refusals(self.body):
                self.statement = statement
                self.visit(statement)

    def add(self, node, new, *changes):
        """One mutant: a node becomes some text, or other changes are made and the two only name them."""
        old = self.text.of(node) if isinstance(node, ast.AST) else node
        self.found.append((self.statement, old, new, self.text.with_(*(changes or [(*self.text.span(node), new)]))))

    def put(self, node, other):
        """A node becomes another one."""
        new = self.text.of(other)
        self.add(node, new if simple(other) else f'({new})')

    def exchange(self, a, b):
        """Two nodes change places."""
        one, two = self.text.of(a), self.text.of(b)
        if one != two:
            self.add(f'{one}, {two}', f'{two}, {one}', (*self.text.span(a), two), (*self.text.span(b), one))

    def between(self, node, left, right, old, news):
        """The operator between two nodes becomes another."""
        start, end = self.text.between(left, right)
        gap = self.text.bytes[start:end].decode()
        for new in news:
            changed = re.sub(rf'(?<![\w<>=*/!]){re.escape(old)}(?![\w=*/])', new, gap, count=1)
            if changed != gap:
                whole = self.text.of(node)
                self.add(whole, f'{old} → {new}', (start, end, changed))

    def visit(self, node):
        """The mutants of a node, then those of its parts."""
        outer = self.statement
        if isinstance(node, ast.stmt):
            self.statement = node
        for kind in type(node).__mro__:
            getattr(self, f'visit_{kind.__name__}', lambda node: None)(node)
        for field, value in ast.iter_fields(node):
            if field in ('annotation', 'returns', 'defaults', 'kw_defaults', 'decorator_list', 'ctx'):
                continue
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST) and not isinstance(part, ast.JoinedStr):
                    self.visit(part)
        self.statement = outer

    # statements

    def drop(self, node):
        self.add(node, 'pass')

    visit_Assign = visit_Expr = visit_For = visit_With = visit_Continue = visit_Break = drop

    def visit_Return(self, node):
        self.drop(node)
        if isinstance(node.value, ast.Tuple):
            for part in node.value.elts:
                self.add(node.value, self.text.of(part))

    def visit_AugAssign(self, node):
        self.drop(node)
        old, *news = OPERATORS[type(node.op)]
        start, end = self.text.between(node.target, node.value)
        gap = self.text.bytes[start:end].decode()
        for new in [*(f'{new}=' for new in news), '=']:
            self.add(node, f'{old}= → {new}', (start, end, gap.replace(f'{old}=', new)))

    def visit_If(self, node):
        self.cases(node.test)

    def visit_While(self, node):
        self.cases(node.test, 'False', f'not ({self.text.of(node.test)})')

    def visit_comprehension(self, node):
        for test in node.ifs:
            self.cases(test)

    def cases(self, test, *news):
        for new in news or ('True', 'False', f'not ({self.text.of(test)})'):
            self.add(test, new)

    # expressions

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            self.add(node, str(not value))
        elif isinstance(value, int | float):
            for new in dict.fromkeys([value + 1, value - 1, -value]):
                if new != value:
                    self.add(node, repr(new) if new >= 0 else f'({new!r})')
        elif isinstance(value, str):
            others = [other for other in self.strings if other != value]
            for other in others[:2] or [value + 'x']:
                self.add(node, repr(other))

    def visit_BinOp(self, node):
        old, *news = OPERATORS[type(node.op)]
        self.between(node, node.left, node.right, old, news)
        self.put(node, node.left)
        self.put(node, node.right)
        if not isinstance(node.op, ast.Add | ast.Mult):
            one, two = (self.text.of(part) if simple(part) else f'({self.text.of(part)})' for part in (node.right, node.left))
            self.add(node, f'({one} {old} {two})')

    def visit_Compare(self, node):
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators):
            old, *news = COMPARISONS[type(op)]
            self.between(node, left, right, old, news)

    def visit_BoolOp(self, node):
        old, new = ('and', 'or') if isinstance(node.op, ast.And) else ('or', 'and')
        self.between(node, node.values[0], node.values[1], old, [new])
        for part in node.values:
            self.put(node, part)

    def visit_UnaryOp(self, node):
        self.put(node, node.operand)

    def visit_IfExp(self, node):
        self.put(node, node.body)
        self.put(node, node.orelse)
        self.add(node.test, f'not ({self.text.of(node.test)})')

    def visit_Call(self, node):
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, 'id', '')
        for one, two in zip(node.args, node.args[1:]):
            if called not in SYMMETRIC:
                self.exchange(one, two)
        whole, (start, end) = self.text.of(node), self.text.span(node)
        for keyword in node.keywords:
            if keyword.arg:
                gone = re.escape(self.text.of(keyword))
                less = re.sub(rf',\s*{gone}|{gone}\s*,?', '', whole, count=1)
                self.add(node, less, (start, end, less))
        method = isinstance(function, ast.Attribute)
        if method and isinstance(function.value, ast.Name) and function.value.id in NOT_VALUES:
            method = False
        if method:
            self.put(node, function.value)
        elif node.args and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp):
            self.put(node, node.args[0])
        if called in TURNED:
            end = self.text.span(function)[1]
            self.add(f'{called}(…)', f'{TURNED[called]}(…)', (end - len(called), end, TURNED[called]))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id in self.local and len(self.local) > 1:
            here = self.local.index(node.id)
            self.add(node, self.local[(here + 1) % len(self.local)])

    def visit_Attribute(self, node):
        if is_own(node) and isinstance(node.ctx, ast.Load) and len(self.own) > 1:
            self.add(node, f'self.{self.own[(self.own.index(node.attr) + 1) % len(self.own)]}')

    def visit_Tuple(self, node):
        for one, two in zip(node.elts, node.elts[1:]):
            self.exchange(one, two)

    visit_List = visit_Tuple

    def visit_Slice(self, node):
        lower, upper = (self.text.of(part) if part else '' for part in (node.lower, node.upper))
        if lower != upper and not node.step:
            self.add(node, f'{upper}:{lower}')
            self.add(node, ':')

    def visit_Subscript(self, node):
        if isinstance(node.ctx, ast.Load):
            self.put(node, node.value)


def refusals(body):
    """The statements of a body that raise errors, and those that only prepare for them."""
    found = [part for part in body if isinstance(part, ast.If) and isinstance(part.body[0], ast.Raise)]
    used = {part.id for statement in body if statement not in found for part in ast.walk(statement)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    return found + [part for part in body if found and isinstance(part, ast.Assign)
                    and all(isinstance(target, ast.Name) and target.id not in used for target in part.targets)]


def is_own(node):
    """Is it self.something?"""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == 'self'


def first_line(text):
    """A text in one line, without the comments and the body of a statement."""
    lines = [line.partition('  #')[0].strip() for line in text.split('\n')]
    return ' '.join(' '.join(lines).split())


@functools.cache
def mutants(number, name):
    """The mutants of a piece, in the order of its text; none twice, none that is no Python."""
    return tuple(made(number, name, source(number, name)))


def made(number, name, text):
    """The mutants of a function or method in some code."""
    seen, count = {ast.dump(ast.parse(text))}, collections.Counter()
    for statement, old, new, mutated in Maker(text, name).found:
        try:
            tree = ast.dump(ast.parse(mutated))
            compile(mutated, '<mutant>', 'exec')
        except SyntaxError:
            continue
        if tree in seen:
            continue
        seen.add(tree)
        head = header(text, statement)
        old, new = first_line(old), first_line(new)
        change = f'{old if len(old) < 90 else head} ⇒ {new}'
        change += '' if old == head or len(old) >= 90 else f'  in  {head}'
        count[change] += 1
        yield Mutant(number, name, change + (f'  ({count[change]})' if count[change] > 1 else ''), mutated)


def header(text, statement):
    """The first line of a statement, its body left out, cut after 90 letters."""
    whole = Text(text).of(statement)
    if isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.FunctionDef):
        whole = whole.split('\n')[0]
    line = first_line(whole)
    return line if len(line) < 90 else f'{line[:89]}…'


def others(number):
    """(piece, text) of other right solutions, which the lesson's mistakes bring along."""
    return [(name, mistaken(number, name, old, new)) for name, old, new in getattr(module(number), 'ALSO_RIGHT', ())]


class Endless(Exception):
    """A mutant computes for too long."""


@contextlib.contextmanager
def limited(seconds=SECONDS):
    """Code that computes for longer ends in an error, once a second until it does."""
    def stop(*_):
        raise Endless('it does not end')
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@functools.cache
def imports_of(number):
    """What a notebook's first code cell brings."""
    space = {'__name__': '__main__'}
    nb = workbook.workbook(LESSONS[number])
    exec(next(workbook.code_of(cell) for cell in nb if cell['cell_type'] == 'code'), space)
    return space


def caught(mutant):
    """Do the checks notice?"""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            with limited():
                space = dict(imports_of(mutant.number))
                exec(compile(mutant.text, '<mutant>', 'exec', dont_inherit=True), space)
                found = space[mutant.name.partition('.')[0]]
                function = getattr(found, mutant.name.partition('.')[2]) if '.' in mutant.name else found
                return not lesson(mutant.number).book.examine(function).right
        except Exception:
            return True


@functools.cache
def outcome(number):
    """(mutants, survivors) of a lesson."""
    everyone = [mutant for name in names(number) for mutant in mutants(number, name)]
    for name, text in others(number):
        everyone += [mutant._replace(change=f'in other words: {mutant.change}') for mutant in made(number, name, text)]
    return everyone, [mutant for mutant in everyone if not caught(mutant)]


def line_of(mutant):
    """A survivor's line, without the reason."""
    return f'{mutant.number} | {mutant.name} | {mutant.change}'


def listed():
    """{line without the reason: why the mutant lives} of survivors.txt."""
    if not SURVIVORS.exists():
        return {}
    lines = [line for line in SURVIVORS.read_text(encoding='utf-8').splitlines() if line and not line.startswith('#')]
    return {line.rpartition(' | ')[0]: line.rpartition(' | ')[2] for line in lines}


HEAD = '''# Mutants of the workbook's solutions that the checks do not catch, and why each lives. python tests/workbook/mutants.py --write keeps the list.
# lesson | piece | change | "equivalent: …" (it computes the same for everything that the piece is for) or "not noticed: …"
'''


def write(survivors, numbers):
    """survivors.txt with exactly these lines for these lessons."""
    known = listed()
    lines = [line for line in known if line[:2] not in numbers] + [line_of(mutant) for mutant in survivors]
    body = [f'{line} | {known.get(line, "TO BE SAID")}' for line in sorted(lines, key=lambda line: line[:2])]
    SURVIVORS.write_text(HEAD + '\n'.join(body) + '\n', encoding='utf-8')


def table(rows, title='lesson'):
    """Print mutants, caught ones and survivors for each lesson."""
    print(f'{title:28}{"mutants":>8}{"caught":>8}{"survive":>9}')
    for name, everyone, alive in [*rows, ('all', sum(r[1] for r in rows), sum(r[2] for r in rows))]:
        share = f'{100 * (everyone - alive) / everyone:6.1f} %' if everyone else ''
        print(f'{name:28}{everyone:8}{everyone - alive:8}{alive:9}{share}')


def main():
    if '--lessons' in sys.argv:
        import lesson_mutants
        return lesson_mutants.main()
    numbers = [a for a in sys.argv[1:] if a in LESSONS] or list(LESSONS)
    survivors, rows, known = [], [], listed()
    for number in numbers:
        everyone, alive = outcome(number)
        survivors += alive
        for name in names(number):
            rows.append((f'{number} {name}', sum(m.name == name for m in everyone), sum(m.name == name for m in alive)))
    table(rows, 'piece')
    print()
    table([(n, len(outcome(n)[0]), len(outcome(n)[1])) for n in numbers])
    for mutant in survivors:
        print(f'{line_of(mutant)} | {known.get(line_of(mutant), "TO BE SAID")}')
    if '--write' in sys.argv:
        write(survivors, numbers)


if __name__ == '__main__':
    main()
