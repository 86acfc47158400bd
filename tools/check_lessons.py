#!/usr/bin/env python3
"""Has every lesson the form that CONTRIBUTING describes? `python tools/check_lessons.py [--count]` prints one line for each fault,
exit code 1 if any; with `--count` only how many of each.

A lesson opens with a title, one sentence, a question, and what it needs and takes; then the map. No cell is long but for a taught
class, none draws, no line is cut off. It ends with the answer, the lead to the next lesson, and exercises with solutions. Lessons and guides are short."""
import ast
import json
import re
from pathlib import Path

from check_style import report

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES, COLUMNS = 20, 88
QUESTION_WORDS = 40, 140
LESSON_WORDS, LESSON_MINUTES = 3000, 35
CORE_LESSONS, CORE_MINUTES, ALL_MINUTES = 8, 210, 360   # the first eight, 00 to 07; all of them
GUIDE_WORDS, GUIDE_MINUTES = 1000, 12
EXERCISES = 2, 4
WORDS_A_MINUTE, LINES_A_MINUTE = 180, 12
# What may be longer than a cell of 20 lines, because a lesson is about it.
TAUGHT = {'sample_indices', 'PatchEmbed', 'Attention', 'MLP', 'ViTBlock', 'ViT', 'TokenPool', 'PoolingAttention',
          'BlockPlan', 'StemPlan', 'HeadPlan', 'NetworkPlan', 'block_plan', 'network_plan', 'DropPath',
          'MultiscaleBlock', 'PosEmbed', 'MViT', 'Cost', 'block_cost', 'cost', 'RelativePositions', 'PoolingAttentionV2'}
FORBIDDEN = {r'\bL_\{?\\?[QKV]|\bL_\{?\\?(?:text|mathrm)\{[QKV]': 'N_Q and N_K are meant',
             r'(?i)\bchapter \d': 'link the lesson by its name',
             r'(?i)\bin this (section|chapter|lesson)\b': 'speak of MViT, not of the notebook'}
COLAB = re.compile(r'^\[Open in Colab\].*$', re.M)
NEEDS = re.compile(r'^\*You need .+ minutes? to read, .+ to run\.\*$')
PLOTTING = re.compile(r'(ax|axes|plt|fig|figure)(es)?\d*')


def text(cell):
    """The source of a cell."""
    return ''.join(cell['source'])


def code_lines(cell):
    """Lines of code, without empty ones and directives."""
    return [line for line in text(cell).splitlines() if line.strip() and not line.lstrip().startswith('#|')]


def words_of(cells):
    """How many words a reader reads; the line on Colab is for who runs the notebook."""
    return sum(len(COLAB.sub('', text(cell)).split()) for cell in cells if cell['cell_type'] == 'markdown')


def minutes_of(cells):
    """How long a reader reads: words, and lines of code. A cell that only lists what was read is not read."""
    lines = sum(len(code_lines(cell)) for cell in cells if cell['cell_type'] == 'code' and 'book.assert_right(' not in text(cell))
    return words_of(cells) / WORDS_A_MINUTE + lines / LINES_A_MINUTE


def parsed(cell):
    """The syntax tree of a cell, without magic; None if it has none."""
    try:
        return ast.parse(re.sub(r'^\s*[%!].*$', '', text(cell), flags=re.M))
    except SyntaxError:
        return None


def opening_faults(cells):
    """What is wrong with the first cell."""
    if not cells or cells[0]['cell_type'] != 'markdown':
        yield 'the first cell is no text'
        return
    lines = COLAB.sub('', text(cells[0])).strip().splitlines()
    if not re.match(r'# \S', lines[0]):
        yield 'the first line is no title: # …'
    quotes = [number for number, line in enumerate(lines) if line.startswith('> ')]
    if len(quotes) != 1 or any(line.strip() for line in lines[1:quotes[0]]):
        yield 'no single sentence under the title: > …'
    if not NEEDS.match(lines[-1]):
        yield 'the last line does not say: *You need …. … minutes to read, … to run.*'
    start = quotes[0] + 1 if quotes else 1
    question = ' '.join(lines[start:-1] if NEEDS.match(lines[-1]) else lines[start:])
    least, most = QUESTION_WORDS
    if not least <= len(question.split()) <= most:
        yield f'the question has {len(question.split())} words, {least} to {most} are wanted'
    if '?' not in question:
        yield 'nothing is asked in the first cell'


