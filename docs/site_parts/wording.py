"""Docstrings of the library as Markdown: escaped, with links, errors apart from the rest."""
import re

SPAN = re.compile(r"(`[^`]+`|\$[^$\n]+\$|(?<![\w'])'[^'\n]*'(?![\w']))")
SPECIAL = re.compile(r'([\\*_\[\]<>#|~])')
SENTENCE = re.compile(r'(?<=[.!?)])\s+(?=[A-Z`(])')
ABBREVIATION = re.compile(r'(?:\b(?:e\.g|i\.e|cf|vs|Eq|Fig)\.|\b[A-Z]\.)$')
ERRORS = re.compile(r'(?:Raises? (?=`|what|as)|(?=`[A-Z]\w*Error` ))')


def escaped(text):
    """Plain words so that Markdown prints them as they are."""
    text = SPECIAL.sub(r'\\\1', text)
    return re.sub(r'^(\d+)([.)] )|^([-+] )', lambda found: (
        f'{found[1]}\\{found[2]}' if found[1] else f'\\{found[3]}'), text)


def markdown(text, link):
    """A docstring's words as one line of Markdown. `link` makes a span of code a link, where it
    is the name of something."""
    parts = []
    for part in SPAN.split(' '.join(text.split())):
        if part.startswith('`'):
            parts.append(link(part[1:-1]))
        elif part.startswith('$') and len(part) > 1:
            parts.append(part)
        elif part.startswith("'"):
            parts.append(f'`{part}`')
        else:
            parts.append(escaped(part))
    return ''.join(parts)


def sentences(text):
    """The sentences of a paragraph."""
    found = []
    for part in SENTENCE.split(' '.join(text.split())):
        if found and ABBREVIATION.search(found[-1]):
            found[-1] += f' {part}'
        else:
            found.append(part)
    return found


def divided(doc):
    """(paragraphs of a docstring, what it says of errors): sentences that begin with `Raises` or
    with the name of an error stand apart."""
    paragraphs, errors = [], []
    for paragraph in re.split(r'\n\s*\n', doc.strip()):
        kept = []
        for sentence in sentences(paragraph):
            said, *rest = re.split(r'[;,:] raises (?=`)', sentence, maxsplit=1)
            if rest:
                kept.append(f'{said}.')
                errors += rest
            elif ERRORS.match(sentence):
                errors.append(ERRORS.sub('', sentence, count=1))
            else:
                kept.append(sentence)
        if kept:
            paragraphs.append(' '.join(kept))
    return paragraphs, ' '.join(capital(part) for part in errors)


def capital(text):
    """With a capital letter at its beginning, unless code stands there."""
    return text[:1].upper() + text[1:]


def first_sentence(doc):
    """What a list of names says of one."""
    paragraphs, errors = divided(doc)
    if not paragraphs:
        return f'Raises {errors}'.strip() if errors else ''
    return sentences(paragraphs[0])[0]
