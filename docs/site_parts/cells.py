"""Cells of notebooks on the pages: where their code goes, what their pictures show

`CellTransform` runs as a page is written, after myst-nb has chosen the form of each output."""
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.images import get_image_size

SLOW = 'slow: run by hand'


def is_part(node: nodes.Node, name: str) -> bool:
    """Is the node the part of a notebook that myst-nb calls `name`?"""
    return isinstance(node, nodes.container) and node.get('nb_element') == name


def page_size(size: tuple[int, int], width: str = '', height: str = '') -> tuple[str, str]:
    """Width and height on the page of a picture of `size` (width, height), pixels.

    `width` and `height` are what a notebook gives: '640' or '640px'. If it gives one of them, the
    other keeps the picture's proportions; if neither, the picture has its own size. Other lengths,
    such as '50%', cannot be turned into pixels: they stay as they are, and so does the other."""
    given = [re.fullmatch(r'(\d+(?:\.\d+)?) *(?:px)?', text) for text in (width, height)]
    if (width and not given[0]) or (height and not given[1]):
        return width, height
    wide, high = (float(found[1]) if found else 0 for found in given)
    wide, high = (wide or (high or size[1]) * size[0] / size[1],
                  high or (wide or size[0]) * size[1] / size[0])
    return str(round(wide)), str(round(high))


class CellTransform(SphinxPostTransform):
    """Labels on cells, texts and sizes of pictures, the line that names a notebook's module."""

    default_priority = 200

    def run(self) -> None:
        for cell in list(self.document.findall(lambda node: is_part(node, 'cell_code'))):
            self.describe(cell)
            self.label(cell)
        module = self.env.metadata[self.env.docname].get('module', '')
        if module and self.env.docname.startswith('library/'):
            self.name_module(module)
        for picture in self.document.findall(nodes.image):
            self.measure(picture)
        for header in self.document.findall(nodes.thead):
            self.name_corner(header)

    def reference(self, module: str) -> nodes.Node:
        """The name of a module, as a link to its page in the reference if there is one."""
        name = nodes.literal('', module)
        page = '/'.join(['reference', *(module.split('.')[1:] or ['index'])])
        if page not in self.env.all_docs:
            return name
        address = self.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference('', '', name, internal=True, refuri=address)

    def label(self, cell: nodes.container) -> None:
        """Say above the code that it is in the library, or is run by hand."""
        about = cell['cell_metadata']
        parts: list[nodes.Node] = []
        if about.get('library'):
            parts = [nodes.Text('in the library: '), self.reference(about['library'])]
        if 'slow' in about.get('tags', []):
            parts += [nodes.Text(f' · {SLOW}' if parts else SLOW)]
        if parts and cell.children and is_part(cell.children[0], 'cell_code_source'):
            cell.insert(0, nodes.paragraph('', '', *parts, classes=['cell-label', 'no-search']))

    def describe(self, cell: nodes.container) -> None:
        """Give the pictures of a cell their texts."""
        texts = cell['cell_metadata'].get('alternatives', [])
        pictures = [picture for part in cell.children if is_part(part, 'cell_code_output')
                    for picture in part.findall(nodes.image)]
        for picture, text in zip(pictures, texts):
            picture['alt'] = text

    def measure(self, picture: nodes.image) -> None:
        """Let a page know the size of a picture before it has it, and load it when it is near.
        Sphinx makes pictures with a size links to themselves."""
        picture['loading'] = 'lazy'
        size = get_image_size(self.app.srcdir / picture['uri'])
        if size:
            given = picture.get('width', ''), picture.get('height', '')
            found = zip(('width', 'height'), page_size(size, *given), strict=True)
            picture.attributes.update((name, length) for name, length in found if length)

    def name_corner(self, header: nodes.thead) -> None:
        """Say what the first column of a table has where its head says nothing: what rows are."""
        first = header[0][0]
        if not first.astext().strip():
            text = nodes.inline('', 'row', classes=['visually-hidden', 'no-search'])
            first[:] = [nodes.paragraph('', '', text)]

    def name_module(self, module: str) -> None:
        """The line under the sentence at the head of a library notebook."""
        quote = next(iter(self.document.findall(nodes.block_quote)), None)
        if quote is not None:
            line = nodes.paragraph('', '', nodes.Text('Module '), self.reference(module),
                                   classes=['module-line', 'no-search'])
            quote.parent.insert(quote.parent.index(quote) + 1, line)
