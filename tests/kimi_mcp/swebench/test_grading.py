"""Verdicts equal the official harness's on the same logs."""

import json
import os
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kimi_mcp.swebench import official
from kimi_mcp.swebench.grading import grade
from kimi_mcp.swebench.instances import Instance, load

ROWS = [json.loads(line) for line in Path(__file__).with_name("graded_tests.jsonl").read_text().splitlines()]
STATUSES = ("PASSED", "PASSED", "PASSED", "PASSED", "PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL")


def as_instance(row: dict[str, Any]) -> Instance:
    return Instance(
        id=row["instance_id"],
        repo=row["repo"],
        version=row["version"],
        base_commit="0" * 40,
        problem="…",
        gold_patch="",
        test_patch="",
        fail_to_pass=tuple(row["FAIL_TO_PASS"]),
        pass_to_pass=tuple(row["PASS_TO_PASS"]),
    )


def official_report(instance: Instance, log: Path) -> dict[str, Any]:
    from swebench.harness.grading import get_eval_report

    spec = SimpleNamespace(
        instance_id=instance.id,
        repo=instance.repo,
        version=instance.version,
        FAIL_TO_PASS=list(instance.fail_to_pass),
        PASS_TO_PASS=list(instance.pass_to_pass),
    )
    prediction = {"instance_id": instance.id, "model_patch": "…"}
    return get_eval_report(spec, prediction, str(log), include_tests_status=True)[instance.id]  # type: ignore[arg-type]


def runner_line(parser: str, name: str, status: str) -> str:
    """One test's line as the runner of that log parser prints it."""
    if parser == "django":
        words = {"PASSED": "ok", "FAILED": "FAIL", "SKIPPED": "skipped", "XFAIL": "ok"}
        return f"{name} ... {words.get(status, 'ERROR')}"
    if parser == "sympy":
        letters = {"PASSED": "ok", "FAILED": "F", "SKIPPED": "s", "XFAIL": "f"}
        return f"{name} {letters.get(status, 'E')}"
    return f"{status} {name} - Boom" if status == "FAILED" else f"{status} {name}"


def write_log(path: Path, row: dict[str, Any], seed: int, *, markers: bool = True) -> None:
    chance = random.Random(seed)
    names = [*row["FAIL_TO_PASS"], *row["PASS_TO_PASS"]]
    good = seed == 0
    lines = [
        runner_line(row["log_parser"], name, "PASSED" if good else chance.choice(STATUSES))
        for name in names
        if good or chance.random() > 0.1
    ]
    start, end = (official.START_TEST_OUTPUT, official.END_TEST_OUTPUT) if markers else ("", "")
    path.write_text("\n".join(["+ some command", start, *lines, end, ""]))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["instance_id"])
def test_a_verdict_equals_the_official_one_on_the_same_log(row: dict[str, Any], tmp_path: Path) -> None:
    instance = as_instance(row)
    log = tmp_path / "test_output.txt"
    for seed in range(12):
        write_log(log, row, seed)
        theirs = official_report(instance, log)
        # the official function picks the parser by repository, so ours is asked for that one
        ours = grade(instance, log.read_text(), official.parser("", instance.repo))
        assert ours.resolved == theirs["resolved"]
        assert ours.readable == theirs["patch_successfully_applied"]
        graded = theirs["tests_status"]
        assert list(ours.fixed) == graded["FAIL_TO_PASS"]["success"]
        assert list(ours.not_fixed) == graded["FAIL_TO_PASS"]["failure"]
        assert list(ours.kept) == graded["PASS_TO_PASS"]["success"]
        assert list(ours.broken) == graded["PASS_TO_PASS"]["failure"]


@pytest.mark.parametrize("code", ["none", *official.BAD_CODES])
def test_a_log_without_a_result_is_told_apart_as_the_official_harness_does(code: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row["log_parser"] == "pytest")
    instance = as_instance(row)
    log = tmp_path / "test_output.txt"
    write_log(log, row, 0, markers=code != "none")
    if code != "none":
        log.write_text(f"{log.read_text()}\n{code}\n")
    ours = grade(instance, log.read_text(), official.parser("", instance.repo))
    assert not ours.readable
    assert not ours.resolved
    assert ours.reason
    assert official_report(instance, log)["patch_successfully_applied"] is False


@pytest.mark.skipif(
    "KIMI_MCP_VALIDATED" not in os.environ,
    reason="KIMI_MCP_VALIDATED names no folder of `swebench validate --out`",
)
def test_verdicts_on_the_logs_of_a_validation_equal_the_official_ones() -> None:
    out = Path(os.environ["KIMI_MCP_VALIDATED"])
    instances = load(Path(os.environ["KIMI_MCP_INSTANCES"]))
    compared = 0
    for instance in instances:
        for name in ("before", "after"):
            log = out / "validate" / instance.id / f"{name}.log"
            if not log.is_file():
                continue
            theirs = official_report(instance, log)
            ours = grade(instance, log.read_text(), official.parser("", instance.repo))

            broken = [
                test
                for test in theirs["tests_status"]["PASS_TO_PASS"]["failure"]
                if test not in instance.excluded
            ]
            assert list(ours.not_fixed) == theirs["tests_status"]["FAIL_TO_PASS"]["failure"], instance.id
            assert list(ours.broken) == broken, instance.id
            compared += 1
    assert compared >= len(instances)
