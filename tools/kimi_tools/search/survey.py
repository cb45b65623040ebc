"""The counting run: how many matches each file has, and which files were passed over.

rg alone says what matches. Where the workspace's tree is known (`kimi_tools.grams`), rg is given only the files that
can hold what the pattern requires, or it need not tell what it passes over; else it walks and tells.
"""

import asyncio
import fnmatch
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kimi_tools.errors import ToolError
from kimi_tools.grams.gather import WHOLE
from kimi_tools.grams.globs import Chooser, chooser
from kimi_tools.grams.literals import required
from kimi_tools.grams.signature import Kind
from kimi_tools.grams.tree import Tree, tree_of
from kimi_tools.protected import names_secret
from kimi_tools.ripgrep import FILES_AT_ONCE, OUTPUT_BYTES, Remarks, Scope, ripgrep, ripgrep_files
from kimi_tools.search.scope import refusal
from kimi_tools.workspace import Workspace

Case = Literal["smart", "sensitive", "insensitive"]

MOST_CANDIDATES = 96
"""With more candidates, and more than one file in a hundred, rg walks, on several processors: each run of it on some
files takes as long as it walks some hundred files."""

_AT_MOST = 640


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for."""

    pattern: str
    literal: bool
    case: Case
    multiline: bool

    def options(self) -> list[str]:
        """rg's options for it."""
        options = {"smart": ["--smart-case"], "sensitive": ["--case-sensitive"]}.get(
            self.case, ["--ignore-case"]
        )
        if self.literal:
            options.append("--fixed-strings")
        if self.multiline:
            options.append("--multiline")
        return [*options, f"--regexp={self.pattern}"]


class Survey:
    """Matches per file in order of path, and what rg remarked, or would have."""

    def __init__(self, counts: Iterable[tuple[str, int]], remarks: Remarks) -> None:
        self.counts = sorted(counts)
        self.remarks = remarks
        self.matches = sum(count for _, count in self.counts)


