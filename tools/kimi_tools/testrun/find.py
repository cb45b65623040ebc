"""`find_tests`: which tests exercise a symbol or a file."""

import re
from collections.abc import Iterable, Mapping, Sequence

import anyio.to_thread

from kimi_tools.clip import clip_line, weight
from kimi_tools.errors import NotFound
from kimi_tools.index import Coverage, Index
from kimi_tools.index.meaning import find
from kimi_tools.syntax.references import Scopes
from kimi_tools.testrun.covered import DATA, Asked, Seen, seen
from kimi_tools.testrun.relate import ASKED, Target, related_tests
from kimi_tools.testrun.select import indexed
from kimi_tools.testrun.testfiles import is_runnable, test_files
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

SHOWN_TESTS = 6
INDEX_SECONDS = 10.0
"""How long to wait for an index that is being built; many clients give a call a minute at most."""
MAX_RELATED = 40
WEAKEST = 0.1
"""Of the strongest relation; what is weaker is left out."""


class FindTestsParams(Params):
    of: str = Param("Symbol or file")
    offset: int = Param("Skip so many", default=0, ge=0)


class TestFile(Data):
    """One related test file: `score` (only its order means something), why, and its tests that use the name."""

    path: str
    score: float
    reason: str
    tests: tuple[str, ...]


class FoundTests(Data):
    """The related test files, most related first; `complete`: the whole repository was looked at."""

    of: str
    complete: bool
    files: tuple[TestFile, ...]


@tool(
    "Find tests",
    "Find the tests that exercise a symbol or file, most related first, with the reason.",
    toolset="test",
    effect="reads",
)
async def find_tests(workspace: Workspace, params: FindTestsParams) -> Result:
    index = await indexed(workspace, INDEX_SECONDS)
    await index.ahead(re.split(r"\W+", params.of.strip("()"))[-1])
    return await anyio.to_thread.run_sync(_find, workspace, index, params)


def _find(workspace: Workspace, index: Index, params: FindTestsParams) -> Result:
    coverage = index.coverage  # before the questions: what comes in meanwhile may be missing from the answer
    targets = _targets(index, coverage, params.of)
    ranked = related_tests(index, targets, symbol=ASKED, covered=_covered(workspace, index, targets))
    related = [r for r in ranked[:MAX_RELATED] if r.score >= WEAKEST * ranked[0].score]
    names = [d.name for target in targets for d in target.symbols] or [
        d.name for target in targets for d in index.outline(target.path) or [] if "." not in d.qualified
    ]
    lines: dict[str, set[int]] = {}
    for name in dict.fromkeys(names):
        for mention in index.mentions(name):
            lines.setdefault(mention.path, set()).add(mention.line)
    data = FoundTests(
        of=params.of,
        complete=coverage.complete,
        files=tuple(
            TestFile(path=r.path, score=round(r.score, 2), reason=r.why(), tests=_using(index, r.path, lines))
            for r in related
        ),
    )
    return Result(_text(workspace, coverage.note(), data, params.offset), data)


def _targets(index: Index, coverage: Coverage, of: str) -> list[Target]:
    """What is meant: a file, a symbol, or `file::symbol`. Raises `NotFound`."""
    path, _, name = of.partition("::")
    if path in index.files():
        chosen = [d for d in index.outline(path) or [] if name and d.qualified.endswith(name)]
        if name and not chosen:
            raise NotFound(f"'{path}' has no symbol '{name}'; outline lists what it has.")
        return [Target(path, tuple(chosen))]
    match, symbols = find(index, of, lambda symbol: not is_runnable(symbol.path))
    if match not in ("exact name", "name in other letter case"):
        similar = ", ".join(dict.fromkeys(s.definition.qualified for s in symbols[:5]))
        hint = f"similar: {similar}" if similar else "look for it with find_symbol or find_files"
        raise NotFound(
            f"There is no file or symbol '{clip_line(of, 200)}'; {hint}. {coverage.note()}".rstrip()
        )
    by_path: dict[str, list[str]] = {}
    chosen_symbols = symbols[:5]
    for symbol in chosen_symbols:
        by_path.setdefault(symbol.path, []).append(symbol.definition.qualified)
    return [Target(path, tuple(s.definition for s in chosen_symbols if s.path == path)) for path in by_path]


def _covered(workspace: Workspace, index: Index, targets: Sequence[Target]) -> Seen | None:
    """What coverage data says of the code as it is now."""
    if not workspace.exists(DATA):
        return None
    asked = [
        [
            Asked(
                target.path,
                workspace.read_bytes(target.path),
                tuple((d.first_line, d.last_line) for d in target.symbols),
            )
        ]
        for target in targets
    ]
    return seen(workspace, asked, test_files(index).counts)


def _using(index: Index, path: str, lines: Mapping[str, Iterable[int]]) -> tuple[str, ...]:
    """The tests of a file, by qualified name, whose own body is on one of the lines."""
    if path not in lines:
        return ()
    scopes = Scopes(index.outline(path) or [])
    around = dict.fromkeys(scopes.at(line, False) for line in sorted(lines[path]))
    return tuple(name for name in around if name.rpartition(".")[2].lower().startswith("test"))


def _text(workspace: Workspace, note: str, found: FoundTests, offset: int) -> str:
    total = len(found.files)
    if not total:
        return f"No test is related to '{found.of}' by names, imports, callers or path. {note}".rstrip()
    files = "1 test file is" if total == 1 else f"{total} test files are"
    head = f"{files} related to '{found.of}', most related first"
    room = workspace.result_chars - weight(head) - 200
    lines: list[str] = []
    for file in found.files[offset:]:
        shown = ", ".join(file.tests[:SHOWN_TESTS])
        more = f" and {len(file.tests) - SHOWN_TESTS} more" if len(file.tests) > SHOWN_TESTS else ""
        line = clip_line(f"{file.path}: {file.reason}{f'; {shown}{more}' if shown else ''}", 600)
        if weight(line) + 2 > room:
            break
        lines.append(line)
        room -= weight(line) + 2
    end = offset + len(lines)
    rest = f"; the rest: offset={end}" if end < total else ""
    return "\n".join(
        [head, *lines, f"[shown {min(offset + 1, total)}-{end} of {total}{rest}] {note}".rstrip()]
    )
