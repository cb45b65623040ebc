"""Each benchmark's own rule: what its harness says of the same statuses, written down from its grading code."""

import asyncio
import json
from typing import Any

import pytest

from kimi_mcp.swebench import official
from kimi_mcp.swebench.grading import Rule, doubt, verdict
from kimi_mcp.swebench.instances import Instance
from kimi_mcp.swebench.log_reading import parsed

INSTANCE = Instance(
    id="ada__engine-1",
    repo="ada/engine",
    version="1.0",
    base_commit="0" * 40,
    problem="…",
    gold_patch="",
    test_patch="",
    fail_to_pass=("f1", "f2"),
    pass_to_pass=("p1", "p2"),
)
GOOD = {"f1": "PASSED", "f2": "PASSED", "p1": "PASSED", "p2": "PASSED"}

CASES: list[tuple[Rule, dict[str, str | None], bool]] = [
    # SWE-bench-Live, evaluation.py since June 2026: all FAIL_TO_PASS must be told to pass, no PASS_TO_PASS to fail
    ("live", {}, True),
    ("live", {"f2": None}, False),
    ("live", {"f2": "SKIPPED"}, False),
    ("live", {"f2": "XFAIL"}, False),
    ("live", {"p2": None}, True),
    ("live", {"p2": "SKIPPED"}, True),
    ("live", {"p2": "FAILED"}, False),
    ("live", {"p2": "ERROR"}, False),
    ("live", {"p2": "XFAIL"}, False),
    # SWE-bench Pro, swe_bench_pro_eval.py: all of both lists must be PASSED
    ("pro", {}, True),
    ("pro", {"p2": None}, False),
    ("pro", {"p2": "SKIPPED"}, False),
    ("pro", {"p2": "XFAIL"}, False),
    # swebench 5, grading.py: skipped fixes nothing and breaks nothing
    ("swebench5", {}, True),
    ("swebench5", {"f2": "SKIPPED"}, False),
    ("swebench5", {"p2": "SKIPPED"}, True),
    ("swebench5", {"p2": None}, False),
    # swebench 4.1: skipped counts for nothing
    ("swebench", {"f2": "SKIPPED"}, True),
    ("swebench", {"p2": "XFAIL"}, True),
    ("swebench", {"p2": None}, False),
    ("fail_only", {"f2": None, "p2": None}, True),
    ("fail_only", {"p2": "FAILED"}, False),
]


@pytest.mark.parametrize(("rule", "changed", "resolved"), CASES)
def test_a_patch_is_resolved_by_the_rule_of_its_benchmark(
    rule: Rule, changed: dict[str, str | None], resolved: bool
) -> None:
    found = {name: status for name, status in {**GOOD, **changed}.items() if status is not None}
    assert verdict(INSTANCE, found, rule).resolved is resolved


def test_a_live_parser_may_say_more_than_pass_fail_and_skip() -> None:
    said = {"f1": "Passed", "f2": "pass", "p1": "error", "p2": "xfailed"}
    source = f"def parser(log):\n    return {said!r}\n"
    found = asyncio.run(parsed(source, INSTANCE, "…"))
    graded = verdict(INSTANCE, found, "live")
    assert graded.fixed == ("f1", "f2")
    assert graded.broken == ("p2",), "what a parser calls neither pass nor fail counts for nothing"


def test_a_test_that_pro_reports_twice_has_passed_where_one_of_them_did() -> None:
    tests = [{"name": "p1", "status": "PASSED"}, {"name": "p1", "status": "FAILED"}]
    for order in (tests, tests[::-1]):
        log = f"noise {{}}\n{official.REPORT}\n{json.dumps({'tests': order})}\n"
        assert asyncio.run(parsed("json", INSTANCE, log)) == {"p1": "PASSED"}


def told(code: int, between: str = "") -> str:
    return (
        f"{official.START_TEST_OUTPUT}\n{between}\n{official.END_TEST_OUTPUT}\n{official.EXIT_CODE} {code}\n"
    )


@pytest.mark.parametrize(
    ("rule", "log", "found", "said"),
    [
        ("swebench5", told(1), {"f1": "PASSED"}, "ended with 1"),
        ("swebench5", told(1), {"f1": "PASSED", "p1": "FAILED"}, ""),
        ("swebench5", told(0), {"f1": "PASSED"}, ""),
        ("swebench5", told(1, f"{official.EXIT_CODE} 0"), {"f1": "PASSED"}, "ended with 1"),
        ("swebench5_fail_only", told(1, "Executed 0 of 0"), {}, "nothing shows"),
        ("swebench5_fail_only", told(0, "Executed 7 of 7 SUCCESS"), {}, ""),
        ("swebench5_fail_only", told(0, "12 specs, 0 failures"), {}, ""),
        ("swebench", told(1), {"f1": "PASSED"}, ""),
        ("fail_only", told(1), {}, ""),
    ],
)
def test_swebench_5_does_not_trust_a_log_that_cannot_be_of_its_tests(
    rule: Any, log: str, found: dict[str, str], said: str
) -> None:
    reason = doubt(log, found, rule)
    assert (said in reason) if said else not reason
