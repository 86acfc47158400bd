"""The tools that look after lessons and guides find what they say they find."""
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / 'tools'))

import check_lessons
import check_notebooks
import colab

QUESTION = 'A clip has 25,089 tokens. ' + 'Comparing each with each takes very long. ' * 5 + 'What is left out?'
OPENING = f'# Attention\n\n> Tokens look at each other\n\n{QUESTION}\n\n*You need [ViT](01_vit.ipynb). 30 minutes to read, 8 s to run.*'
MAP = "from mvit_nb.figures.network import draw_network\n\ndraw_network('mvit_b_16x4', lit='attention');"
ANSWER = '## The answer\n\n' + 'Keys and values are fewer, and the queries decide what comes out. ' * 3
NEXT = '\n\n**Next:** [The plan](04_plan.ipynb): where is what pooled?'
TAUGHT = '#| export\nclass MLP:\n' + '    x = 1\n' * 30
GOOD = [('markdown', OPENING), ('code', MAP), ('markdown', 'Two lines of code.'), ('code', 'a = 1\nb = 2'),
        ('code', TAUGHT), ('code', 'from mvit_nb.figures.vit import draw_parts\ndraw_parts(a);'),
        ('markdown', ANSWER + NEXT), ('markdown', '## Exercises\n\n**Exercise 1.** Why?'),
        ('markdown', '**Solution 1.** So.'), ('code', 'assert a'),
        ('markdown', '**Exercise 2.** And?\n\n**Solution 2.** So.'), ('code', 'assert b')]
OPENING_FAULTS = {
    'title': ('# Attention', 'Attention'), 'quote': ('> Tokens', 'Tokens'),
    'needs': ('*You need', '*Needs'), 'minutes': ('30 minutes to read', 'Quick'), 'no question': ('out?', 'out.'),
    'short': ('Comparing each with each takes very long. ', ''), 'long': ('A clip', 'So it goes on. ' * 30 + 'A clip'),
    'something after': ('to run.*', 'to run.*\n\nOne more line.')}
CELLS = {
    'long cell': ('code', 'a = 1\n' * 21), 'long cell that is not taught': ('code', TAUGHT.replace('MLP', 'Table')),
    'long cell that exports nothing': ('code', TAUGHT.replace('#| export\n', '')),
    'long cell that also runs': ('code', TAUGHT + 'print(MLP())\n'),
    'wide line': ('code', 'a = 1' + '  # ' + 'x' * 80), 'pyplot': ('code', 'import matplotlib.pyplot as plt'),
    'axes': ('code', 'ax.set_title(1)'), 'many axes': ('code', 'axes[0].plot(1)'), 'figure': ('code', 'fig = f()\nfig.savefig(1)'),
    'L_Q': ('markdown', '$L_Q$'), 'L_{K}': ('markdown', '$L_{K}$'), 'in code': ('code', 'x = 1  # (L_Q, D)'),
    'chapter': ('markdown', 'See chapter 04.'), 'talk': ('markdown', 'In this section we pool.')}
ENDS = {
    'no lead': (6, ANSWER), 'no answer': (6, '## What to remember' + NEXT), 'short answer': (6, '## The answer\n\nYes.' + NEXT),
    'one exercise': (10, 'So.'), 'no solution': (8, 'So.'), 'not executed': (9, None),
    'after the exercises': (11, '## More'), 'wrong number': (8, '**Solution 2.** So.')}


def cells(*pairs):
    """Cells of a notebook."""
    made = []
    for number, (kind, source) in enumerate(pairs):
        cell = dict(cell_type=kind, id=f'c{number}', metadata={}, source=source.splitlines(keepends=True))
        made.append(cell | (dict(outputs=[], execution_count=None) if kind == 'code' else {}))
    return made


def faults(pairs, **kw):
    return list(check_lessons.lesson_faults(cells(*pairs), **kw))


def test_a_good_lesson():
    assert not faults(GOOD)
    assert not faults([('markdown', colab.with_line(OPENING, colab.line('nbs/lessons/a.ipynb', 'x/'))), *GOOD[1:]])
    assert not faults([*GOOD[:6], ('markdown', ANSWER), *GOOD[7:]], last=True)


@pytest.mark.parametrize('name', OPENING_FAULTS)
def test_an_opening(name):
    old, new = OPENING_FAULTS[name]
    assert old in OPENING
    assert {where for where, _ in faults([('markdown', OPENING.replace(old, new)), *GOOD[1:]])} == {'opening'}


