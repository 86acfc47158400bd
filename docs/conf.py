"""Sphinx configuration of the site; `python docs/build.py` builds it"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

from sphinx.search import languages

from site_parts import assets, buttons, navigation
from site_parts.cells import CellTransform
from site_parts.paths import NODE_MODULES, settings
from site_parts.search import SearchCourse

_at = settings()
project = _at['title']
author = _at['author']
copyright = f'{_at["copyright"].split()[0]} {author}'
version = release = _at['version']
language = 'en'

extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx_design', 'site_parts.formulas',
              'site_parts.reference', 'site_parts.links', 'site_parts.workbook']
exclude_patterns = ['**.ipynb_checkpoints']

# Notebooks: the committed outputs, nothing is run
nb_execution_mode = 'off'
nb_render_markdown_format = 'myst'
nb_merge_streams = True
myst_enable_extensions = ['dollarmath', 'colon_fence', 'attrs_inline', 'html_image']
myst_heading_anchors = 3
suppress_warnings = ['myst.header']

smartquotes = False          # 'conv' is a value, not a quotation

html_math_renderer = 'katex'

languages['en'] = SearchCourse

html_theme = 'sphinx_book_theme'
html_title = project
templates_path = ['templates']
html_favicon = 'static/favicon.svg'
html_static_path = ['_build/source/_static', 'static']
html_css_files = ['site.css']
html_js_files = ['formulas.js']
html_copy_source = False
html_show_sourcelink = False
html_domain_indices = False
html_baseurl = f'{_at["doc_host"]}{_at["doc_baseurl"]}/'
html_sidebars = {'**': ['sidebar-head.html', 'sidebar-navigation.html']}
html_context = {'default_mode': 'auto'}
html_theme_options = {
    'repository_url': _at['git_url'],
    'repository_branch': _at['branch'],
    'path_to_docs': _at['nbs_path'],
    'use_repository_button': True,
    'use_source_button': True,
    'use_issues_button': True,
    'use_download_button': False,
    'use_fullscreen_button': False,
    'launch_buttons': {'colab_url': 'https://colab.research.google.com',
                       'notebook_interface': 'classic'},
    'pygments_light_style': 'a11y-light',
    'pygments_dark_style': 'a11y-dark',
}


def _icons(app, exception):
    """Only the icons that are used."""
    if exception is None:
        assets.write_icons(NODE_MODULES, Path(app.outdir))


def _search(app, pagename, templatename, context, doctree):
    """What only the search page loads."""
    if pagename == 'search':
        app.add_js_file('search_from_file.js')


def setup(app):
    app.add_post_transform(CellTransform)
    app.connect('build-finished', _icons)
    app.connect('html-page-context', _search)
    app.connect('html-page-context', buttons.correct, priority=900)
    app.connect('html-page-context', navigation.add)
