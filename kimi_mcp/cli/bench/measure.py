"""Taking the times: ours and the others' by turns, in one run, each as its client sees it."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kimi_mcp.cli.bench.peers import PEERS, environment, found
from kimi_mcp.cli.bench.sample import Sample
from kimi_mcp.cli.bench.tasks import Task, tasks
from kimi_mcp.cli.demo.client import Client
from kimi_tools.errors import ToolError

ROW_SECONDS = 12.0
"""A row takes no further round once one side of it has used so much."""

_ANSWER_SECONDS = 180.0
_INDEX_SECONDS = 300.0
_SETTLE_SECONDS = 3.0
_WARM_SECONDS = 8.0
_WARMED_FILES = 500
"""After the first search of the session, while what it needs is read in the background: a second for so many files."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of the first call and of the ones after it."""

    first: float
    later: Sequence[float]

    @property
    def median(self) -> float:
        """Of the later calls; of the first where there is no other."""
        return statistics.median(self.later or [self.first])

    @property
    def p95(self) -> float:
        """The time that 95 of 100 later calls do not exceed."""
        ordered = sorted(self.later or [self.first])
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


@dataclass(frozen=True, slots=True)
class Row:
    """One task: our times, and those of others by name."""

    task: str
    ours: Times
    others: dict[str, Times]

    def ratio(self, other: str) -> float:
        """How many times as long as we another takes, by the medians."""
        return self.others[other].median / max(self.ours.median, 0.001)


@dataclass(slots=True)
class Report:
    """All rows; `not_run`: what was not measured, and why; `started`: ms from a server's start to its first answer."""

    rows: list[Row] = field(default_factory=list[Row])
    not_run: dict[str, str] = field(default_factory=dict[str, str])
    started: dict[str, float] = field(default_factory=dict[str, float])


def measure(
    copy: Path,
    folder: Path,
    sample: Sample,
    rounds: int,
    *,
    git: Mapping[str, str],
    flags: Sequence[str],
    with_peers: bool,
    progress: Callable[[str], None],
) -> Report:
    """Measure all tasks on a private copy. `folder`: where servers keep state. `git`: the environment for raw git.

    `flags`: further ones of `serve`.
    """
    report = Report()
    with contextlib.ExitStack() as stack:
        progress("starting the servers")
        ours = stack.enter_context(_ours(copy, folder, flags))
        report.started["kimi-mcp"] = 1000 * ours.first_response
        time.sleep(
            _SETTLE_SECONDS
        )  # the first call of a session comes after a thought, not with the handshake
        peers = _start_peers(stack, copy, folder, sample, report) if with_peers else {}
        offered = {name: set(client.tools()) for name, client in peers.items()}
        ready = False
        for number, task in enumerate(tasks(copy, sample)):
            progress(task.name)
            first = _first(ours, task, report)
            if first is None:
                continue
            if not number:
                time.sleep(min(_WARM_SECONDS, sample.files / _WARMED_FILES))
            if not ready and task.tool in (
                "find_symbol",
                "find_references",
                "repo_map",
                "locate",
                "find_tests",
            ):
                _wait_for_index(ours, sample)
                ready = True
            report.rows.append(_row(task, first, ours, peers, offered, rounds, copy, git, report))
    return report


