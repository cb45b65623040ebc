"""From a test log to a verdict, by the official rules (swebench 4.1 `grading.py`).

A graded test passes when its status is PASSED or XFAIL, and fails when it is FAILED, ERROR or not in the log; one
that was skipped counts for nothing. In repositories whose runners report failures only, what is not FAILED
passes. An instance is resolved when no graded test fails.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kimi_mcp.swebench import official
from kimi_mcp.swebench.instances import Instance

_PASSED = frozenset({"PASSED", "XFAIL"})
_FAILED = frozenset({"FAILED", "ERROR", None})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a log says of a patch.

    `readable` is False when the log holds no result (patch not applied, time-out, no markers). The lists hold
    test ids: graded tests that should go from failing to passing, and that should still pass.
    """

    resolved: bool
    readable: bool
    fixed: tuple[str, ...] = ()
    not_fixed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    reason: str = ""


def statuses(log: str, parser: official.Parser) -> dict[str, str] | None:
    """Test ids with their status; None when the log holds no result."""
    if any(code in log for code in official.BAD_CODES):
        return None
    if official.START_TEST_OUTPUT not in log or official.END_TEST_OUTPUT not in log:
        return None
    between = log.split(official.START_TEST_OUTPUT)[1].split(official.END_TEST_OUTPUT)[0]
    return parser(between) or parser(log)


def grade(instance: Instance, log: str, parser: official.Parser) -> Verdict:
    """The verdict on a log of the instance's test command."""
    found = statuses(log, parser)
    if found is None:
        return Verdict(resolved=False, readable=False, reason=_why_unreadable(log))
    fail_only = official.fail_only(instance.repo)
    fixed, not_fixed = _split(instance.fail_to_pass, found, fail_only)
    graded = [name for name in instance.pass_to_pass if name not in instance.excluded]
    kept, broken = _split(graded, found, fail_only)
    return Verdict(
        resolved=not not_fixed and not broken,
        readable=True,
        fixed=fixed,
        not_fixed=not_fixed,
        kept=kept,
        broken=broken,
    )


def _split(
    names: Iterable[str], found: Mapping[str, str], fail_only: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    passed: list[str] = []
    failed: list[str] = []
    for name in names:
        status = found.get(name)
        if status != "FAILED" if fail_only else status in _PASSED:
            passed.append(name)
        elif fail_only or status in _FAILED:
            failed.append(name)
    return tuple(passed), tuple(failed)


def _why_unreadable(log: str) -> str:
    if official.APPLY_PATCH_FAIL in log:
        return "the patch does not apply"
    if official.TESTS_TIMEOUT in log:
        return "the tests ran out of time"
    return "the log holds no test output"
