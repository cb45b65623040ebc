"""From a test log to a verdict, by the rule of the benchmark that the instance is from.

`swebench` (4.1, `grading.py`): a graded test passes when its status is PASSED or XFAIL, and fails when it is
FAILED, ERROR or not in the log; one that was skipped counts for nothing. `fail_only`: for runners that report
failures only, what is not FAILED passes. `swebench5` differs in what is skipped: that fixes nothing, and breaks
nothing; and a test id that the data set cut in its brackets means the one that begins so; it and
`swebench5_fail_only` do not trust every log (`doubt`). `live` (`evaluation.py`, since June 2026): only what passes
is fixed, and only what fails is broken. `pro`: what is not PASSED fails.

An instance is resolved when no graded test fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kimi_mcp.swebench import official
from kimi_mcp.swebench.instances import Instance

Rule = Literal["swebench", "fail_only", "swebench5", "swebench5_fail_only", "live", "pro"]

_PASSED = frozenset({"PASSED", "XFAIL"})
_COUNTED = re.compile(
    r"Executed [1-9]\d* of \d|TOTAL: [1-9]\d* (?:SUCCESS|FAILED)|[1-9]\d* passing|Tests:\s+[1-9]"
    r"|Test Suites:.* [1-9]\d* total|^# tests [1-9]|[1-9]\d* specs?, \d+ failure|': ok$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a log says of a patch.

    `readable` is False when the log holds no result (patch not applied, time-out, no markers). The lists hold
    test ids: graded tests that should go from failing to passing, and that should still pass. `skipped` are
    those that were skipped, which no rule but `pro` counts as failed.
    """

    resolved: bool
    readable: bool
    fixed: tuple[str, ...] = ()
    not_fixed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    reason: str = ""
    skipped: tuple[str, ...] = ()


def output(log: str) -> str | None:
    """What the test command printed, from a log of the harness's form; None when it holds no result."""
    if any(code in log for code in official.BAD_CODES):
        return None
    if official.START_TEST_OUTPUT not in log or official.END_TEST_OUTPUT not in log:
        return None
    return log.split(official.START_TEST_OUTPUT)[1].split(official.END_TEST_OUTPUT)[0]


def exit_code(log: str) -> int | None:
    """The exit code of the tests that our own line behind the end marker tells; None where there is none."""
    found = re.findall(
        rf"^{re.escape(official.EXIT_CODE)} (\d+)$", log.rpartition(official.END_TEST_OUTPUT)[2], re.MULTILINE
    )
    return int(found[-1]) if found else None


def ran(log: str) -> bool:
    """Whether a log shows a runner's own count of tests: karma's, mocha's, jest's, TAP's, jasmine's, OpenLayers'."""
    return _COUNTED.search(log) is not None


def doubt(log: str, found: Mapping[str, str], rule: Rule) -> str:
    """Why swebench 5 takes no result from a log with these statuses; empty where it does, or another rule holds."""
    code = exit_code(log)
    if rule == "swebench5_fail_only" and not found and not ran(log):
        return "nothing shows that the tests ran"
    failed = {"FAILED", "ERROR"} & set(found.values())
    if rule in ("swebench5", "swebench5_fail_only") and found and code and not failed:
        return f"the tests ended with {code}, though their log tells of no failure"
    return ""


def unreadable(log: str, reason: str = "") -> Verdict:
    """The verdict on a log without a result."""
    if reason:
        pass
    elif official.APPLY_PATCH_FAIL in log:
        reason = "the patch does not apply"
    elif official.TESTS_TIMEOUT in log:
        reason = "the tests ran out of time"
    else:
        reason = "the log holds no test output"
    return Verdict(resolved=False, readable=False, reason=reason)


def grade(instance: Instance, log: str, parser: official.Parser, rule: Rule | None = None) -> Verdict:
    """The verdict on a log, read by one of swebench's parsers; the rule is that of its repository by default."""
    between = output(log)
    if between is None:
        return unreadable(log)
    default: Rule = "fail_only" if official.fail_only(instance.repo) else "swebench"
    return verdict(instance, parser(between) or parser(log), rule or default)


def verdict(instance: Instance, found: Mapping[str, str], rule: Rule) -> Verdict:
    """The verdict on test ids with their status."""
    statuses = {name: _status(name, found, rule) for name in (*instance.fail_to_pass, *instance.pass_to_pass)}
    wanted = [(name, True) for name in instance.fail_to_pass]
    wanted += [(name, False) for name in instance.pass_to_pass if name not in instance.excluded]
    sorted_out: dict[tuple[bool, bool | None], list[str]] = {}
    for name, to_fix in wanted:
        sorted_out.setdefault((to_fix, _passes(statuses[name], rule, to_fix)), []).append(name)
    fixed, not_fixed, kept, broken = (
        tuple(sorted_out.get(key, ())) for key in ((True, True), (True, False), (False, True), (False, False))
    )
    return Verdict(
        resolved=not not_fixed and not broken,
        readable=True,
        fixed=fixed,
        not_fixed=not_fixed,
        kept=kept,
        broken=broken,
        skipped=tuple(name for name, _ in wanted if statuses[name] == "SKIPPED"),
    )


def _status(name: str, found: Mapping[str, str], rule: Rule) -> str | None:
    if rule == "swebench5" and name not in found and name.count("[") > name.count("]"):
        longer = {found[other] for other in found if other.startswith(name)}
        if len({status in _PASSED for status in longer}) == 1:
            return min(longer)
    return found.get(name)


def _passes(status: str | None, rule: Rule, to_fix: bool) -> bool | None:
    """Whether a status passes; None where it counts for nothing. `to_fix`: it is one of FAIL_TO_PASS."""
    if rule in ("fail_only", "swebench5_fail_only"):
        return status != "FAILED"
    if rule == "pro":
        return status == "PASSED"
    if rule == "live":
        broken = False if status in ("FAILED", "ERROR", "XFAIL") else None
        return True if status == "PASSED" else False if to_fix else broken
    if status in _PASSED:
        return True
    if status in ("FAILED", "ERROR", None):
        return False
    if rule == "swebench5" and status == "SKIPPED":
        return not to_fix
    return None
