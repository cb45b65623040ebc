"""Which tests ran a piece of code, where coverage.py has kept it: a `.coverage` file with a context per test.

`pytest --cov --cov-context=test` writes one, and so does `dynamic_context = test_function`. The file is a
database of coverage.py's, schema 7, and a stranger's: it is read in memory, within limits. It holds no text, so
whether it still speaks of a file is judged by content: every line that it says was run must hold code.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kimi_tools.errors import ToolError
from kimi_tools.syntax import definitions
from kimi_tools.workspace import Workspace

DATA = ".coverage"
_SECONDS = 2.0
_OPERATIONS = 100_000
_FUNCTIONS = ("function", "method")

Ranges = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A file, a text that it has or had, and the ranges of lines in it that matter (none: all)."""

    path: str
    text: bytes
    ranges: Ranges = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Which test files ran the code, with how many of their tests, and all test files that were watched.

    `whole`: the data speaks of all that was asked, so a test that was watched and is not in `ran` didn't run it.
    """

    ran: dict[str, int]
    watched: frozenset[str]
    whole: bool


def seen(workspace: Workspace, asked: Sequence[Sequence[Asked]], tests: Collection[str]) -> Seen | None:
    """What the data says; None where there is none that speaks of the code as it is.

    `asked`: for each file the texts that it may have had then, the likeliest first.
    """
    try:
        data = workspace.read_bytes(DATA)
        with _Data(data) as database:
            files = _files_of(database.contexts(), tests)
            found = [_ran(workspace, database, texts) for texts in asked] if files else []
    except (ToolError, sqlite3.Error, ValueError):
        return None
    known = [contexts for contexts in found if contexts is not None]
    if not known:
        return None
    contexts = {context for ran in known for context in ran}
    ran = Counter(files[context] for context in contexts if context in files)
    return Seen(dict(ran), frozenset(files.values()), len(known) == len(asked))


def _ran(workspace: Workspace, database: "_Data", texts: Iterable[Asked]) -> set[str] | None:
    """The contexts in which the lines were run; None when the data knows the file not, or by another text."""
    for asked in texts:
        path = asked.path
        lines = database.lines((f"{workspace.root}/{path}", f"{workspace.at}/{path}", path))
        run = {line for numbers in lines.values() for line in numbers}
        if run and run <= _code(asked.text):
            wanted = _functions(asked)
            return {name for name, numbers in lines.items() if name and (not wanted or numbers & wanted)}
    return None


def _code(text: bytes) -> set[int]:
    """The lines that are not empty and no comment."""
    lines = enumerate(text.split(b"\n"), 1)
    return {number for number, line in lines if (bare := line.strip()) and not bare.startswith(b"#")}


def _functions(asked: Asked) -> set[int]:
    """The lines of the innermost functions around the ranges, without their heads, which run when imported."""
    functions = [d for d in definitions(asked.path, asked.text) if d.kind in _FUNCTIONS]
    found: set[int] = set()
    for first, last in asked.ranges:
        around = [d for d in functions if d.first_line <= last and d.last_line >= first]
        inner = [d for d in around if not any(d.first_line < e.first_line <= d.last_line for e in around)]
        for definition in inner:
            found.update(range(definition.line + 1, definition.last_line + 1))
        if not inner:
            return set()
    return found


def _files_of(contexts: Iterable[str], tests: Collection[str]) -> dict[str, str]:
    """The test file of each context that has just one.

    pytest-cov writes `tests/test_a.py::test_b|run`, coverage.py itself `tests.test_a.TestC.test_b`, with the
    module as it was imported: often without the folders.
    """
    by_name: dict[str, list[str]] = {}
    for path in tests:
        by_name.setdefault(path.rpartition("/")[2], []).append(f"/{path}")
    found: dict[str, str] = {}
    for context in contexts:
        name, ids, _ = context.partition("|")[0].partition("::")
        parts = name.split(".")
        modules = [name] if ids else ["/".join(parts[:end]) + ".py" for end in range(len(parts) - 1, 0, -1)]
        for module in modules:
            named = by_name.get(module.rpartition("/")[2], ())
            fitting = [path for path in named if path.endswith(f"/{module}")]
            if fitting:
                found |= {context: fitting[0][1:]} if len(fitting) == 1 else {}
                break
    return found


class _Data:
    """The database, read in memory. Raises `sqlite3.Error` for one that is none or takes too long."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(b"SQLite format 3\0"):
            raise sqlite3.DatabaseError
        self._connection = sqlite3.connect(":memory:")
        self._connection.deserialize(data)
        ends = time.monotonic() + _SECONDS
        self._connection.set_progress_handler(lambda: time.monotonic() > ends, _OPERATIONS)
        self._connection.execute("PRAGMA trusted_schema = OFF")

    def __enter__(self) -> "_Data":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def contexts(self) -> list[str]:
        """All contexts."""
        return [str(name) for (name,) in self._connection.execute("SELECT context FROM context")]

    def lines(self, names: tuple[str, str, str]) -> dict[str, set[int]]:
        """The lines of a file, under one of three names, that were run in each context."""
        found: dict[str, set[int]] = {}
        for context, line in self._pairs(names):
            found.setdefault(context, set()).add(line)
        return found

    def _pairs(self, names: tuple[str, str, str]) -> Iterator[tuple[str, int]]:
        for context, numbers in self._connection.execute(_LINES, names):
            for place, byte in enumerate(bytes(numbers)):
                yield from ((str(context), place * 8 + bit) for bit in range(8) if byte >> bit & 1)
        for context, *ends in self._connection.execute(_ARCS, names):
            yield from ((str(context), int(line)) for line in ends if int(line) > 0)


_LINES = """
    SELECT context, numbits FROM line_bits JOIN file ON file.id = file_id JOIN context ON context.id = context_id
    WHERE file.path IN (?, ?, ?)
"""
_ARCS = """
    SELECT context, fromno, tono FROM arc JOIN file ON file.id = file_id JOIN context ON context.id = context_id
    WHERE file.path IN (?, ?, ?)
"""
"""Branch coverage keeps arcs instead, with negative numbers for the ways in and out."""
