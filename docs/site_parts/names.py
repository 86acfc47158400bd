"""Which entry of the reference a name in a text means"""
import re

from .source import PACKAGE

NAME = re.compile(r'[A-Za-z_][\w.]*(?:\(\))?')


class Names:
    """The public names of the package."""

    def __init__(self, package):
        self.package = package
        self.homes = {}                        # last part of a name → full names that end with it
        for place in package.places:
            self.homes.setdefault(place.rpartition('.')[2], []).append(place)

    def full(self, code):
        """The full name that `mvit_nb.zoo.get_config` or `zoo.get_config` stands for, or ''."""
        return self.package.origin(code) or self.package.origin(f'{PACKAGE}.{code}')

    def place(self, code, module):
        """The full name of what the text of `module` calls `code`, or ''. Only what can be nothing
        else: a name of the module itself or one that it imports, or the only one of its name."""
        if not NAME.fullmatch(code):
            return ''
        code = code.removesuffix('()')
        here = self.package.resolve(module, code)
        found = self.full(code) or self.package.origin(here) or self.only(code)
        return found or self.member(code, lambda owner: self.place(owner, module))

    def member(self, code, find):
        """The full name of `Class.method`, where `find` finds the class, or ''."""
        owner, dot, name = code.rpartition('.')
        place = find(owner) if dot else ''
        entry = self.package.places.get(place)
        known = entry is not None and any(part.name == name for part in entry.members)
        return f'{place}.{name}' if known else ''

    def only(self, name):
        """The full name of the only public name of the package that is `name`, or ''. A word of
        English, such as `cost`, means too many other things."""
        found = self.homes.get(name, [])
        is_word = '_' not in name and name == name.lower()
        return found[0] if len(found) == 1 and not is_word else ''
