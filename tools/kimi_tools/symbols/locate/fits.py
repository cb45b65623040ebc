"""How well the words of whole files fit a text: BM25F, once for each way of reading the text or the file."""

import math
from collections.abc import Mapping, Sequence

from kimi_tools.store.terms import FIELDS, NAME
from kimi_tools.symbols.locate.clues import Clues

_FIELD_OF = bytes(place & 7 for place in range(256))
_WEIGHTS = (1.0, 8.0, 2.0, 2.0)
"""Of a word in code, as a definition's name, in a comment or docstring, in a string literal."""

_B, _K = 0.5, 4.0
_NAMES_B, _NAMES_K = 0.5, 1.5

Fit = dict[str, float]


def rarity(total: int, holding: int) -> float:
    """The inverse document frequency of BM25, never negative."""
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def counts_of(packed: bytes) -> tuple[int, ...]:
    """How many of the packed occurrences of a term stand in each of `FIELDS`."""
    fields = packed[::4].translate(_FIELD_OF)
    return tuple(fields.count(number) for number in range(len(FIELDS)))


def fits_of(
    places: Mapping[str, Mapping[str, bytes]], sizes: Mapping[str, Sequence[int]], clues: Clues
) -> dict[str, Fit]:
    """For each file: `words` of the whole text, of its `title` and its `prose` alone, the whole text's in the
    `names` that the file defines, and how much of the title it `covers`."""
    total = len(sizes) or 1
    lengths = {path: sum(map(float.__mul__, _WEIGHTS, map(float, own))) for path, own in sizes.items()}
    mean = sum(lengths.values()) / total or 1.0
    names_mean = sum(own[NAME] for own in sizes.values()) / total or 1.0
    norms = {path: _K * (1 - _B + _B * length / mean) for path, length in lengths.items()}
    fits: dict[str, Fit] = {name: {} for name in ("words", "title", "prose", "names", "covers")}
    words, title, prose, names, covers = fits.values()
    for term, holding in places.items():
        rare = rarity(total, len(holding))
        asked = rare * clues.weight(term)
        in_title = rare * clues.weight(term, ("title",))
        in_prose = rare * clues.weight(term, ("prose", "ticked"))
        for path, packed in holding.items():
            norm = norms.get(path)
            if norm is None:
                continue
            counts = counts_of(packed)
            often = sum(map(float.__mul__, _WEIGHTS, map(float, counts)))
            fit = often * (_K + 1) / (often + norm)
            words[path] = words.get(path, 0.0) + asked * fit
            if in_title:
                title[path] = title.get(path, 0.0) + in_title * fit
                covers[path] = covers.get(path, 0.0) + rare
            if in_prose:
                prose[path] = prose.get(path, 0.0) + in_prose * fit
            if counts[NAME]:
                length = _NAMES_K * (1 - _NAMES_B + _NAMES_B * sizes[path][NAME] / names_mean)
                fit = counts[NAME] * (_NAMES_K + 1) / (counts[NAME] + length)
                names[path] = names.get(path, 0.0) + asked * fit
    return fits
