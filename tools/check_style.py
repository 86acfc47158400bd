#!/usr/bin/env python3
"""What the linter does not see: `python tools/check_style.py [--count]` prints one line for each fault, exit code 1 if any.

The library, as exported: every module comes from a notebook that is there, none is over 300 lines,
the classes that are taught fit a screen, lines have at most 100 columns (88 where a lesson exports
it), no private name of another module, hints on everything public, and every error that a public
function raises named in its docstring. The library, what makes and tests the site (`docs/`, whose
lines have at most 100 columns too) and the code cells of the notebooks: one statement per line
(`if …: return`, `raise`, `continue` and `break` may share one), no comprehension or tuple that is
there for its side effects, no lambda with a name, no `x = a and b or c`; in the lessons lines of at
most 88 columns. With `--count`: only how many of each."""
import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 300
LIBRARY_COLUMNS = 100
LESSON_COLUMNS = 88
TAUGHT = {'vit.MLP': 15, 'pooling.TokenPool': 40, 'attention.PoolingAttention': 45,
          'block.MultiscaleBlock': 35, 'model.MViT': 60}          # classes that fit a screen
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
GUARDS = ast.Return, ast.Raise, ast.Continue, ast.Break


def is_guard(node):
    """`if …: return` and its like, without an else."""
    return (isinstance(node, ast.If) and not node.orelse and len(node.body) == 1
            and isinstance(node.body[0], GUARDS))


def statement_faults(tree, source):
    """(line, kind) of statements that are written too densely."""
    lines = source.splitlines()
    for node in ast.walk(tree):
        for field in ('body', 'orelse', 'finalbody', 'handlers'):
            block = getattr(node, field, None)
            if not isinstance(block, list) or not block:
                continue
            for before, after in zip(block, block[1:]):
                if before.end_lineno == after.lineno:
                    yield after.lineno, 'two statements on a line'
            before = lines[block[0].lineno - 1].encode()[:block[0].col_offset].decode()
            if re.fullmatch(r'\s*(else|finally|case .*):\s*', before):
                yield block[0].lineno, 'a body on the line of its head'
            elif isinstance(node, ast.stmt | ast.ExceptHandler) and field == 'body':
                first = block[0]
                header = max(getattr(part, 'end_lineno', node.lineno) or node.lineno
                             for part in header_parts(node, field))
                if first.lineno == header and not is_guard(node) and not is_ellipsis(first):
                    yield first.lineno, 'a body on the line of its head'
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                yield node.lineno, 'a comprehension for its side effects'
            if isinstance(node.value, ast.Tuple) and any(
                    isinstance(part, ast.Call) for part in node.value.elts):
                yield node.lineno, 'a tuple used as statements'
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            if isinstance(node.value, ast.Lambda):  # in a dict or a call it has no name
                yield node.lineno, 'a lambda with a name'
    for node in value_positions(tree):
        if is_and_or(node):
            yield node.lineno, '`a and b or c` as a value'


