"""What a runner is: how a suite is found, what is run for it, and how its results are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kimi_tools.process import Finished
from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.tree import Tree
from kimi_tools.workspace import Workspace

EVENTS = "events.jsonl"
"""The file in the scratch directory into which our reporters write one JSON object per event."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A set of tests with one runner, rooted in `folder` (relative to the workspace, `.` for its root).

    `reason` says by what it was found. `command` holds the words with which the project itself starts the
    runner (from a package.json script, `kimi-mcp.toml` or the caller), empty for the runner's usual ones.
    `size` is how many test files there are, as evidence for which suite is the main one.
    """

    runner: str
    folder: str
    reason: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    size: int = 0

    def inside(self, path: str) -> str:
        """A path of the workspace as the suite's folder sees it."""
        if self.folder == ".":
            return path
        if path == self.folder:
            return "."
        return path.removeprefix(f"{self.folder}/")

    def outside(self, path: str) -> str:
        """A path of the suite's folder as the workspace sees it."""
        return path if self.folder == "." else f"{self.folder}/{path}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tests: below `paths` (relative to the suite's folder), with these `ids`, or whose name holds one
    of `parts`. All empty: every test."""

    paths: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paths or self.ids or self.parts)


@dataclass(frozen=True, slots=True)
class Job:
    """One run to prepare. `scratch` and `cache` are directories outside the root that the run may write;
    `cache` stays for the next run."""

    workspace: Workspace
    suite: Suite
    selection: Selection
    scratch: Path
    cache: Path


def event_line(line: bytes, collector: Collector) -> None:
    """The default reading of the event file: our own reporters' JSON."""
    collector.event(line)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and how to read what it finds.

    `on_line` sees each line of output; `on_event` each line of the file `events` in the scratch directory
    while it grows; `at_end` reads report files, `on_exit` how the program ended. `announces_end`: the
    reporter writes an end event, so that a runner which dies with exit code 0 is noticed. `nothing_codes`:
    exit codes that mean that no test fits.
    `log` makes of the output the text that a person would have seen.
    """

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    on_line: Callable[[str, Collector], None] | None = None
    events: str = EVENTS
    on_event: Callable[[bytes, Collector], None] = event_line
    at_end: Callable[[Collector], None] | None = None
    on_exit: Callable[[Finished, Collector], None] | None = None
    announces_end: bool = False
    nothing_codes: frozenset[int] = frozenset()
    log: Callable[[str], str] = str


class Runner(Protocol):
    """One test runner."""

    @property
    def name(self) -> str:
        """As results name it."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Ends of the names of files that can hold its tests."""
        ...

    @property
    def path_ids(self) -> bool:
        """Whether its test ids start with a path (which is then given relative to the workspace's root)."""
        ...

    def find(self, tree: Tree) -> Sequence[Suite]:
        """The suites of this runner in a repository. Must not run anything."""
        ...

    async def plan(self, job: Job) -> Plan:
        """Prepare one run. Raises `Unavailable` with what to install when the runner is not there."""
        ...

    def owns(self, name: str) -> bool:
        """Whether `name` has the form of one of its test ids rather than of a part of a name."""
        ...
