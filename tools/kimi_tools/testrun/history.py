"""The results of the last runs, kept beside the workspace's other state, so that runs can be compared."""

import contextlib
import json
import os
import re
from pathlib import Path

from pydantic import ValidationError

from kimi_tools.errors import NotFound
from kimi_tools.testrun.report import CaseResult, TestReport
from kimi_tools.workspace import Workspace

KEPT = 20
"""How many runs are kept."""
KEPT_TRACES = 200
"""Of how many failures of one run the traceback is kept."""
OUTPUT_CHARS = 20_000
"""How much of a run's log is kept, from its end."""


def folder(workspace: Workspace) -> Path:
    """Where test runs are kept; made when missing."""
    path = workspace.state / "tests"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def next_run(workspace: Workspace) -> str:
    """A new run's id: the number behind the newest kept one, reserved."""
    numbers = _numbers(workspace)
    number = numbers[-1] + 1 if numbers else 1
    while True:
        try:
            descriptor = os.open(
                folder(workspace) / f"{number}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
            )
        except FileExistsError:
            number += 1
        else:
            os.close(descriptor)
            return str(number)


def save(workspace: Workspace, report: TestReport) -> None:
    """Keep a run, and forget the oldest ones above `KEPT`."""
    slim = report.model_copy(update={"cases": _slim(report), "output": report.output[-OUTPUT_CHARS:]})
    place = folder(workspace)
    partial = place / f"{report.run}.part"
    partial.write_text(slim.model_dump_json(), encoding="utf-8")
    partial.replace(place / f"{report.run}.json")
    for number in _numbers(workspace)[:-KEPT]:
        forget(workspace, str(number))


def _slim(report: TestReport) -> tuple[CaseResult, ...]:
    traced = {case.id for case in report.failures[:KEPT_TRACES]}
    return tuple(
        case if not case.trace or case.id in traced else case.model_copy(update={"trace": ""})
        for case in report.cases
    )


def forget(workspace: Workspace, run: str) -> None:
    """Drop a run."""
    with contextlib.suppress(FileNotFoundError):
        (folder(workspace) / f"{run}.json").unlink()


def load(workspace: Workspace, run: str) -> TestReport:
    """A kept run. Raises `NotFound` with the ids that there are."""
    kept = [str(number) for number in _numbers(workspace)]
    if run in kept and (report := _read(workspace, run)) is not None:
        return report
    ids = ", ".join(kept) or "none yet"
    raise NotFound(f"There is no test run '{run}' to compare with; kept runs: {ids}.")


def last_known(workspace: Workspace, runner: str, folder: str) -> dict[str, CaseResult]:
    """Each test of a suite as the newest kept run that ran it saw it; a whole run drops what it lacks."""
    known: dict[str, CaseResult] = {}
    for number in _numbers(workspace):
        report = _read(workspace, str(number))
        if report is None or (report.runner, report.folder) != (runner, folder):
            continue
        if not report.selection and report.verdict in ("passed", "failed"):
            known.clear()
        known.update((case.id, case) for case in report.cases)
    return known


def _read(workspace: Workspace, run: str) -> TestReport | None:
    try:
        text = (folder(workspace) / f"{run}.json").read_text(encoding="utf-8")
        return TestReport.model_validate(json.loads(text))
    except (OSError, ValueError, ValidationError):
        return None


def _numbers(workspace: Workspace) -> list[int]:
    names = os.listdir(folder(workspace))
    return sorted(int(match[1]) for name in names if (match := re.fullmatch(r"(\d+)\.json", name)))