def is_map(cell):
    """Does a cell draw the map, and do nothing else?"""
    tree = parsed(cell) if cell['cell_type'] == 'code' else None
    if tree is None or len(tree.body) != 2:
        return False
    load, draw = tree.body
    return (isinstance(load, ast.ImportFrom) and [name.name for name in load.names] == ['draw_network']
            and isinstance(draw, ast.Expr) and isinstance(draw.value, ast.Call)
            and getattr(draw.value.func, 'id', '') == 'draw_network')


def is_taught(cell):
    """Does a cell export nothing but definitions, one of them taught?"""
    tree = parsed(cell)
    if tree is None or not re.search(r'^#\|\s*export', text(cell), re.M):
        return False
    definitions = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    return len(definitions) == len(tree.body) and any(node.name in TAUGHT for node in definitions)


def draws(cell):
    """Lines that draw, instead of calling a function that does."""
    tree = parsed(cell)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Attribute):
            root = node.value
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(root, ast.Name) and PLOTTING.fullmatch(root.id.rpartition('_')[2]):
                yield node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, 'module', None) or '', *(alias.name for alias in node.names)]
            if any(name.partition('.')[0] in ('matplotlib', 'seaborn') for name in names):
                yield node.lineno


def cell_faults(cell):
    """What is wrong with one cell."""
    source = text(cell)
    for pattern, advice in FORBIDDEN.items():
        for found in re.finditer(pattern, source):
            yield f'{found[0]!r}: {advice}'
    if cell['cell_type'] != 'code':
        return
    lines = code_lines(cell)
    if len(lines) > MOST_LINES and not is_taught(cell):
        yield f'a cell of {len(lines)} lines of code, at most {MOST_LINES} but for what is taught'
    for line in source.splitlines():
        if len(line) > COLUMNS:
            yield f'a line of {len(line)} columns, at most {COLUMNS}: {line.strip()[:40]}'
    for number in sorted({*draws(cell)}):
        yield f'drawing code, which belongs into nbs/library/figures: {source.splitlines()[number - 1].strip()[:50]}'


def closing_faults(cells, last):
    """What is wrong with the end: the answer, the lead, exercises with solutions."""
    parts, headings = {}, []
    for cell in cells:
        pieces = re.split(r'^(#{1,2} .*)$', text(cell), flags=re.M) if cell['cell_type'] == 'markdown' else ['']
        for heading, body in zip(['', *pieces[1::2]], [pieces[0], *pieces[2::2]]):
            if heading:
                headings.append(heading.strip())
            parts.setdefault(headings[-1] if headings else '', []).append(dict(cell, source=[body]))
        if cell['cell_type'] == 'code':
            parts[headings[-1] if headings else ''][-1] = cell
    if headings[-2:] != ['## The answer', '## Exercises']:
        yield f'the last two headings are not: ## The answer, ## Exercises; but {", ".join(headings[-2:])}'
        return
    answer = '\n'.join(text(cell) for cell in parts['## The answer'] if cell['cell_type'] == 'markdown')
    lead = re.search(r'^\*\*Next:\*\* .*\]\(.+\)', answer, re.M)
    if not last and not lead:
        yield 'the answer does not lead on: **Next:** [title](notebook): …'
    if len(answer.partition('**Next:**')[0].split()) < 20:
        yield 'the answer has less than 20 words'
    yield from exercise_faults(parts['## Exercises'])