@dataclass(frozen=True, slots=True)
class _Known:
    """A scope of which the tree knows every file."""

    tree: Tree
    path: str
    chooser: Chooser

    def holds(self, path: str) -> bool:
        """Whether a file of the tree is in the scope."""
        return (self.path == "." or path.startswith(f"{self.path}/")) and self.chooser.file(path)

    def remarks(self, multiline: bool) -> Remarks:
        """What rg would remark."""
        facts, listing = self.tree.facts, self.tree.listing
        huge = {path for path in (*facts.huge, *listing.huge) if self.holds(path)}
        secret = [
            path
            for path in (*listing.unlisted, *listing.closed)
            if names_secret(path)
            and (self.path == "." or path.startswith(f"{self.path}/"))
            and self.chooser.folder(path.rpartition("/")[0])
        ]
        kinds = (Kind.BINARY,) if multiline else (Kind.BINARY, Kind.LATE)
        binary = [
            path for kind in kinds for path in facts.kinds[kind] if path not in huge and self.holds(path)
        ]
        return Remarks(tuple(sorted(huge)), tuple(sorted(secret)), tuple(sorted(binary)), (), ())

    def one(self) -> list[str]:
        """Any file that is searched: rg, given it alone, tells whether the pattern is valid."""
        return list(itertools.islice(self.tree.facts.kinds[Kind.TEXT] - self.tree.facts.huge, 1))

    def candidates(self, query: Query) -> list[str] | None:
        """The files in the scope that can match; None when the pattern requires too little, or they are many."""
        facts = self.tree.facts
        if query.multiline and facts.kinds[Kind.LATE]:
            return None
        needed = required(query.pattern, literal=query.literal, exact_case=query.case == "sensitive")
        if needed is None:
            return None
        found = {path for literals in needed for path in facts.shelf.fitting(literals)}
        found |= facts.kinds[Kind.WIDE]
        found = {path for path in found - facts.huge if self.holds(path)}
        most = max(MOST_CANDIDATES, min(len(facts.files) // 100, _AT_MOST))
        return sorted(found) if len(found) <= most else None


async def take_survey(
    workspace: Workspace, query: Query, scope: Scope, timeout: float, remarks: bool = True
) -> Survey:
    """Count. Without `remarks` it may be left out what was passed over."""
    known = await _known(workspace, scope)
    candidates = await asyncio.to_thread(known.candidates, query) if known else None
    counting = ["--count", "--null", "--with-filename", *query.options()]
    if known is not None and candidates is not None and "\0" not in query.pattern:
        counts: list[tuple[str, int]] | None = []
        if candidates or not (query.literal or is_plain(query.pattern)):
            counts = await _count_in(workspace, counting, candidates or known.one(), timeout)
        if counts is not None:
            return Survey(counts if candidates else [], known.remarks(query.multiline))
    if remarks and (known is None or (query.multiline and known.tree.facts.kinds[Kind.LATE])):
        counting.append("--debug")
    done = await ripgrep(workspace, [*counting, *scope.arguments(), "--", scope.target], timeout=timeout)
    said = Remarks.of(done.stderr)
    if done.exit_code > 1 and said.complaints:
        raise refusal(said.complaints)
    if len(done.stdout) > OUTPUT_BYTES:
        raise ToolError("Too many files match to list them; narrow the search with path or globs.")
    if known is not None and remarks and "--debug" not in counting:
        of_tree = known.remarks(query.multiline)
        said = Remarks(of_tree.huge, of_tree.secret, of_tree.binary, said.problems, ())
    return Survey(((name.removeprefix("./"), count) for name, count in _counts(done.stdout)), said)


def is_plain(pattern: str) -> bool:
    """Whether no character of a pattern means anything but itself, so that it is surely valid."""
    return not re.search(r"[\\.^$*+?()\[\]{}|#&~\x00-\x1f]", pattern)


async def count_files(workspace: Workspace, scope: Scope, timeout: float) -> int:
    """How many files the scope holds, binary ones counted too."""
    known = await _known(workspace, scope)
    if known is not None:
        return sum(map(known.holds, known.tree.listing.files))
    done = await ripgrep(
        workspace, ["--files", "--null", *scope.arguments(), "--", scope.target], timeout=timeout
    )
    return done.stdout.count(b"\0")


def may_hold_more(workspace: Workspace, scope: Scope) -> bool:
    """Whether there may be ignored files in a scope; asked after a survey of it."""
    listing = tree_of(workspace).listing
    if not listing.folders:
        return True
    passed = (*(listing.unlisted - listing.special), *listing.closed)
    return any(
        not _never_searched(path) and (scope.path == "." or path.startswith(f"{scope.path}/"))
        for path in passed
    )


async def _known(workspace: Workspace, scope: Scope) -> _Known | None:
    """The scope's files, when the tree knows them all now."""
    if scope.ignored or scope.excluded != WHOLE.excluded:
        return None
    rules = chooser(scope.globs)
    tree = tree_of(workspace)
    if rules is None or not await asyncio.to_thread(tree.look):
        return None
    listing = tree.listing
    if scope.path != "." and scope.path not in listing.folders:
        return None
    if rules.chooses and any(
        rules.last(path) and not _never_searched(path)
        for path in (*(listing.unlisted - listing.special), *listing.closed)
    ):
        return None  # a glob that chooses an ignored file or folder overrules the rule that ignores it
    return _Known(tree, scope.path, rules)


def _never_searched(path: str) -> bool:
    """Whether no glob brings a path back: git's own, or one of secrets."""
    name = path.rpartition("/")[2]
    return name == ".git" or any(fnmatch.fnmatchcase(name.lower(), glob) for glob in WHOLE.excluded)


async def _count_in(
    workspace: Workspace, counting: Sequence[str], paths: Sequence[str], timeout: float
) -> list[tuple[str, int]] | None:
    """The counts of some files; None when that cannot be had."""

    async def part(paths: Sequence[str]) -> list[tuple[str, int]] | None:
        done, names = await ripgrep_files(
            workspace, counting, paths, timeout=timeout, output_bytes=OUTPUT_BYTES
        )
        if done is None:
            return []
        if done.exit_code > 1:
            if complaints := Remarks.of(done.stderr).complaints:
                raise refusal(complaints)
            return None
        return [(names[name], count) for name, count in _counts(done.stdout)]

    parts = [paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE)]
    counted = await asyncio.gather(*map(part, parts))
    if not parts or any(one is None for one in counted):
        return None
    return [pair for one in counted for pair in one or ()]


def _counts(stdout: bytes) -> list[tuple[str, int]]:
    return [(os.fsdecode(name), int(count)) for name, count in re.findall(rb"([^\0]*)\0(\d+)\n", stdout)]
