"""Which files hold tests, how many, and which words their names hold."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from weakref import WeakKeyDictionary

from kimi_tools.index import Index
from kimi_tools.index.names import is_test, words
from kimi_tools.syntax import Definition
from kimi_tools.testrun.imports import importers
from kimi_tools.testrun.tree import parent

RUNNABLE = (
    *("test_*.py", "*_test.py", "*_tests.py", "tests.py", "*_test.go", "*_spec.rb", "*Test.php", "*_test.rb"),
    *(f"*{kind}.*" for kind in (".test", ".spec", "-test", "-spec")),
    *("*Test.java", "*Tests.java", "Test*.java", "*Test.kt", "*Spec.kt", "*Test.scala", "*Spec.scala"),
    *("test_*.c", "*_test.c", "*_test.cc", "*_test.cpp", "test_*.cpp"),
)
"""File names that hold tests and not only what tests need."""
_SCRIPT = ("__tests__", "test")
BY_FOLDER = {"rs": ("tests",), **dict.fromkeys(("js", "jsx", "ts", "tsx", "mjs", "cjs"), _SCRIPT)}
"""Endings of files that hold tests where they lie in such a folder."""
_STEMS = 4_096


@dataclass(slots=True)
class TestFiles:
    """Every file that holds tests, as the index knows it at one time.

    `counts`: about how many tests each holds. `holding`: for each word in the names that are defined there, how often
    it stands in those of each file. `paths`: the words of each one's path. `beside`: for each helper file of the
    tests (their models, fixtures), the test files in its folder. `files`: how many files there are of any kind.
    """

    counts: dict[str, int]
    holding: dict[str, dict[str, int]]
    paths: dict[str, str]
    beside: dict[str, list[str]]
    files: int
    sharing: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    importing: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def share(self, stem: str) -> list[str]:
        """The test files with a stem of a word in their paths."""
        found = self.sharing.get(stem)
        if found is None:
            if len(self.sharing) >= _STEMS:
                self.sharing.clear()
            found = self.sharing[stem] = [path for path, text in self.paths.items() if stem in text]
        return found

    def importers(self, index: Index, path: str) -> set[str]:
        """The files that import a file, looked for once."""
        if path not in self.importing:
            self.importing[path] = importers(index, path)
        return self.importing[path]


def is_runnable(path: str) -> bool:
    """Whether a file's name, or its ending and folder, say that it holds tests."""
    return _is_named(path) or _is_placed(path)


def _is_named(path: str) -> bool:
    return _RUNNABLE.match(path.rpartition("/")[2]) is not None


_RUNNABLE = re.compile("|".join(map(translate, RUNNABLE)))


def _is_placed(path: str) -> bool:
    return parent(path).rpartition("/")[2] in BY_FOLDER.get(path.rpartition(".")[2], ())


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file that may hold tests has in it, by its content alone."""

    key: bytes
    count: int
    words: Counter[str]


@dataclass(slots=True)
class _Kept:
    """The test files at one version of the index, and what was read of each candidate."""

    version: int = -1
    tests: TestFiles | None = None
    contents: dict[str, _Content] = field(default_factory=dict[str, _Content])


_kept: "WeakKeyDictionary[Index, _Kept]" = WeakKeyDictionary()


def test_files(index: Index) -> TestFiles:
    """The files that hold tests.

    A file whose name doesn't say so counts when it lies with the tests, or starts with `test`, holds some, and
    no other file imports it: what others import (base classes, a test framework) is not run by itself.
    """
    kept = _kept.setdefault(index, _Kept())
    version = index.version
    if kept.tests is None or kept.version != version:
        kept.tests, kept.version = _survey(index, kept), version
    return kept.tests


def _survey(index: Index, kept: _Kept) -> TestFiles:
    """All test files; only those that have changed since the last time are read again."""
    files = index.files()
    before, kept.contents = kept.contents, {}
    counts: dict[str, int] = {}
    holding: dict[str, dict[str, int]] = {}
    for path in files:
        named = _is_named(path)
        if not (named or is_test(path) or path.rpartition("/")[2].startswith("test")):
            continue
        content = kept.contents[path] = _content(index, path, before.get(path))
        if named or ((content.count or _is_placed(path)) and not importers(index, path)):
            counts[path] = max(content.count, 1)
            for word, count in content.words.items():
                holding.setdefault(word, {})[path] = count
    paths = {path: "/".join(path_words(path)) for path in counts}
    return TestFiles(counts, holding, paths, _helpers(files, counts), len(files))


def _content(index: Index, path: str, before: _Content | None) -> _Content:
    key = index.key(path)
    if before is not None and key and before.key == key:
        return before
    outline = index.outline(path) or []
    if index.key(path) != key:
        key = b""  # the file was read anew meanwhile
    count = sum(map(_is_test_definition, outline))
    return _Content(key, count, Counter(word for item in outline for word in words(item.qualified)))


def path_words(path: str) -> list[str]:
    """The words in a path that may tell what a file is about, in order."""
    parts = path.rpartition(".")[0].split("/")
    return [word for part in parts for word in words(part) if word not in _OF_TESTS]


_OF_TESTS = frozenset({"test", "tests", "spec", "src", "init"})


def _is_test_definition(definition: Definition) -> bool:
    """A function `test…`, at the top level or in a class that is named as a test."""
    *owners, name = definition.qualified.split(".")
    if definition.kind not in ("function", "method"):
        return False
    return name.lower().startswith("test") and all("test" in owner.lower() for owner in owners)


def _helpers(files: Iterable[str], tests: Collection[str]) -> dict[str, list[str]]:
    """For each file of the tests that holds none itself, the test files in its folder."""
    by_folder: dict[str, list[str]] = {}
    for path in tests:
        by_folder.setdefault(parent(path), []).append(path)
    return {
        path: by_folder[parent(path)]
        for path in files
        if path not in tests and parent(path) in by_folder and is_test(path)
    }
