"""Which test files exercise a piece of code, judged without running anything.

Evidence, each weighted by how rare it is in this repository (inverse document frequency, as in text search):

- the test's code uses a changed symbol, its class, a name from the changed lines, or (the best one counts) a symbol
  that calls it;
- it imports the code's file;
- its path shares words with the code's path, with those of the files that import it or call it, with the
  symbol's name or the changed lines (`m2m_through/tests.py`, `through_fields`);
- the names of its tests hold the words of the symbol's name;
- it was committed together with the code before;
- its tests ran the code, as coverage data says (see `covered`);
- a helper file beside it (a test's models, fixtures, utilities) uses the name: half the weight.

The weights were found on 158 commits of 10 repositories and half of the instances that tests/bench/affected.py
reports on; they are far from sharp: each can be halved or doubled with little loss.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kimi_tools.index import Index
from kimi_tools.index.names import is_test, words
from kimi_tools.syntax import Definition, unpack
from kimi_tools.testrun.covered import Seen
from kimi_tools.testrun.testfiles import TestFiles, path_words, test_files

SYMBOL, OWNER, LINE, CALLER, IMPORT = 2.5, 1.5, 0.5, 0.5, 4.0
PATH, NEAR_PATH, NAME_IN_PATH, LINE_IN_PATH, NAME_IN_TESTS = 1.5, 1.2, 6.0, 2.0, 3.0
TOGETHER, ASKED, RAN = 180.0, 20.0, 20.0
"""What a piece of evidence weighs before rarity; `TOGETHER` is for a test that is part of every commit,
`ASKED` for a symbol whose own tests are sought, and not those that a change in it may concern.
`RAN` is what coverage data says."""
MAX_CALLERS = 40
MAX_NEAR = 60
"""A file that more files import or call is a foundation of the repository: they tell nothing of its tests."""
COMMON = 0.2
"""A name in more than this part of all files says nothing, nor does a word in so many paths of tests."""


@dataclass(frozen=True, slots=True)
class Target:
    """Code whose tests are sought: a file, the symbols of it that matter (none: all of them), and the names
    that stand on the lines in question."""

    path: str
    symbols: tuple[Definition, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Related:
    """A test file, how strongly it is related, and why, the strongest reason first.

    `certain`: it has changed itself.
    """

    path: str
    score: float = 0.0
    certain: bool = False
    reasons: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def add(self, weight: float, reason: str) -> None:
        """One more piece of evidence."""
        self.score += weight
        self.reasons.append((weight, reason))

    def why(self, count: int = 2) -> str:
        """The strongest reasons."""
        ranked = sorted(self.reasons, key=lambda pair: (-pair[0], pair[1]))
        return ", ".join(dict.fromkeys(reason for _, reason in ranked[:count]))


def related_tests(
    index: Index,
    targets: Sequence[Target],
    together: Mapping[str, float] | None = None,
    *,
    symbol: float = SYMBOL,
    covered: Seen | None = None,
) -> list[Related]:
    """The test files that exercise the targets, most related first; nothing without any evidence.

    `together`: how often each file was committed with the targets, 0 to 1. `symbol`: what using it weighs.
    `covered`: what coverage data says of all targets. Where it speaks of all of them, a test that was watched
    and didn't run the code is left out.
    """
    evidence = _Evidence(index, symbol)
    for path, share in (together or {}).items():
        if path in evidence.tests.counts:
            evidence.add(path, TOGETHER * share, "was committed together with it")
    for target in targets:
        if target.path in evidence.tests.counts:
            evidence.add(target.path, 0.0, "changed itself")
            evidence.found[target.path].certain = True
        else:
            evidence.of(target)
    if covered is not None:
        evidence.covered(covered)
    related = (r for r in evidence.found.values() if r.score > 0 or r.certain)
    return sorted(related, key=lambda r: (not r.certain, -r.score, r.path))


class _Evidence:
    """What speaks for each test file."""

    def __init__(self, index: Index, symbol: float) -> None:
        self.index = index
        self.symbol = symbol
        self.tests: TestFiles = test_files(index)
        self.found: dict[str, Related] = {}
        self.used: dict[str, dict[str, tuple[float, str]]] = {}
        self.called: dict[tuple[str, ...], tuple[dict[str, tuple[float, str]], set[str]]] = {}

    def add(self, path: str, weight: float, reason: str) -> None:
        """One more piece of evidence for a test file."""
        related = self.found.get(path)
        if related is None:
            related = self.found[path] = Related(path)
        related.add(weight, reason)

    def of(self, target: Target) -> None:
        """Gather it for one target."""
        outline = self.index.outline(target.path) or []
        symbols = target.symbols or tuple(d for d in outline if "." not in d.qualified)
        for name, (weight, reason) in _names(symbols, target.names, self.symbol).items():
            for path, (strength, how) in self._uses(name).items():
                self.add(path, weight * strength, how + reason)
        self._imports(target.path)
        self._callers(tuple(d.name for d in target.symbols), target.path)
        own = path_words(target.path)
        self._shares({word: PATH * (place + 1) / len(own) for place, word in enumerate(own)}, 3, 0.5)
        names = dict.fromkeys(word for d in target.symbols for word in words(d.qualified)) | dict.fromkeys(
            own[-1:]
        )
        self._shares(dict.fromkeys(names, NAME_IN_PATH), 4, COMMON)
        of_lines = [word for name in target.names for word in words(name) if word not in names]
        self._shares(dict.fromkeys(of_lines, LINE_IN_PATH), 4, COMMON)
        self._test_names(names)

    def covered(self, seen: Seen) -> None:
        """Credit for having run the code."""
        for path, count in seen.ran.items():
            plural = "s" if count > 1 else ""
            self.add(
                path,
                RAN * math.log(1 + len(self.tests.counts) / len(seen.ran)),
                f"{count} test{plural} of it ran the code",
            )
        if seen.whole:
            for path in seen.watched - seen.ran.keys():
                if path in self.found and not self.found[path].certain:
                    del self.found[path]

    def _uses(self, name: str) -> dict[str, tuple[float, str]]:
        """How strongly the use of a name speaks for each test file, by itself or through a helper beside it."""
        if name not in self.used:
            self.used[name] = self._use(name)
        return self.used[name]

    def _use(self, name: str) -> dict[str, tuple[float, str]]:
        paths = self.index.mentioning(name)
        if not paths or len(paths) > max(COMMON * self.tests.files, 5):
            return {}
        rarity = math.log(1 + self.tests.files / len(paths))
        helped = (path for helper in paths for path in self.tests.beside.get(helper, ()))
        found = dict.fromkeys(helped, (rarity / 2, "its helpers: "))
        return found | {path: (rarity, "") for path in paths if path in self.tests.counts}

    def _imports(self, code: str) -> None:
        """Credit for importing the file, and for paths like those of the other files that do."""
        importing = self.tests.importers(self.index, code)
        weight = IMPORT * math.log(1 + self.tests.files / max(len(importing), 1))
        for path in importing & self.tests.counts.keys():
            self.add(path, weight, "imports it")
        self._near(path for path in importing if path not in self.tests.counts)

    def _callers(self, names: tuple[str, ...], code: str) -> None:
        """Credit for paths like those of the files that use the names, and for using a symbol that does."""
        if names not in self.called:
            self.called[names] = self._calling(names)
        best, using = self.called[names]
        for path, (strength, reason) in best.items():
            self.add(path, CALLER * strength, reason)
        self._near(using - {code})

    def _calling(self, names: Sequence[str]) -> tuple[dict[str, tuple[float, str]], set[str]]:
        """For each test file the strongest use of a symbol that uses the names, and the files of such symbols."""
        using: set[str] = set()
        best: dict[str, tuple[float, str]] = {}
        for name in names:
            if len(name) < 3:
                continue
            uses = {
                path: lines
                for path, packed in self.index.mentioning(name).items()
                if not is_test(path)
                and (lines := [line for line, use in unpack(packed) if use != "definition"])
            }
            using.update(uses)
            few = sum(map(len, uses.values())) <= 4 * MAX_CALLERS
            for caller in _around(self.index, uses) if few else ():
                if caller in names:
                    continue
                for path, (strength, how) in self._uses(caller).items():
                    reason = f"{how}uses {caller}, which uses it"
                    best[path] = max(best.get(path, (0.0, "")), (strength, reason))
        return best, using

    def _near(self, code: Iterable[str]) -> None:
        """Credit for sharing words with the paths of code that stands close to the target."""
        near = sorted(path for path in code if not is_test(path))  # sums of floats depend on their order
        if len(near) > MAX_NEAR:
            return
        for path in near:
            own = path_words(path)
            weight = NEAR_PATH / math.sqrt(len(near)) / max(len(own), 1)
            self._shares({word: weight * (place + 1) for place, word in enumerate(own)}, 3, 0.5)

    def _shares(self, weights: Mapping[str, float], shortest: int, most: float) -> None:
        """Credit for words in a test's path; those that more than a part `most` of the paths share say nothing."""
        for word, weight in weights.items():
            stem = word[:-1] if word.endswith("s") else word
            if len(word) < shortest:
                continue
            sharing = self.tests.share(stem)
            if sharing and len(sharing) <= most * len(self.tests.counts):
                rarity = math.log(1 + len(self.tests.counts) / len(sharing))
                for path in sharing:
                    self.add(path, weight * rarity, f"path shares '{word}'")

    def _test_names(self, names: Iterable[str]) -> None:
        """Credit for words in the names of a file's tests, by how many of them hold the word."""
        for word in names:
            holding = self.tests.holding.get(word)
            if len(word) < 3 or not holding or len(holding) > 0.3 * len(self.tests.counts):
                continue
            rarity = math.log(1 + len(self.tests.counts) / len(holding))
            for path, count in holding.items():
                share = math.log2(1 + count) / math.log2(4 + self.tests.counts[path])
                self.add(path, NAME_IN_TESTS * share * rarity, f"its tests name '{word}'")


