#!/usr/bin/env python3
"""What the reference would lack: `python tools/check_docs.py [--count]` prints one line for each fault, exit code 1 if any.

Of every public function, class and method (nothing is imported, the text of the modules is read):
a shape for each tensor that comes in or goes out, in its comment or in the docstring; a word on
each parameter and field, in its comment, in the docstring or among the conventions that the
reference prints (docs/site_parts/conventions.py); a unit where the name says length, time, rate or
size; and a comment on every constant and name of a type. With `--count`: only how many of each."""
import ast
import re
import sys
from pathlib import Path

from check_style import report

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'docs'))
from site_parts.conventions import convention
from site_parts.source import Package

SHAPE = re.compile(
    r'\((?:[^()\s,]{1,16}, ?|\[[A-Z],\] )+(?:[^()\s,]{1,16})?\)')         # (B, h·d, T', W)
IN_WORDS = re.compile(r'\bscalar|\bsame shape|\bany shape|\bequal shape')
NOT_ONE = re.compile(r'(dict|Mapping|Callable)\[')        # tensors by names have a shape each
MEASURED = re.compile(r'(^|_)(duration|timeout|fps|sizes?|sides?|width|height|length|'
                      r'radius|strides?|bytes|memory)$')
UNIT = re.compile(
    r'pixel|frame|moment|second|\bms\b|\bs\b|byte|token|position|channel|inch|point|fraction|share|'
    r'0 to 1|multiply-add|clips|videos|views|items|epochs|batch|cube|ticks|T, H|\(T|\(H|'
    r'[a-zτ]: |stride\'?s? of|columns|characters|letters|rows|gradient|hidden|\bk\b|\bD\b|None:',
    re.I)


def written(node):
    """A type as it is written, without quotes."""
    return ast.unparse(node).strip('\'"') if node is not None else ''


def is_tensor(node):
    """Is this the type of a tensor, of several, or of something that holds one?"""
    text = written(node)
    return bool(re.search(r'\bTensor\b', text)) and not NOT_ONE.search(text)


def has_shape(comment):
    """Does a comment give a shape?"""
    return bool(SHAPE.search(comment) or IN_WORDS.search(comment))


def shape_faults(entry, doc):
    """Tensors without a shape. The docstring may give those that the comments leave out, one of
    them for several tensors of a shape."""
    lacking = [parameter.name for parameter in entry.parameters
               if is_tensor(parameter.annotation) and not has_shape(parameter.comment)]
    if is_tensor(entry.returns) and not has_shape(entry.returned):
        lacking.append('its result')
    if not IN_WORDS.search(doc) and len(SHAPE.findall(doc)) < min(len(lacking), 2):
        yield f'no shape for {", ".join(lacking)}'


def word_faults(entry, doc):
    """Parameters and fields on which there is no word, or no unit."""
    named = set(re.findall(r'\w+', doc))
    for parameter in (*entry.parameters, *entry.fields):
        name, kind = parameter.name.lstrip('*'), written(parameter.annotation)
        text = parameter.comment or convention(name, kind)
        if not text and name not in named and not is_tensor(parameter.annotation):
            yield f'no word on {name}'
        elif MEASURED.search(name) and not is_tensor(parameter.annotation):
            if kind not in ('bool', 'str', 'object') and not UNIT.search(f'{text} {doc}'):
                yield f'no unit for {name}'


def entry_faults(entry, name, outer_doc=''):
    """(line, fault) of a public name and its methods."""
    if entry.kind == 'data':
        if not entry.comment:
            yield entry.line, f'{name} has no comment'
        return
    doc = f'{entry.doc} {outer_doc}'
    if entry.kind != 'property':
        for fault in (*shape_faults(entry, doc), *word_faults(entry, doc)):
            yield entry.line, f'{name}: {fault}'
    for member in entry.members:
        yield from entry_faults(member, f'{name}.{member.name}', entry.doc)


def main():
    faults = [(f'{module.path.relative_to(ROOT)}:{line}', fault)
              for module in Package(ROOT).modules.values() for entry in module.entries
              for line, fault in entry_faults(entry, entry.name)]
    report(faults, lambda fault: re.sub(r'^.*: | has| (for|on) .*', '', fault))


if __name__ == '__main__':
    main()
