"""How well the parts of a file fit a text: BM25 over its functions, and what else points at one of them."""

from array import array

from kimi_tools.store.terms import terms_of
from kimi_tools.symbols.locate.clues import Clues, matching
from kimi_tools.symbols.locate.evidence import Evidence
from kimi_tools.symbols.locate.fits import rarity
from kimi_tools.syntax import Definition

_BODIES = frozenset({"variable", "field", "property", "constant", "key", "declaration", "type"})
_WEIGHTS = (1.0, 3.0, 1.5, 1.5)
_MEAN_LINES = 20.0
_B, _K = 0.4, 1.2


class Passages:
    """The parts of the candidates: each function and class, and the rest of the file (number -1)."""

    def __init__(self, evidence: Evidence, clues: Clues) -> None:
        self._evidence = evidence
        self._clues = clues
        total = len(evidence.sizes) or 1
        self._title = {
            term: rarity(total, len(places))
            for term, places in evidence.places.items()
            if "title" in clues.terms[term]
        }
        self.parts: dict[str, list[Definition]] = {}
        self.scores: dict[str, list[float]] = {}
        self.titles: dict[str, list[float]] = {}
        for path in evidence.candidates:
            self.parts[path] = [item for item in evidence.outlines[path] if item.kind not in _BODIES]
            self.scores[path] = [0.0] * (len(self.parts[path]) + 1)
            self.titles[path] = [0.0] * (len(self.parts[path]) + 1)
        self._fit()

    def _fit(self) -> None:
        total = len(self._evidence.sizes) or 1
        owners: dict[str, list[int]] = {}
        lengths: dict[str, list[int]] = {}
        for path, parts in self.parts.items():
            last = max((item.last_line for item in parts), default=0)
            owner = [-1] * (last + 2)
            for number, item in enumerate(parts):
                owner[item.first_line : item.last_line + 1] = [number] * (
                    item.last_line + 1 - item.first_line
                )
            owners[path] = owner
            counts = [0] * (len(parts) + 1)
            for number in owner:
                counts[number] += 1
            lengths[path] = counts
        for term, places in self._evidence.places.items():
            rare = rarity(total, len(places))
            asked = self._clues.weight(term) * rare
            in_title = self._clues.weight(term, ("title",)) * rare
            for path, packed in places.items():
                owner = owners.get(path)
                if owner is None:
                    continue
                often: dict[int, float] = {}
                end = len(owner)
                for place in array("I", packed):
                    line = place >> 3
                    number = owner[line] if line < end else -1
                    often[number] = often.get(number, 0.0) + _WEIGHTS[place & 7]
                scores, titles, length = self.scores[path], self.titles[path], lengths[path]
                for number, count in often.items():
                    fit = count * (_K + 1) / (count + _K * (1 - _B + _B * length[number] / _MEAN_LINES))
                    scores[number] += asked * fit
                    titles[number] += in_title * fit

    def best(self) -> dict[str, dict[str, float]]:
        """Of each file: the `part` that fits best, the part that fits the title best (`part_title`), and the part
        whose name holds most of the title (`part_name`)."""
        return {
            "part": {path: max(scores[:-1], default=0.0) for path, scores in self.scores.items()},
            "part_title": {path: max(titles) for path, titles in self.titles.items()},
            "part_name": {
                path: max((self._title_in(item.name) for item in parts), default=0.0)
                for path, parts in self.parts.items()
            },
        }

    def _title_in(self, name: str) -> float:
        """How rare the words of a name are that stand in the title, times their share of the name."""
        terms = terms_of(name)
        held = [self._title[term] for term in terms if term in self._title]
        return sum(held) * len(held) / (len(terms) or 1)

    def pointed(self, path: str) -> list[dict[str, float]]:
        """For each part of a file: `name_words` (of its name that the text says), `title` (says its name), `line` (a
        frame or place lies in it), `class_said` (the text says its class)."""
        clues = self._clues
        found: list[dict[str, float]] = []
        places = [place for place in clues.places if place.line and matching([path], place.path)]
        for item in self.parts[path]:
            zones = clues.names.get(item.name, {})
            inside = [p for p in places if item.first_line <= p.line <= item.last_line]
            called = [p for p in places if p.function == item.name]
            *_, outer, _ = ["", *item.qualified.split(".")]
            found.append(
                {
                    "name_words": self._name_words(item.name),
                    "title": 1.0 if "title" in zones else 0.0,
                    "line": max((0.8 ** max(p.depth, 0) for p in [*inside, *called]), default=0.0)
                    * (0.3 if item.kind == "class" else 1.0),
                    "class_said": 1.0 if outer in clues.names else 0.0,
                    "class": 1.0 if item.kind == "class" else 0.0,
                }
            )
        return found

    def _name_words(self, name: str) -> float:
        """How rare the words of a name are that the text asks for."""
        total = len(self._evidence.sizes) or 1
        return sum(
            self._clues.weight(term) * rarity(total, len(self._evidence.places[term]))
            for term in terms_of(name)
            if term in self._evidence.places
        )
