"""Search finds grids: '14×14' is one word, however it is typed

Sphinx cuts words at × and passes over numbers alone."""
import re

from sphinx.search.en import SearchEnglish

_TIMES = re.compile(r'(?<=\d)\s?[xX×*]\s?(?=\d)')
_WORD = re.compile(r'\d+(?:×\d+)+|\w+')


class SearchCourse(SearchEnglish):
    """English, with grids such as 8×14×14 as words; typed as 14x14 or 14 × 14 too."""

    lang = 'en'
    js_splitter_code = r'''
function splitQuery(query) {
  const joined = query.replace(/(\d)\s?[xX×*]\s?(?=\d)/g, "$1×");
  return joined.match(/\d+(?:×\d+)+|[\p{Letter}\p{Number}_]+/gu) || [];
}
'''

    def split(self, input: str) -> list[str]:
        """The words of a text; a grid 8×14×14 is also found by its last two sides."""
        words = _WORD.findall(_TIMES.sub('×', input))
        parts = [word.split('×', 1)[1] for word in words if word.count('×') == 2]
        return words + parts