def _names(
    symbols: Iterable[Definition], others: Iterable[str], symbol: float
) -> dict[str, tuple[float, str]]:
    """The names whose use is evidence, with weight and reason; the strongest reason for each."""
    names: dict[str, tuple[float, str]] = {}
    for name in others:
        names[name] = (LINE, f"uses {name}")
    for definition in symbols:
        for owner in definition.qualified.split(".")[:-1]:
            names[owner] = (OWNER, f"uses {owner}")
    for definition in symbols:
        if not definition.name.startswith("__"):
            names[definition.name] = (symbol, f"uses {definition.name}")
    return {name: reason for name, reason in names.items() if len(name) > 2}


def _around(index: Index, uses: Mapping[str, Sequence[int]]) -> list[str]:
    """The symbols in which lines of some files stand, once each; files in order of path."""
    found: dict[str, None] = {}
    for path in sorted(uses):
        around = [d for d in index.outline(path) or [] if d.kind in _CALLERS and not d.name.startswith("__")]
        for line in uses[path]:
            found.update(dict.fromkeys(d.name for d in around if d.first_line <= line <= d.last_line))
            if len(found) >= MAX_CALLERS:
                return list(found)
    return list(found)


_CALLERS = frozenset({"function", "method", "class", "struct", "constructor"})


def symbols_at(index: Index, path: str, lines: Sequence[tuple[int, int]]) -> tuple[Definition, ...]:
    """The innermost definitions that lines of a file lie in, and those that stand on them."""
    outline = index.outline(path) or []
    found: dict[str, Definition] = {}
    for first, last in lines:
        touching = [d for d in outline if d.first_line <= last and d.last_line >= first]
        for definition in touching:
            inner = [d for d in touching if d is not definition and _inside(d, definition)]
            if not inner or first <= definition.line <= last:
                found[definition.qualified] = definition
    return tuple(found.values())


def _inside(inner: Definition, outer: Definition) -> bool:
    return outer.first_line <= inner.first_line and inner.last_line <= outer.last_line