def _ours(copy: Path, folder: Path, flags: Sequence[str]) -> Client:
    kept = {"KIMI_MCP_STATE": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache")}
    command = (sys.executable, "-m", "kimi_mcp", "serve", "--root", str(copy))
    return Client(copy, (*command, "--toolsets", "all", *flags), {**os.environ, **kept}, _ANSWER_SECONDS)


def _start_peers(
    stack: contextlib.ExitStack, copy: Path, folder: Path, sample: Sample, report: Report
) -> dict[str, Client]:
    started: dict[str, Client] = {}
    programs = found()
    settings = environment(folder)
    for peer in PEERS:
        program = programs.get(peer.name)
        command = peer.command(program, copy, sample) if program else ()
        if program is None or not command:
            report.not_run[peer.name] = (
                f"it needs {peer.needs}" if program else f"no '{peer.program}' on PATH"
            )
            continue
        try:
            if peer.before:
                peer.before(program, copy, sample, settings)
            client = stack.enter_context(Client(copy, command, settings, _ANSWER_SECONDS))
            if peer.ready:
                peer.ready(client, copy)
        except (RuntimeError, OSError, KeyError, subprocess.TimeoutExpired) as error:
            report.not_run[peer.name] = f"it did not start: {_short(str(error))}"
            continue
        report.started[peer.name] = 1000 * client.first_response
        started[peer.name] = client
    return started


def _wait_for_index(client: Client, sample: Sample) -> None:
    ends = time.monotonic() + _INDEX_SECONDS
    while "index is being built" in client.call("find_symbol", {"name": sample.symbol}):
        if time.monotonic() > ends:
            raise ToolError(
                "The index was not ready in time; run 'kimi-mcp index' first and see what it says."
            )
        time.sleep(0.5)


def _first(client: Client, task: Task, report: Report) -> float | None:
    """The first call of a task; None when it fails, and then the report says why."""
    if task.prepare:
        task.prepare(0)
    try:
        return _timed(client, task.tool, task.arguments(0))
    except _Failed as failure:
        report.not_run[task.name] = str(failure)
        return None


def _row(
    task: Task,
    first: float,
    ours: Client,
    peers: Mapping[str, Client],
    offered: Mapping[str, set[str]],
    rounds: int,
    copy: Path,
    git: Mapping[str, str],
    report: Report,
) -> Row:
    """The further rounds of a task, everybody by turns."""
    sides: dict[str, Callable[[int], float]] = {
        "kimi-mcp": lambda number: _timed(ours, task.tool, task.arguments(number))
    }
    for name, command in task.programs.items():
        sides[name] = lambda _, command=command: _program(command, copy, git)
    for name, call in task.peers.items():
        if name in peers and call(0)[0] in offered[name]:
            sides[name] = lambda number, name=name, call=call: _timed(peers[name], *call(number))
    taken: dict[str, list[float]] = {name: [] for name in sides}
    taken["kimi-mcp"].append(first)
    failed: dict[str, str] = {}
    for number in range(min(rounds, task.rounds or rounds) + 1):
        for name, side in _by_turns(sides, number):
            spent = sum(taken[name]) / 1000
            if name in failed or (name == "kimi-mcp" and not number) or spent > ROW_SECONDS:
                continue
            if name == "kimi-mcp" and task.prepare:
                task.prepare(number)
            try:
                taken[name].append(side(number))
            except _Failed as failure:
                failed[name] = str(failure)
    for name, why in failed.items():
        report.not_run[f"{task.name}, {name}"] = why
    times = {name: Times(took[0], took[1:]) for name, took in taken.items() if took}
    own = times.pop("kimi-mcp")
    return Row(task.name, own, {name: one for name, one in times.items() if name not in failed})


def _by_turns(
    sides: Mapping[str, Callable[[int], float]], number: int
) -> Iterator[tuple[str, Callable[[int], float]]]:
    """The sides, each round in another order, so that none always follows the same one."""
    names = list(sides)
    turn = number % len(names)
    for name in (*names[turn:], *names[:turn]):
        yield name, sides[name]


class _Failed(Exception):
    """A call that was refused, with what was said."""


def _timed(client: Client, tool: str, arguments: dict[str, Any]) -> float:
    started = time.perf_counter()
    try:
        text, is_error = client.called(tool, arguments)
    except (RuntimeError, KeyError, ValueError) as error:
        raise _Failed(_short(str(error))) from None
    took = 1000 * (time.perf_counter() - started)
    if is_error or text.startswith("Error"):
        raise _Failed(_short(text))
    return took


def _program(command: Sequence[str], folder: Path, git: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env=dict(git) if command[0] == "git" else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return 1000 * (time.perf_counter() - started)


def _short(text: str) -> str:
    return " ".join(text.split())[:200] or "no reason given"