def value_positions(tree):
    """Expressions whose value is used, not only whether it is true."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.NamedExpr
                      | ast.FormattedValue | ast.keyword | ast.Starred):
            yield node.value
        elif isinstance(node, ast.Call):
            yield from node.args
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield from node.elts
        elif isinstance(node, ast.Dict):
            yield from node.values


def header_parts(node, field):
    """What stands before the colon of a compound statement (for an else: the block before it)."""
    if field == 'orelse':
        return [node.body[-1]]
    names = 'test', 'iter', 'target', 'args', 'returns', 'type', 'subject'
    parts = [getattr(node, name) for name in names if getattr(node, name, None) is not None]
    parts += [item.optional_vars or item.context_expr for item in getattr(node, 'items', [])]
    parts += list(getattr(node, 'bases', []))
    lines = [part for part in parts if isinstance(getattr(part, 'end_lineno', None), int)]
    for arguments in (part for part in parts if isinstance(part, ast.arguments)):
        everything = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
                      *arguments.defaults, *filter(None, arguments.kw_defaults),
                      *filter(None, (arguments.vararg, arguments.kwarg)))
        lines += everything
    return lines or [ast.Pass(lineno=node.lineno, end_lineno=node.lineno)]


def is_ellipsis(node):
    """The body of an overload or a protocol."""
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            and node.value.value is ...)


def is_and_or(value):
    """`a and b or c`, which is not `b if a else c` where b is false."""
    return (isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) and any(
        isinstance(part, ast.BoolOp) and isinstance(part.op, ast.And) for part in value.values[:-1])
        and not all(looks_boolean(part) for part in value.values))


def looks_boolean(value):
    """An expression whose value is true or false anyway."""
    if isinstance(value, ast.BoolOp):
        return all(looks_boolean(part) for part in value.values)
    if isinstance(value, ast.Call):
        return getattr(value.func, 'id', getattr(value.func, 'attr', '')) in (
            'isinstance', 'any', 'all', 'bool', 'hasattr', 'callable', 'startswith', 'endswith',
            'match', 'is_file', 'is_dir', 'exists', 'isinf', 'isnan', 'issubclass')
    return isinstance(value, ast.Compare) or (
        isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not))


def raised(function):
    """The errors that a function raises itself, by name, and that it does not catch."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            what = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = getattr(what, 'id', getattr(what, 'attr', ''))
            if name[:1].isupper():
                yield name


