"""The buttons above a page: where its source is

The theme knows one folder of sources; pages come from notebooks, from Markdown or from no file."""
from .paths import DOCS, ROOT, settings


def source_of(docname: str) -> str:
    """The file in the repository that a page is made from, 'nbs/lessons/04_plan.ipynb', or ''."""
    for folder, suffix in ((DOCS / 'pages', '.md'), (ROOT / 'nbs', '.ipynb')):
        path = folder / f'{docname}{suffix}'
        if path.is_file():
            return path.relative_to(ROOT).as_posix()
    return ''


def correct(app, pagename, templatename, context, doctree) -> None:
    """Let "View source" lead to that file, and leave it out where there is none."""
    at = settings()
    source = source_of(pagename)
    for group in context.get('header_buttons', []):
        kept = []
        for button in group.get('buttons', []):
            if button.get('label') == 'source-file-button':
                if not source:
                    continue
                button.update(url=f'{at["git_url"]}/blob/{at["branch"]}/{source}',
                              text='View source', tooltip='The source of this page')
            kept.append(button)
        if 'buttons' in group:
            group['buttons'] = kept
