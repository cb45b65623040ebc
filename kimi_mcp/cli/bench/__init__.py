"""`kimi-mcp bench`: how long every tool takes on a repository, beside ripgrep, git, ctags and other MCP servers.

Everything runs on a private copy, over stdio as a client would, and by turns in one run, so that the load of the
machine meets all; what counts is the ratio of the medians. The repository itself is only read.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kimi_mcp.cli import choice

if TYPE_CHECKING:
    from kimi_mcp.cli.bench.measure import Report

ROUNDS = 11


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--repo", metavar="DIR", help="the repository; the same as --root")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"turns of each task after the first (default: {ROUNDS})"
    )
    parser.add_argument("--html", metavar="FILE", help="also write a page with plots")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--no-peers", action="store_true", help="leave out other MCP servers that are installed"
    )
    choice.add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; progress goes to standard error."""
    from kimi_mcp.cli.bench.page import page

    options.root = options.repo or options.root
    settings = choice.settings(options)
    root, before = _root(settings.text("root"))
    with tempfile.TemporaryDirectory(prefix="kimi-mcp-bench-") as folder:
        report = _measured(root, Path(folder), options, settings)
    untouched = _fingerprint(root) == before
    notes = _notes(untouched)
    if options.html:
        Path(options.html).write_text(page(report, root.name, notes), encoding="utf-8")
    if options.json:
        print(json.dumps({"repository": root.name, "untouched": untouched, **_facts(report), "notes": notes}))
    else:
        print(_table(report))
        print("\n".join(notes))
    return 0


def _root(named: str) -> tuple[Path, Mapping[str, tuple[int, int]]]:
    from kimi_mcp.config import find_root

    root = find_root(named)
    return root, _fingerprint(root)


def _measured(root: Path, folder: Path, options: argparse.Namespace, settings: Any) -> "Report":
    from kimi_mcp.cli.bench.measure import measure
    from kimi_mcp.cli.bench.sample import take_sample
    from kimi_mcp.cli.bench.tasks import not_measured
    from kimi_mcp.config import open_workspace
    from kimi_mcp.runs.place import private_copy

    workspace = open_workspace(root, settings)
    try:
        _progress("reading the index")
        sample = asyncio.run(take_sample(workspace))
    finally:
        workspace.close()
    copy = folder / root.name
    _progress("copying the repository")
    warning = asyncio.run(private_copy(root, copy))
    with_peers, git, why = asyncio.run(_git_of(copy)) if sample.git else (True, dict(os.environ), "")
    report = measure(
        copy,
        folder,
        sample,
        max(options.rounds, 1),
        git=git,
        flags=choice.leave(options, "commits"),
        with_peers=with_peers and not options.no_peers,
        progress=_progress,
    )
    _progress("")
    report.not_run |= not_measured(sample)
    if options.no_peers or why:
        report.not_run["other MCP servers"] = why or "left out by --no-peers"
    if warning:
        report.not_run["a part of the copy"] = warning
    return report


async def _git_of(copy: Path) -> tuple[bool, dict[str, str], str]:
    """Whether plain git is harmless in the copy, the environment that makes it so for the rows of git, and else why
    other servers, which run plain git, were left out."""
    from kimi_tools.gitcommand import Repository, harden
    from kimi_tools.workspace import Workspace

    with tempfile.TemporaryDirectory() as state:
        workspace = Workspace(copy, state=state)
        try:
            repository = await Repository.open(workspace)
        finally:
            workspace.close()
    environment = {**harden.environment(repository.place, repository.overrides), "GIT_OPTIONAL_LOCKS": "1"}
    why = "the repository's own git configuration names programs, which plain git would run"
    return not repository.overrides, environment, why if repository.overrides else ""


def _fingerprint(root: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every file, git's own too."""
    found: dict[str, tuple[int, int]] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what[:78]}")
        sys.stderr.flush()


def _notes(untouched: bool) -> list[str]:
    found = [
        f"{time.strftime('%Y-%m-%d')}. Over stdio, by turns in one run on a private copy with empty caches; the first "
        "call is the first of the session. Medians; a ratio above 1 means that the other takes longer; in a plot the "
        "mark is the 95th percentile."
    ]
    if hasattr(os, "getloadavg"):
        found.append(f"Load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.")
    found.append(
        "The repository is as it was."
        if untouched
        else "Something else changed the repository meanwhile; the tasks ran only on the copy."
    )
    return found


def _facts(report: "Report") -> dict[str, Any]:
    def times(one: Any) -> dict[str, float]:
        return {"first_ms": one.first, "median_ms": one.median, "p95_ms": one.p95, "calls": len(one.later)}

    rows = [
        {
            "task": row.task,
            **times(row.ours),
            "others": {name: {**times(one), "ratio": row.ratio(name)} for name, one in row.others.items()},
        }
        for row in report.rows
    ]
    return {"rows": rows, "started_ms": report.started, "not_run": report.not_run}


def _table(report: "Report") -> str:
    cells: list[Sequence[str]] = [("task", "first", "median", "p95", "beside it (times ours)")]
    for row in report.rows:
        beside = "; ".join(
            f"{name} {one.median:.1f} ({row.ratio(name):.1f} x)" for name, one in row.others.items()
        )
        numbers = (f"{value:.1f}" for value in (row.ours.first, row.ours.median, row.ours.p95))
        cells.append((row.task[:48], *numbers, beside or "-"))
    starts = "; ".join(f"{name} {took:.0f}" for name, took in report.started.items())
    lines = [*_laid_out(cells), "", f"Milliseconds. From a server's start to its first answer: {starts}."]
    lines += [f"Not measured: {name}: {why}" for name, why in report.not_run.items()]
    return "\n".join(lines)


def _laid_out(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}"
        for row in cells
    ]
