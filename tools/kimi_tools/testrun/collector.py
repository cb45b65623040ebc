"""Where the results of a run come together while it goes on, and from where its progress is told."""

import json
import os
import re
from typing import Any, cast, get_args

from kimi_tools import progress
from kimi_tools.clip import clip_line, plain
from kimi_tools.testrun.report import CaseResult, Status

MAX_CASES = 200_000
MESSAGE_CHARS = 1_000
TRACE_CHARS = 6_000

_STATUSES = frozenset(get_args(Status))


class Collector:
    """Cases by id in the order in which they first appeared.

    `root` is the workspace's absolute path and `folder` the absolute path in which the runner works: what a
    runner calls a file is made relative to the root with them. `prefix` is put before every id. `ended`: our
    reporter has said that the runner is done. `problems` are the runner's own; `crash` says how it died.
    """

    def __init__(self, root: str, folder: str, prefix: str = "") -> None:
        self.root = root
        self.folder = folder
        self.prefix = prefix
        self.cases: dict[str, CaseResult] = {}
        self.running: dict[str, CaseResult] = {}
        self.total = 0
        self.ended = False
        self.problems: list[str] = []
        self.crash = ""
        self.left_out = 0
        self._current = self._told = ""

    def relative(self, path: str) -> str:
        """A runner's file name relative to the root; empty when it lies outside."""
        if not path:
            return ""
        path = path.removeprefix("file://")
        whole = os.path.normpath(os.path.join(self.folder, path))
        if not whole.startswith(f"{self.root}/"):
            whole = os.path.realpath(whole)
        return whole[len(self.root) + 1 :] if whole.startswith(f"{self.root}/") else ""

    def start(self, id: str, path: str = "", line: int = 0) -> None:
        """A test begins."""
        id = self.prefix + id
        case = CaseResult(id=id, status="unfinished", path=self.relative(path), line=line)
        if len(self.running) < MAX_CASES:
            self.running[id] = case
        self._current = id

    def end(
        self,
        id: str,
        status: Status,
        *,
        seconds: float = 0.0,
        path: str = "",
        line: int = 0,
        message: str = "",
        trace: str = "",
        collecting: bool = False,
    ) -> None:
        """A test has ended; a later end of the same id takes the earlier one's place."""
        id = self.prefix + id
        started = self.running.pop(id, None)
        before = self.cases.get(id)
        if before is None and len(self.cases) >= MAX_CASES:
            self.left_out += 1
            return
        trace = trim(plain(trace))
        self.cases[id] = CaseResult(
            id=id,
            status=status,
            seconds=round(max(seconds, before.seconds if before else 0.0), 6),
            path=self.relative(path) or (started.path if started else ""),
            line=line or (started.line if started else 0),
            message=clip_line(plain(message).strip(), MESSAGE_CHARS),
            trace=trace,
            collecting=collecting,
        )
        self._current = id

    def event(self, line: bytes) -> None:
        """One event of our own reporters, as a line of JSON. A line that is not one is a test's own doing."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        fields = cast(dict[str, Any], event)
        match fields.get("event"):
            case "total":
                self.total += int(_number(fields.get("count")))
            case "start":
                self.start(_text(fields, "id"), _text(fields, "path"), int(_number(fields.get("line"))))
            case "end" if fields.get("status") in _STATUSES:
                self.end(
                    _text(fields, "id"),
                    fields["status"],
                    seconds=_number(fields.get("seconds")),
                    path=_text(fields, "path"),
                    line=int(_number(fields.get("line"))),
                    message=_text(fields, "message"),
                    trace=_text(fields, "trace"),
                    collecting=fields.get("collecting") is True,
                )
            case "drop":
                self.running.pop(self.prefix + _text(fields, "id"), None)
            case "problem":
                self.problems.append(clip_line(plain(_text(fields, "message")), MESSAGE_CHARS))
            case "done":
                self.ended = True
            case _:
                pass

    def results(self) -> tuple[CaseResult, ...]:
        """All cases; those still running are unfinished."""
        return (*self.cases.values(), *(case for id, case in self.running.items() if id not in self.cases))

    def say(self, doing: str) -> None:
        """What the runner is doing beside tests, such as compiling."""
        self._current = clip_line(plain(doing).strip(), 100)

    def tell(self) -> None:
        """Report progress to whoever listens, when there is any since the last call."""
        done = len(self.cases)
        bad = sum(case.bad for case in self.cases.values())
        of = f"/{self.total}" if self.total and self.total >= done else ""
        message = f"{done}{of} tests, {bad} failed; {self._current}"
        if self._current and message != self._told:
            self._told = message
            progress.report(message, done, self.total or None)


_NOISE = re.compile(
    r"\s+at .*(?:/node_modules/|\bnode:|<anonymous>\)?$)"  # JavaScript
    r"|\s+at (?:java\.|jdk\.|sun\.|org\.junit\.|junit\.|org\.gradle\.|org\.apache\.maven\.|com\.sun\.)"
    r"|\s*(?:#|from )?/\S*/gems/(?:rspec|bundler)-"
)


def trim(trace: str) -> str:
    """A traceback without the frames of runners and platforms, and bounded."""
    lines = [line.rstrip() for line in trace.split("\n") if not _NOISE.match(line)]
    text = "\n".join(lines).strip("\n")
    if len(text) <= TRACE_CHARS:
        return text
    return f"{text[: TRACE_CHARS // 3]}\n[…]\n{text[-TRACE_CHARS * 2 // 3 :]}"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else 0.0


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
