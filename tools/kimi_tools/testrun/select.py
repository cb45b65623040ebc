"""Which tests a change calls for: `only=changed` and `only=affected`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from kimi_tools.errors import BadArguments
from kimi_tools.index import Index, index_of
from kimi_tools.testrun.changes import Changed, changed_files, committed_together
from kimi_tools.testrun.relate import Related, Target, is_runnable, related_tests, symbols_at, test_files
from kimi_tools.workspace import Workspace

SHARE = 0.1
"""Of all tests, so many are run for `affected` (measured by tests/bench/affected.py)."""
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
    chosen, total = await anyio.to_thread.run_sync(choose_affected, index, changes, together)
    if not chosen:
        raise BadArguments("No test file is related to the changed files; run with only=all.")
    note = f"affected: {len(chosen)} of {total} test files, by names, callers, paths and history"
    if coverage.note():
        note += f". {coverage.note()}"
    return Chosen(tuple(related.path for related in chosen), note)


def targets_of(index: Index, changes: Sequence[Changed]) -> list[Target]:
    """What of the changed files matters."""
    return [Target(change.path, symbols_at(index, change.path, change.lines)) for change in changes]


def choose_affected(
    index: Index, changes: Sequence[Changed], together: Mapping[str, float]
) -> tuple[list[Related], int]:
    """The test files to run, most related first, and how many there are: a tenth of all tests by number.

    A file that is too large for what is left is passed over, so that smaller ones behind it still run.
    """
    tests = test_files(index)
    room = SHARE * sum(tests.values())
    chosen: list[Related] = []
    for related in related_tests(index, targets_of(index, changes), together):
        size = tests[related.path]
        if size <= room or len(chosen) < AT_LEAST:
            chosen.append(related)
            room -= size
    return chosen, len(tests)