def public_faults(tree):
    """(line, kind) of public functions, methods and classes without hints, docstring or errors."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith('_'):
            text = ast.get_docstring(node) or ''
            if not text:
                yield node.lineno, f'{node.name} has no docstring'
            for method in node.body:
                if isinstance(method, FUNCTIONS) and (
                        not method.name.startswith('_') or method.name == '__init__'):
                    yield from function_faults(method, f'{node.name}.{method.name}', text)
        if isinstance(node, FUNCTIONS) and not node.name.startswith('_'):
            yield from function_faults(node, node.name, '')


def function_faults(function, name, class_text):
    """(line, kind) of one public function."""
    text = ast.get_docstring(function) or ''
    short = function.name in ('__init__', 'forward', 'extra_repr')
    if not text and not short and not function.decorator_list:
        yield function.lineno, f'{name} has no docstring'
    arguments = function.args
    everything = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
                  *filter(None, (arguments.vararg, arguments.kwarg)))
    bare = [a.arg for a in everything if a.annotation is None and a.arg not in ('self', 'cls')]
    if bare:
        yield function.lineno, f'{name} has no hint for {", ".join(bare)}'
    if function.returns is None and function.name != '__init__':
        yield function.lineno, f'{name} has no hint for its result'
    missing = {error for error in raised(function) if error not in text + class_text}
    if missing:
        yield function.lineno, f'{name} does not say that it raises {", ".join(sorted(missing))}'


def private_faults(tree):
    """(line, kind) of private names that come from another module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.level or 'mvit_nb' in (node.module or '')):
            names = [alias.name for alias in node.names if alias.name.startswith('_')]
            if names:
                yield node.lineno, f'private names of another module: {", ".join(names)}'
    modules = {alias.asname or alias.name.partition('.')[0]
               for node in ast.walk(tree) if isinstance(node, ast.Import)
               for alias in node.names if alias.name.partition('.')[0] == 'mvit_nb'}
    modules |= {alias.asname or alias.name for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module == 'mvit_nb'
                for alias in node.names if alias.name.islower()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match('_[a-z]', node.attr):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in modules:
                yield node.lineno, f'a private name of another module: {node.attr}'


def exported_modules():
    """The modules that the notebooks say they export, as names with dots."""
    for path in (ROOT / 'nbs').rglob('*.ipynb'):
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            found = re.search(r'^#\|\s*default_exp\s+(\S+)', ''.join(cell['source']), re.M)
            if found and '.ipynb_checkpoints' not in path.parts:
                yield found[1]


def size_faults(name, tree):
    """(line, kind) of taught classes that are too long to be read in one look."""
    for node in tree.body:
        most = TAUGHT.get(f'{name}.{getattr(node, "name", "")}')
        if most and node.end_lineno - node.lineno + 1 > most:
            yield node.lineno, f'{node.name} has {node.end_lineno - node.lineno + 1} lines, at most {most}'


def library_faults():
    """(where, kind) for every module of the library."""
    exported = {*exported_modules()}
    for path in sorted((ROOT / 'mvit_nb').rglob('*.py')):
        if path.name == '_modidx.py':
            continue
        text = path.read_text(encoding='utf-8')
        lines = text.splitlines()
        name = path.relative_to(ROOT)
        dotted = '.'.join(name.with_suffix('').parts[1:])
        if text and dotted not in exported and not dotted.endswith('.__init__'):
            yield name, 'no notebook exports it'
        if len(lines) > MOST_LINES:
            yield name, f'{len(lines)} lines, at most {MOST_LINES}'
        columns = LESSON_COLUMNS if 'nbs/lessons/' in text else LIBRARY_COLUMNS
        generated = range(0)                        # nbdev's own list of names
        for number, line in enumerate(lines, 1):
            if line.startswith('# %% auto'):
                generated = range(number, number + 30)
            elif line.startswith('# %%'):
                generated = range(0)
            passed_over = number in generated or line.startswith(('# AUTOGENERATED', '# %%'))
            if dotted == '__init__' and number == 2:
                passed_over = True                      # the sentence that README begins with
            most = LIBRARY_COLUMNS if number == 1 else columns      # 1: what the module is for
            if len(line) > most and not passed_over:
                yield f'{name}:{number}', f'{len(line)} columns, at most {most}'
        tree = ast.parse(text)
        for number, kind in size_faults(dotted, tree):
            yield f'{name}:{number}', kind
        for number, kind in statement_faults(tree, text):
            yield f'{name}:{number}', kind
        for check in (public_faults, private_faults):
            for number, kind in check(tree):
                yield f'{name}:{number}', kind


def notebook_faults():
    """(where, kind) for the code cells of every notebook."""
    for path in sorted((ROOT / 'nbs').rglob('*.ipynb')):
        if '.ipynb_checkpoints' in path.parts:
            continue
        columns = LESSON_COLUMNS if path.parent.name == 'lessons' else LIBRARY_COLUMNS
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            if cell['cell_type'] != 'code':
                continue
            source = ''.join(cell['source'])
            where = f'{path.relative_to(ROOT)} {cell.get("id")}'
            for line in source.splitlines():
                if len(line) > columns:
                    yield where, f'{len(line)} columns, at most {columns}: {line.strip()[:40]}'
            source = re.sub(r'^\s*[%!].*$', '', source, flags=re.M)
            try:
                tree = ast.parse(source)
            except SyntaxError:
                continue
            if not re.search(r'^#\|\s*export', source, re.M):       # exported code is checked above
                for number, kind in statement_faults(tree, source):
                    yield f'{where} line {number}', kind
            for number, kind in private_faults(tree):
                yield f'{where} line {number}', kind


def site_faults():
    """(where, kind) for the Python that makes and tests the site."""
    listed = subprocess.run(['git', 'ls-files', '-z', 'docs/*.py'], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split('\0')):
        text = (ROOT / name).read_text(encoding='utf-8')
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LIBRARY_COLUMNS:
                yield f'{name}:{number}', f'{len(line)} columns, at most {LIBRARY_COLUMNS}'
        for number, kind in statement_faults(ast.parse(text), text):
            yield f'{name}:{number}', kind


def report(faults, kind_of):
    """Print one line for each (where, kind), or with `--count` how many of each; exit code 1 if there is any."""
    if '--count' in sys.argv:
        for kind, number in Counter(kind_of(kind) for _, kind in faults).most_common(40):
            print(f'{number:5} {kind}')
    else:
        for where, kind in faults:
            print(f'{where}: {kind}')
    print(f'{len(faults)} faults', file=sys.stderr)
    sys.exit(bool(faults))


def main():
    report([*library_faults(), *site_faults(), *notebook_faults()], lambda kind: re.sub(r'^\S*\d+ (lines|columns).*', r'too many \1', kind))


if __name__ == '__main__':
    main()
