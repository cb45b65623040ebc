"""Which tests a change calls for: `only=changed` and `only=affected`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from kimi_tools.errors import BadArguments
from kimi_tools.index import Index, index_of
from kimi_tools.index.names import is_test
from kimi_tools.testrun.changes import Changed, changed_files, committed_text, committed_together
from kimi_tools.testrun.covered import DATA, Asked, Seen, seen
from kimi_tools.testrun.relate import Related, Target, related_tests, symbols_at
from kimi_tools.testrun.testfiles import is_runnable, test_files
from kimi_tools.workspace import Workspace

WEAKEST = 0.2
"""Of the strongest evidence: what has less is not run for `affected` …"""
SHARE = 0.25
"""… nor more than this part of all tests (both measured by tests/bench/affected.py)."""
AT_LEAST = 3
"""Test files that are run in any case."""
INDEX_SECONDS = 60.0
"""How long `affected` waits for the index before it works with what there is."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The test files to run, the most related first, and what to say about the choice."""

    paths: tuple[str, ...]
    note: str


async def indexed(workspace: Workspace, seconds: float) -> Index:
    """The workspace's index, complete unless that takes longer."""
    index = index_of(workspace)
    await index.complete(seconds)
    return index


async def changed_tests(workspace: Workspace) -> Chosen:
    """The test files that differ from the last commit. Raises `BadArguments` when there is none."""
    changes = await changed_files(workspace)
    paths = tuple(c.path for c in changes if is_runnable(c.path) and not c.deleted)
    if not paths:
        raise BadArguments(
            f"None of the {len(changes)} changed files is a test; run with only=affected for the tests of them."
        )
    return Chosen(paths, f"{len(paths)} changed test files")


async def affected_tests(workspace: Workspace) -> Chosen:
    """The test files that what differs from the last commit most likely affects.

    Raises `BadArguments` when nothing has changed, or no test file is related to it.
    """
    changes = await changed_files(workspace)
    index = await indexed(workspace, INDEX_SECONDS)
    if not changes:
        raise BadArguments("Nothing differs from the last commit, so no test is affected; run with only=all.")
    together = await committed_together(workspace, [c.path for c in changes if not is_runnable(c.path)])
    coverage = index.coverage  # before the choice, which may see less than there is after it
    covered = await _covered(workspace, index, changes)
    chosen, total = await anyio.to_thread.run_sync(choose_affected, index, changes, together, covered)
    if not chosen:
        raise BadArguments("No test file is related to the changed files; run with only=all.")
    note = f"affected: {len(chosen)} of {total} test files, by names, imports, paths and history"
    if covered is not None:
        note += f", and by {DATA}, which has seen {len(covered.ran)} of them run the code"
    if coverage.note():
        note += f". {coverage.note()}"
    return Chosen(tuple(related.path for related in chosen), note)


async def _covered(workspace: Workspace, index: Index, changes: Sequence[Changed]) -> Seen | None:
    """What coverage data says of the changed code, by its text in the last commit or as it is now."""
    if not workspace.exists(DATA):
        return None
    asked: list[list[Asked]] = []
    for change in changes:
        if change.path.endswith(".py") and not change.deleted and not is_test(change.path):
            before = await committed_text(workspace, change.path)
            texts = [] if before is None else [Asked(change.path, before, change.before)]
            asked.append([*texts, Asked(change.path, workspace.read_bytes(change.path), change.lines)])
    return await anyio.to_thread.run_sync(seen, workspace, asked, test_files(index).counts) if asked else None


def targets_of(index: Index, changes: Sequence[Changed]) -> list[Target]:
    """What of the changed files matters."""
    return [
        Target(change.path, symbols_at(index, change.path, change.lines), change.names) for change in changes
    ]


def choose_affected(
    index: Index, changes: Sequence[Changed], together: Mapping[str, float], covered: Seen | None = None
) -> tuple[list[Related], int]:
    """The test files to run, most related first, and how many there are.

    The changed ones, and those with at least a fifth of the strongest evidence, as long as there is room for
    them in a quarter of all tests. A file that is too large for what is left is passed over, so that smaller
    ones behind it still run.
    """
    tests = test_files(index).counts
    room = SHARE * sum(tests.values())
    related = related_tests(index, targets_of(index, changes), together, covered=covered)
    strongest = max((item.score for item in related if not item.certain), default=0.0)
    chosen: list[Related] = []
    for item in related:
        size = tests[item.path]
        if item.certain or len(chosen) < AT_LEAST or (item.score >= WEAKEST * strongest and size <= room):
            chosen.append(item)
            room -= size
    return chosen, len(tests)
