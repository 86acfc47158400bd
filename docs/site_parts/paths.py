"""Where the parts of the site lie, and what settings.ini says of the project"""
import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / 'docs'
NOTEBOOKS = ROOT / 'nbs'
NODE_MODULES = DOCS / 'node_modules'
SOURCE = DOCS / '_build/source'          # pages as Sphinx reads them
HTML = DOCS / '_build/html'              # the site


def settings() -> configparser.SectionProxy:
    """The section of settings.ini that nbdev and setup.py read too."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'settings.ini', encoding='utf-8')
    return parser['DEFAULT']
