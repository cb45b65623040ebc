"""The verdict on a run: what the tests say, checked against how the runner ended."""

import signal

from kimi_tools.clip import plain
from kimi_tools.process import Finished
from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.report import Verdict
from kimi_tools.testrun.suite import Plan


def conclude(plan: Plan, collector: Collector, finished: Finished) -> tuple[Verdict, str]:
    """The verdict, and what went wrong with the run itself in one sentence, empty when nothing did."""
    cases = collector.results()
    running = [case.id for case in cases if case.status == "unfinished"]
    during = f" while running {', '.join(running[:3])}" if running else ""
    if finished.timed_out:
        return "timed out", f"Stopped after {finished.seconds:.0f} s{during}."
    if finished.stopped:
        return "crashed", f"The run was {finished.stopped}{during}."
    if finished.exit_code > 128 and (running or not collector.ended):
        return "crashed", f"The runner was killed by {_signal(finished.exit_code - 128)}{during}."
    if plan.announces_end and not collector.ended and (cases or collector.total):
        return "crashed", f"The runner ended with exit code {finished.exit_code} before it was done{during}."
    if collector.crash:
        return "crashed", collector.crash
    if any(case.collecting for case in cases):
        return (
            "collection error",
            "Some tests could not be loaded or compiled, so what they hold did not run.",
        )
    if any(case.bad for case in cases):
        return "failed", ""
    if not any(case.status in ("passed", "xfailed", "xpassed") for case in cases):
        return _nothing(plan, collector, finished, skipped=len(cases))
    if collector.problems:
        return "runner error", collector.problems[0]
    if finished.exit_code != 0:
        return (
            "runner error",
            f"No test failed, but the runner ended with exit code {finished.exit_code}; its last lines say why.",
        )
    return "passed", ""


def _nothing(plan: Plan, collector: Collector, finished: Finished, *, skipped: int) -> tuple[Verdict, str]:
    if skipped:
        return "nothing ran", f"All {skipped} tests were skipped."
    if finished.exit_code == 0 or finished.exit_code in plan.nothing_codes:
        return "nothing ran", "The runner found no test that fits; check paths and names."
    if collector.problems:
        return "runner error", collector.problems[0]
    return "runner error", f"The runner failed with exit code {finished.exit_code} before any test ran."


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_lines(output: str, count: int) -> str:
    """The end of a runner's log, for when the tests themselves do not explain the verdict."""
    lines = [line.rstrip() for line in plain(output).splitlines()]
    return "\n".join([line for line in lines if line][-count:])
