"""Which test files exercise a piece of code, judged without running anything.

Evidence, each weighted by how rare it is in this repository (inverse document frequency, as in text search):

- the test's code uses the name of the symbol itself, of its class, or of another symbol of its file;
- it uses a symbol that calls the changed one, or calls such a one (two steps through the index);
- its path shares words with the code's path (`model_fields/test_jsonfield.py`, `fields/json.py`);
- it was committed together with the code before;
- a helper file beside it (a test's models, fixtures, utilities) does one of these: half the weight.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from weakref import WeakKeyDictionary

from kimi_tools.index import Index
from kimi_tools.index.names import is_test, words
from kimi_tools.syntax import Definition
from kimi_tools.testrun.tree import parent

SYMBOL, OWNER, CALLER, NEIGHBOUR, PATH, TOGETHER = 3.0, 1.5, 0.8, 0.5, 2.0, 40.0
"""What a piece of evidence weighs before rarity."""
MAX_CALLERS = 40
MAX_NEIGHBOURS = 150
COMMON = 0.2
"""A name in more than this part of all files says nothing."""
RUNNABLE = (
    *("test*.py", "*_test.py", "*_tests.py", "tests.py", "*_test.go", "*_spec.rb", "*Test.php", "*_test.rb"),
    *(f"*{kind}.*" for kind in (".test", ".spec", "-test", "-spec")),
    *("*Test.java", "*Tests.java", "Test*.java", "*Test.kt", "*Spec.kt", "*Test.scala", "*Spec.scala"),
    *("test_*.c", "*_test.c", "*_test.cc", "*_test.cpp", "test_*.cpp"),
)
"""File names that hold tests and not only what tests need."""


@dataclass(frozen=True, slots=True)
class Target:
    """Code whose tests are sought: a file and the symbols of it that matter; none: all of them."""

    path: str
    symbols: tuple[Definition, ...] = ()


@dataclass(slots=True)
class Related:
    """A test file, how strongly it is related, and why, the strongest reason first."""

    path: str
    score: float = 0.0
    reasons: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def add(self, weight: float, reason: str) -> None:
        """One more piece of evidence."""
        self.score += weight
        self.reasons.append((weight, reason))

    def why(self, count: int = 2) -> str:
        """The strongest reasons."""
        ranked = sorted(self.reasons, key=lambda pair: (-pair[0], pair[1]))
        return ", ".join(dict.fromkeys(reason for _, reason in ranked[:count]))


def is_runnable(path: str) -> bool:
    """Whether a file's name says that it holds tests."""
    name = path.rpartition("/")[2]
    if any(fnmatchcase(name, pattern) for pattern in RUNNABLE):
        return True
    return f"/{path}".rpartition("/")[0].endswith(("/__tests__", "/tests")) and name.endswith(".rs")


_counted: "WeakKeyDictionary[Index, tuple[int, dict[str, int]]]" = WeakKeyDictionary()


def test_files(index: Index) -> dict[str, int]:
    """Every file that holds tests, with about how many: by its name, or by a test's name in a test's folder."""
    known = _counted.get(index)
    if known and known[0] == index.version:
        return known[1]
    found: dict[str, int] = {}
    for path in index.files():
        if is_runnable(path) or is_test(path):
            count = sum(map(_is_test_definition, index.outline(path) or []))
            if count or is_runnable(path):
                found[path] = max(count, 1)
    _counted[index] = (index.version, found)
    return found


def _is_test_definition(definition: Definition) -> bool:
    """A function `test…`, at the top level or in a class that is named as a test."""
    *owners, name = definition.qualified.split(".")
    if definition.kind not in ("function", "method"):
        return False
    return name.lower().startswith("test") and all("test" in owner.lower() for owner in owners)


def related_tests(
    index: Index, targets: Sequence[Target], together: Mapping[str, float] | None = None
) -> list[Related]:
    """The test files that exercise the targets, most related first; nothing without any evidence.

    `together`: how often each file was committed with the targets, 0 to 1.
    """
    files = index.files()
    found = {path: Related(path) for path in test_files(index)}
    for path, share in (together or {}).items():
        if path in found:
            found[path].add(TOGETHER * share, "was committed together with it")
    beside = _helpers(files, found)
    for target in targets:
        for name, (weight, reason) in _names(index, target).items():
            _credit(index, name, weight, reason, len(files), found, beside)
        _by_path(target.path, found)
    changed = {target.path for target in targets}
    for path in changed & found.keys():
        found[path].add(1000.0, "changed itself")
    return sorted((r for r in found.values() if r.score > 0), key=lambda r: (-r.score, r.path))