def exercise_faults(cells):
    """What is wrong with the exercises."""
    found = []                                     # ('Exercise', '1'), ('Solution', '1'), 'code', …
    for cell in cells:
        if cell['cell_type'] == 'code':
            found.append('code')
        else:
            found += re.findall(r'^\*\*(Exercise|Solution) (\d)\.', text(cell), re.M)
    count = sum(1 for item in found if item[0] == 'Exercise')
    least, most = EXERCISES
    if not least <= count <= most:
        yield f'{count} exercises, {least} to {most} are wanted'
    wanted = [item for n in range(1, count + 1) for item in (('Exercise', str(n)), ('Solution', str(n)))]
    if [item for item in found if item != 'code'] != wanted:
        yield 'exercises and solutions are not: **Exercise 1.** …, **Solution 1.** …, **Exercise 2.** …'
    for item, after in zip(found, [*found[1:], None]):
        if item[0] == 'Solution' and after != 'code':
            yield f'solution {item[1]} is not executed: no code follows it'


def lesson_faults(cells, last=False):
    """(where, kind) for one lesson; the last one leads nowhere."""
    for kind in opening_faults(cells):
        yield 'opening', kind
    if len(cells) < 2 or not is_map(cells[1]):
        yield 'second cell', 'is not the map alone: from mvit_nb.figures.network import draw_network, and one call of it'
    for cell in cells:
        for kind in cell_faults(cell):
            yield f'cell {cell.get("id")}', kind
    for kind in closing_faults(cells, last):
        yield 'end', kind
    yield from length_faults(cells, LESSON_WORDS, LESSON_MINUTES)


def length_faults(cells, words, minutes):
    """(where, kind) of what is too long to be read in one go."""
    if words_of(cells) >= words:
        yield 'length', f'{words_of(cells)} words, fewer than {words} are wanted'
    if minutes_of(cells) > minutes:
        yield 'length', f'{minutes_of(cells):.0f} minutes, at most {minutes}'


def course_faults(lessons):
    """(where, kind) of what is too long altogether; `lessons`: the cells of each, in order."""
    minutes = [minutes_of(cells) for cells in lessons]
    for number, most in ((CORE_LESSONS, CORE_MINUTES), (len(lessons), ALL_MINUTES)):
        total = sum(minutes[:number])
        if total > most:
            yield 'nbs/lessons', f'the first {number} take {total:.0f} minutes, at most {most}'


def index_faults(index, lessons):
    """(where, kind) where the table of the index gives other minutes than a lesson; `lessons`: name of the file to cells."""
    table = '\n'.join(map(text, index))
    for name, cells in lessons.items():
        here = re.search(r'(\d+) minutes? to read', text(cells[0]))
        there = re.search(rf'\(lessons/{re.escape(name)}\).*\|\s*(\d+)\s*\|\s*$', table, re.M)
        if not there:
            yield 'nbs/index.ipynb', f'{name} is not in the table of lessons'
        elif here and here[1] != there[1]:
            yield 'nbs/index.ipynb', f'{name}: {there[1]} minutes, but the lesson says {here[1]}'


def all_faults(root):
    """(where, kind) for every lesson and guide."""
    paths = [path for path in sorted((root / 'nbs' / 'lessons').glob('*.ipynb'))]
    lessons = [json.loads(path.read_text(encoding='utf-8'))['cells'] for path in paths]
    for path, cells in zip(paths, lessons):
        for where, kind in lesson_faults(cells, last=path == paths[-1]):
            yield f'{path.relative_to(root)} {where}', kind
    yield from course_faults(lessons)
    index = json.loads((root / 'nbs' / 'index.ipynb').read_text(encoding='utf-8'))['cells']
    yield from index_faults(index, {path.name: cells for path, cells in zip(paths, lessons)})
    for path in sorted((root / 'nbs' / 'guides').glob('*.ipynb')):
        cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        for where, kind in length_faults(cells, GUIDE_WORDS, GUIDE_MINUTES):
            yield f'{path.relative_to(root)} {where}', kind


def main():
    report(list(all_faults(ROOT)), lambda kind: re.sub(r'\d+', 'N', kind.partition(':')[0]))


if __name__ == '__main__':
    main()
