"""What a test run found: plain facts, the same for every runner."""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from kimi_tools.tool import Data

Status = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "unfinished"]
"""How one test ended. `error`: outside the test's own body (fixture, import, compilation); `unfinished`: it
was running when the runner was stopped or died."""

Verdict = Literal[
    "passed", "failed", "collection error", "nothing ran", "timed out", "crashed", "runner error"
]
"""How the whole run ended.

`passed`: at least one test passed, none failed and the runner agrees. `failed`: tests failed.
`collection error`: test files could not be imported or compiled. `nothing ran`: no test, or all skipped.
`timed out`, `crashed` (the runner died in the middle), `runner error` (it could not do its work)."""

BAD: frozenset[Status] = frozenset({"failed", "error", "unfinished"})


class CaseResult(Data):
    """One test. `id` is accepted by `run_tests names=`; `path` is relative to the root, empty when not known.

    `line` is 1-based: where the test failed inside its file, else where it is defined, 0 when not known.
    """

    id: str
    status: Status
    seconds: float = 0.0
    path: str = ""
    line: int = 0
    message: str = ""
    trace: str = ""
    collecting: bool = False

    @property
    def bad(self) -> bool:
        """Whether the test counts against the run."""
        return self.status in BAD


class Comparison(Data):
    """Two runs by test id, each list sorted. `vanished` ids were in the earlier run only."""

    earlier: str
    newly_failing: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


class TestReport(Data):
    """One run of one suite.

    `command` is what was run, in `folder`, under the protection named by `sandbox`; `reason` says why this
    suite. `output` is the runner's own log, bounded by its head and tail. `problem` says what went wrong
    with the run itself, empty when nothing did. `selection` says which tests were asked for, empty for all.
    `others` are the suites found here that were not run. `more`: the reports of further suites that the same
    request ran, none of them worse than this one.
    """

    __test__: ClassVar[bool] = False

    run: str
    runner: str
    folder: str
    reason: str
    command: str
    sandbox: str
    verdict: Verdict
    problem: str
    exit_code: int
    seconds: float
    cases: tuple[CaseResult, ...]
    output: str
    selection: str = ""
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    comparison: Comparison | None = None
    more: tuple["TestReport", ...] = ()

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The tests that count against the run, by place: runners in several processes have no order."""
        bad = (case for case in self.cases if case.bad)
        return tuple(sorted(bad, key=lambda case: (case.path, case.line, _natural(case.id))))

    def statuses(self) -> dict[str, Status]:
        """Each test's status by its id."""
        return {case.id: case.status for case in self.cases}

    def counts(self) -> dict[Status, int]:
        """How many tests ended in which way, worst first, without zeros."""
        order: tuple[Status, ...] = (
            "failed",
            "error",
            "unfinished",
            "passed",
            "skipped",
            "xfailed",
            "xpassed",
        )
        found = [case.status for case in self.cases]
        return {status: found.count(status) for status in order if status in found}


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts `test[9]` before `test[10]`."""
    return [(int(piece) if piece.isdecimal() else 0, piece) for piece in re.split(r"(\d+)", text)]


def compare(
    earlier: str, before: Mapping[str, Status], after: Mapping[str, Status], *, whole: bool
) -> Comparison:
    """Set two runs side by side by test id. A test that was not there before and fails is newly failing.

    `whole`: both runs cover the same tests, so that an id which is missing in `after` has vanished.
    """

    def ids(found: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(found))

    now_bad = {id for id, status in after.items() if status in BAD}
    now_good = {id for id, status in after.items() if status not in BAD and status != "skipped"}
    was_bad = {id for id, status in before.items() if status in BAD}
    return Comparison(
        earlier=earlier,
        newly_failing=ids(now_bad - was_bad),
        still_failing=ids(now_bad & was_bad),
        fixed=ids(now_good & was_bad),
        new=ids(after.keys() - before.keys()),
        vanished=ids(before.keys() - after.keys()) if whole else (),
    )
