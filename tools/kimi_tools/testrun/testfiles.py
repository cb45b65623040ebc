"""Which files hold tests, how many, and which words their names hold."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
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


@dataclass(frozen=True, slots=True)
class TestFiles:
    """Every file that holds tests: about how many, and how often each word stands in the names defined there."""

    counts: dict[str, int]
    words: dict[str, Counter[str]]


def is_runnable(path: str) -> bool:
    """Whether a file's name, or its ending and folder, say that it holds tests."""
    return _is_named(path) or _is_placed(path)


def _is_named(path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatchcase(name, pattern) for pattern in RUNNABLE)


def _is_placed(path: str) -> bool:
    return parent(path).rpartition("/")[2] in BY_FOLDER.get(path.rpartition(".")[2], ())


_known: "WeakKeyDictionary[Index, tuple[int, TestFiles]]" = WeakKeyDictionary()


def test_files(index: Index) -> TestFiles:
    """The files that hold tests.

    A file whose name doesn't say so counts when it lies with the tests, or starts with `test`, holds some, and
    no other file imports it: what others import (base classes, a test framework) is not run by itself.
    """
    known = _known.get(index)
    if known and known[0] == index.version:
        return known[1]
    found = TestFiles({}, {})
    for path in index.files():
        if not (is_test(path) or _is_named(path) or path.rpartition("/")[2].startswith("test")):
            continue
        outline = index.outline(path) or []
        count = sum(map(_is_test_definition, outline))
        if _is_named(path) or ((count or _is_placed(path)) and not importers(index, path)):
            found.counts[path] = max(count, 1)
            found.words[path] = Counter(word for item in outline for word in words(item.qualified))
    _known[index] = (index.version, found)
    return found


def _is_test_definition(definition: Definition) -> bool:
    """A function `test…`, at the top level or in a class that is named as a test."""
    *owners, name = definition.qualified.split(".")
    if definition.kind not in ("function", "method"):
        return False
    return name.lower().startswith("test") and all("test" in owner.lower() for owner in owners)


def helpers(files: Iterable[str], tests: Iterable[str]) -> dict[str, list[str]]:
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