@pytest.mark.parametrize('source', ['', MAP + '\nx = 1', 'import torch\n' + MAP, MAP.replace('draw_network(', 'print('),
                                    MAP.splitlines()[0]])
def test_a_map_that_is_missing_or_not_alone(source):
    assert [where for where, _ in faults([GOOD[0], ('code', source), *GOOD[2:]])] == ['second cell']


@pytest.mark.parametrize('name', CELLS)
def test_a_cell(name):
    found = faults([*GOOD[:3], CELLS[name], *GOOD[3:]])
    assert [where for where, _ in found] == ['cell c3']


@pytest.mark.parametrize('source', ['axis = 3\nx = axis.real', 'configure.a', 'from mvit_nb.figures.vit import x', 'prefix.a',
                                    'a = 1  # ' + 'x' * 79, 'a = 1\n' * 20])
def test_a_cell_that_is_fine(source):
    assert not faults([*GOOD[:3], ('code', source), *GOOD[3:]])


@pytest.mark.parametrize('name', ENDS)
def test_an_end(name):
    number, source = ENDS[name]
    changed = [*GOOD[:number], *([('markdown', source)] if source else []), *GOOD[number + 1:]]
    found = faults(changed)
    assert found and {where for where, _ in found} == {'end'}


def test_lengths():
    words = ('markdown', 'word ' * 2990)
    assert any('words' in kind for _, kind in faults([*GOOD[:3], words, *GOOD[3:]]))
    code = [('code', 'a = 1\n' * 20)] * 21
    assert [where for where, _ in faults([*GOOD[:3], *code, *GOOD[3:]])] == ['length']
    last = cells(('code', 'from a import book\nbook.assert_right(a)'), ('code', 'a = 1'))
    assert check_lessons.minutes_of(last) == 1 / check_lessons.LINES_A_MINUTE
    half_an_hour = cells(('markdown', 'word ' * 5400))
    assert not list(check_lessons.course_faults([half_an_hour] * 7))
    assert len(list(check_lessons.course_faults([half_an_hour] * 8))) == 1      # 240 minutes, at most 210
    assert len(list(check_lessons.course_faults([half_an_hour] * 13))) == 2     # and 390, at most 360


SETTINGS = '[DEFAULT]\nrepo = mvit_nb\nuser = somebody\nbranch = main\nhost = https://%(user)s.github.io\n'


def test_minutes_of_the_index():
    lesson = cells(*GOOD)
    row = '| [03 Attention](lessons/03_attention.ipynb) | What is left out? | {} |'
    same, other = (cells(('markdown', row.format(minutes))) for minutes in (30, 25))
    assert not [*check_lessons.index_faults(same, {'03_attention.ipynb': lesson})]
    assert '25 minutes' in [*check_lessons.index_faults(other, {'03_attention.ipynb': lesson})][0][1]
    assert 'not in the table' in [*check_lessons.index_faults(other, {'04_plan.ipynb': lesson})][0][1]


@pytest.fixture
def project(tmp_path):
    """A project of a lesson, a guide, an index and a library notebook."""
    (tmp_path / 'settings.ini').write_text(SETTINGS, encoding='utf-8')
    texts = {'lessons/00_a': OPENING, 'guides/video': '# A guide\n\n> Video\n', 'library/plan': '# Plan',
             'index': f'[Colab]({colab.SITE}/x/y/blob/z/nbs/lessons/00_a.ipynb), [another]({colab.SITE}/x/y/blob/z/demo.ipynb)'}
    for name, text in texts.items():
        path = tmp_path / 'nbs' / f'{name}.ipynb'
        path.parent.mkdir(parents=True, exist_ok=True)
        nb = dict(cells=cells(('markdown', text), ('code', '1')), metadata={}, nbformat=4, nbformat_minor=5)
        path.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')
    return tmp_path


def first(project, name):
    """The first cell of a notebook."""
    return check_lessons.text(json.loads((project / 'nbs' / f'{name}.ipynb').read_text(encoding='utf-8'))['cells'][0])


def run(project, monkeypatch, *arguments):
    """Run colab.py; its exit code."""
    monkeypatch.setattr(sys, 'argv', ['colab.py', *arguments])
    try:
        colab.main(project)
    except SystemExit as exit:
        return exit.code
    return False