def _names(index: Index, target: Target) -> dict[str, tuple[float, str]]:
    """The names whose use is evidence, with weight and reason; the strongest reason for each."""
    outline = index.outline(target.path) or []
    chosen = target.symbols or tuple(d for d in outline if "." not in d.qualified)
    names: dict[str, tuple[float, str]] = {}

    def put(name: str, weight: float, reason: str) -> None:
        if len(name) > 2 and weight > names.get(name, (0.0, ""))[0]:
            names[name] = (weight, reason)

    for definition in chosen:
        *owners, name = definition.qualified.split(".")
        if not (name.startswith("__") and name.endswith("__")):
            put(name, SYMBOL, f"uses {name}")
        for owner in owners:
            put(owner, OWNER if target.symbols else SYMBOL, f"uses {owner}")
    if target.symbols and index.coverage.complete:  # while it is being built, every name costs a search
        for definition in [d for d in outline if "." not in d.qualified][:MAX_NEIGHBOURS]:
            put(definition.name, NEIGHBOUR, f"uses {definition.name} of {target.path}")
        names_near = [d.name for d in target.symbols]
        for weight in (CALLER, CALLER / 2):
            names_near = [name for name in _callers(index, names_near) if name not in names]
            for caller in names_near:
                put(caller, weight, f"uses {caller}, which uses it")
    stem = target.path.rpartition("/")[2].partition(".")[0]
    if stem not in ("__init__", "index", "mod", "lib", "main"):
        put(stem, OWNER, f"uses {stem}")
    return names


def _callers(index: Index, names: Iterable[str]) -> list[str]:
    """Symbols outside of tests in which one of the names is used, once each."""
    found: dict[str, None] = {}
    for name in dict.fromkeys(names):
        mentions = [m for m in index.mentions(name) if m.use != "definition" and not is_test(m.path)]
        if len(mentions) > 4 * MAX_CALLERS:
            continue
        for mention in mentions:
            around = [
                d for d in index.outline(mention.path) or [] if d.first_line <= mention.line <= d.last_line
            ]
            for definition in around:
                if definition.kind in ("function", "method", "class", "struct", "constructor"):
                    found.setdefault(definition.name)
            if len(found) >= MAX_CALLERS:
                return list(found)
    return [name for name in found if not name.startswith("__")]


def _credit(
    index: Index,
    name: str,
    weight: float,
    reason: str,
    total: int,
    found: dict[str, Related],
    beside: dict[str, list[str]],
) -> None:
    paths = {mention.path for mention in index.mentions(name)}
    if not paths or len(paths) > max(COMMON * total, 5):
        return
    rarity = math.log(1 + total / len(paths))
    helped: set[str] = set()
    for path in paths:
        if path in found:
            found[path].add(weight * rarity, reason)
        else:
            helped.update(beside.get(path, ()))
    for path in helped - paths:
        found[path].add(weight * rarity / 2, f"its helpers: {reason}")


def _helpers(files: Iterable[str], tests: Iterable[str]) -> dict[str, list[str]]:
    """For each file of the tests that holds none itself, the test files in its folder."""
    tests = set(tests)
    by_folder: dict[str, list[str]] = {}
    for path in tests:
        by_folder.setdefault(parent(path), []).append(path)
    return {
        path: by_folder[parent(path)]
        for path in files
        if path not in tests and is_test(path) and parent(path) in by_folder
    }


def _path_words(path: str) -> list[str]:
    parts = path.rpartition(".")[0].split("/")
    return [
        word for part in parts for word in words(part) if word not in ("test", "tests", "spec", "src", "init")
    ]


def _by_path(code: str, found: dict[str, Related]) -> None:
    """Credit for words that a test's path shares with the code's, the later parts of the path counting more."""
    own = _path_words(code)
    weights = {word: (place + 1) / len(own) for place, word in enumerate(own)}
    texts = {path: "/".join(_path_words(path)) for path in found}
    for word, weight in weights.items():
        if len(word) < 3:
            continue
        stem = word[:-1] if word.endswith("s") else word
        sharing = [path for path, text in texts.items() if stem in text]
        if not sharing or len(sharing) > 0.5 * len(found):
            continue
        rarity = math.log(1 + len(found) / len(sharing))
        for path in sharing:
            found[path].add(PATH * weight * rarity, f"path shares '{word}'")


def symbols_at(index: Index, path: str, lines: Sequence[tuple[int, int]]) -> tuple[Definition, ...]:
    """The innermost definitions that lines of a file lie in, and those that stand on them."""
    outline = index.outline(path) or []
    found: dict[str, Definition] = {}
    for first, last in lines:
        touching = [d for d in outline if d.first_line <= last and d.last_line >= first]
        for definition in touching:
            inner = [d for d in touching if d is not definition and _inside(d, definition)]
            if not inner or any(first <= d.line <= last for d in (definition,)):
                found[definition.qualified] = definition
    return tuple(found.values())


def _inside(inner: Definition, outer: Definition) -> bool:
    return outer.first_line <= inner.first_line and inner.last_line <= outer.last_line
