"""The buttons above a page: where its source is, and where it can be run

The theme knows one folder of sources; pages come from notebooks, from Markdown or from no file."""
from .paths import DOCS, ROOT, settings


def source_of(docname: str) -> str:
    """The file in the repository that a page is made from, 'nbs/lessons/04_plan.ipynb', or ''."""
    for folder, suffix in ((DOCS / 'pages', '.md'), (ROOT / 'nbs', '.ipynb')):
        path = folder / f'{docname}{suffix}'
        if path.is_file():
            return path.relative_to(ROOT).as_posix()
    return ''


def corrected(button: dict, source: str) -> dict | None:
    """A button as this site has it; None: not at all."""
    if button.get('label') == 'source-file-button':
        at = settings()
        address = f'{at["git_url"]}/blob/{at["branch"]}/{source}'
        words = {'text': 'View source', 'tooltip': 'The source of this page'}
        return button | words | {'url': address} if source else None
    if button.get('text') == 'Colab':
        words = {'text': 'Open in Colab', 'tooltip': 'Run this notebook in Colab'}
        return button | words | {'icon': 'fas fa-rocket'}
    return button


def correct(app, pagename, templatename, context, doctree) -> None:
    """Correct the groups of buttons that the theme makes for a page."""
    source = source_of(pagename)
    for group in context.get('header_buttons', []):
        if 'buttons' in group:
            found = [corrected(button, source) for button in group['buttons']]
            group['buttons'] = list(filter(None, found))