def test_links_are_written_once(project, monkeypatch, capsys):
    assert run(project, monkeypatch, '--check')
    assert [line.partition(':')[0] for line in capsys.readouterr().err.splitlines()] == [
        'nbs/guides/video.ipynb', 'nbs/index.ipynb', 'nbs/lessons/00_a.ipynb']
    run(project, monkeypatch)
    lesson, url = first(project, 'lessons/00_a'), 'https://colab.research.google.com/github/somebody/mvit_nb/blob/main/nbs/'
    assert lesson.startswith(OPENING + f'\n\n[Open in Colab]({url}lessons/00_a.ipynb)') and lesson.count('Colab') == 1
    assert f'{url}guides/video.ipynb' in first(project, 'guides/video') and 'Colab' not in first(project, 'library/plan')
    assert f'{url}lessons/00_a.ipynb' in first(project, 'index') and '/x/y/blob/z/demo.ipynb' in first(project, 'index')
    before = {path: path.read_bytes() for path in project.rglob('*.ipynb')}
    assert not run(project, monkeypatch, '--check')
    run(project, monkeypatch)
    assert before == {path: path.read_bytes() for path in project.rglob('*.ipynb')}


def test_one_edit_corrects_all(project, monkeypatch):
    run(project, monkeypatch)
    (project / 'settings.ini').write_text(SETTINGS.replace('somebody', 'else').replace('main', 'dev'), encoding='utf-8')
    assert run(project, monkeypatch, '--check')
    run(project, monkeypatch)
    for name in ('lessons/00_a', 'guides/video', 'index'):
        assert 'github/else/mvit_nb/blob/dev/nbs/' in first(project, name) and 'somebody' not in first(project, name)
    assert first(project, 'lessons/00_a').startswith(OPENING)


def test_the_link_finds_its_place_again():
    wanted = colab.line('nbs/lessons/00_a.ipynb', 'https://new/')
    old = colab.line('nbs/lessons/00_old.ipynb', 'https://old/')
    for source in (OPENING, OPENING + '\n', f'{OPENING}\n{old}', f'{old}\n{OPENING}', f'{OPENING}\n\n{wanted}', f'{OPENING}\n\n{old}\n\n'):
        assert colab.with_line(source, wanted).split() == f'{OPENING}\n\n{wanted}'.split()
    assert colab.with_line(OPENING, wanted) == f'{OPENING}\n\n{wanted}'


def test_a_notebook_that_reads_files_of_the_repository_asks_for_a_clone(project):
    start = colab.base(project)
    alone = dict(cells=cells(('markdown', '# A'), ('code', 'a = 1')))
    reads = dict(cells=cells(('markdown', '# A'), ('code', "open('../data/a.txt')")))
    assert '%pip install' in colab.corrected(alone, 'nbs/guides/a.ipynb', start)[0]
    assert 'git clone https://github.com/' in colab.corrected(reads, 'nbs/guides/a.ipynb', start)[0]
    assert 'train' in colab.line('nbs/guides/a.ipynb', start) and 'train' not in colab.line('nbs/lessons/a.ipynb', start)


def test_links_between_notebooks(project, monkeypatch):
    monkeypatch.setattr(check_notebooks, 'ROOT', project)
    run(project, monkeypatch)
    shown = dict(cells(('code', 'print(1)'))[0], outputs=[dict(output_type='stream', name='stdout', text=['1'])])
    path = project / 'nbs' / 'index.ipynb'
    for link, fault in (('lessons/00_a.ipynb', False), ('lessons/12_none.ipynb', True), ('lessons/00_a.ipynb#part', False),
                        ('https://example.org/none', False), (colab.base(project) + 'nbs/lessons/00_a.ipynb', False),
                        (colab.base(project) + 'nbs/lessons/12_none.ipynb', True)):
        nb = dict(cells=[*cells(('markdown', f'[a link]({link})')), shown], metadata={})
        path.write_text(json.dumps(nb), encoding='utf-8')
        assert bool(list(check_notebooks.faults(path))) == fault, link
    nb = dict(cells=[*cells(('markdown', 'It is `blocks[i](x, thw)`, [`a`](lessons/00_a.ipynb).')), shown], metadata={})
    path.write_text(json.dumps(nb), encoding='utf-8')
    assert not list(check_notebooks.faults(path))
