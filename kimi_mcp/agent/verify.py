"""What is known about a patch: measured by the harness, and the protocol that a submission must keep.

The rules come from what lifts scores in other harnesses (SWE-agent's review on submit, R2E-Gym's execution
checks): a fix is shown by a reproduction that fails without it and passes with it, and by tests that ran on
exactly the files that are handed in.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from kimi_mcp.agent.events import Evidence, Reproduction, TestRun, Touched
from kimi_mcp.agent.functions import Reproduced, reproduce
from kimi_mcp.agent.snapshot import Snapshot, is_test_path
from kimi_mcp.agent.state import State, call_key
from kimi_mcp.agent.toolbox import Done, Toolbox
from kimi_mcp.model.messages import Call
from kimi_tools.testrun.report import TestReport

Say = Callable[[str], None]
"""Takes what is being measured now, for whoever watches."""


MAX_IDS = 5_000
"""Test ids that one recorded run names; more are only counted."""

MEASURE_SECONDS = 900
"""For measuring one command again, with or without the patch."""

_TEST_COMMAND = re.compile(
    r"\b(pytest|py\.test|unittest|nose2?|tox|nox|runtests\.py|manage\.py\s+test|"
    r"(npm|yarn|pnpm|bun)\s+(run\s+)?test|node\s+--test|jest|vitest|mocha|go\s+test|cargo\s+(nextest|test)|"
    r"mvn\b.*\b(test|verify)|gradlew?\b.*\btest|ctest|make\s+(test|check)|rspec|rake\s+(test|spec)|phpunit|"
    r"dotnet\s+test|swift\s+test|sbt\s+test|bats|prove)\b"
)


_LEFTOVER = re.compile(
    r"^\+\s*(print\(|breakpoint\(\)|import pdb|(i?pdb)\.set_trace|console\.log\(|debugger;|dbg!\(|var_dump\()"
    r"|\b(FIXME|XXX|HACK)\b"
)


def shown_by(done: Done, state: State, tree: str) -> tuple[TestRun | None, Reproduction | None]:
    """What a call showed about the files of `tree`, in the harness's own words."""
    untouched = state.untouched
    if isinstance(done.data, Reproduced):
        return None, Reproduction(
            command=done.data.command,
            tree=tree,
            before=untouched,
            exit_code=done.data.exit_code,
            output=done.data.output,
        )
    if isinstance(done.data, TestReport) and not (done.call.arguments or {}).get("run"):
        return _test_run(done.data, _command(done.call), tree, untouched), None
    if done.call.name == "run_command" and not done.failed and done.call.arguments:
        command = str(done.call.arguments.get("command", ""))
        if _TEST_COMMAND.search(command):
            return TestRun(command=command, tree=tree, before=untouched), None
    return None, None


def _test_run(report: TestReport, command: str, tree: str, before: bool) -> TestRun:
    failed = tuple(case.id for case in report.cases if case.bad)
    passed = tuple(case.id for case in report.cases if case.status == "passed")
    errors = "" if report.verdict in ("passed", "failed") else f"{report.verdict}: {report.problem}"
    return TestRun(
        command=command,
        tree=tree,
        before=before,
        failed=failed[:MAX_IDS],
        passed=passed[:MAX_IDS],
        skipped=sum(case.status == "skipped" for case in report.cases),
        errors=errors,
    )


def _command(call: Call) -> str:
    """The call as one text, without what only changes how its result is shown."""
    shown = {"compare", "offset"}
    return call_key(call.name, {k: v for k, v in (call.arguments or {}).items() if k not in shown})


def unshown(state: State) -> bool:
    """Whether code was changed before the issue was shown to fail, and nothing was said about it yet."""
    return not state.untouched and not state.reproductions and "reproduce" not in state.notices


def problems(state: State, touched: Sequence[Touched], *, swap: bool = True) -> list[str]:
    """What speaks against a submission before anything is measured again; sentences for the model.

    `swap`: the harness can run a reproduction without the patch itself, so that any will do.
    """
    if not touched:
        return [
            "The patch is empty: no file differs from the start. Make the fix, or say why none is needed."
        ]
    found: list[str] = []
    if not any(run.tree == state.tree and not run.errors for run in state.tests):
        found.append(
            "No test ran since your last edit. Run the tests around what you changed with run_tests."
        )
    shown = [one for one in state.reproductions if swap or (one.before and one.exit_code != 0)]
    if not shown:
        found.append(
            "The issue was not shown to fail before the fix. Give `reproduce` a command that fails without "
            "your change and exits 0 with it; the harness runs it both ways."
        )
    changed = [file.path for file in touched if file.test and file.status != "added" and file.removed]
    if changed:
        found.append(
            f"Existing tests were changed: {', '.join(changed[:10])}. Take that back unless the issue itself "
            "demands it; add new tests instead."
        )
    return found


def late_problems(evidence: Evidence) -> list[str]:
    """What the measurement showed against the patch; sentences for the model."""
    found: list[str] = []
    if evidence.passes_after is False:
        found.append("The reproduction still fails with your patch.")
    if evidence.reproduced_before is False:
        found.append("The reproduction passes without your patch too, so it does not show the issue.")
    if evidence.broken:
        found.append(f"These tests passed before your patch and fail now: {_some(evidence.broken)}.")
    if evidence.failing:
        found.append(f"These tests fail now: {_some(evidence.failing)}.")
    return found


def review(problems: Sequence[str], patch: str, touched: Sequence[Touched]) -> str:
    """What the model reads when its submission is sent back: why, its patch as a whole, what to look for."""
    lines = ["Not taken yet:", *(f"- {problem}" for problem in problems)]
    if not problems:
        lines = ["Before it is taken, review the patch as a whole; you have seen it in parts only."]
    new = [file.path for file in touched if file.status == "added"]
    if new:
        lines.append(f"- New files: {', '.join(new[:20])}. Delete those that are not part of the fix.")
    if left := leftovers(patch):
        lines.append(f"- Lines that look like leftovers: {'; '.join(left)}.")
    if patch:
        lines.append(
            "- Does it cover every case in the issue, the sibling code and the callers, and change nothing else?"
        )
    lines += ["", patch or "(The patch is empty.)", ""]
    lines.append("Mend what is wrong, check again what you changed, and submit again.")
    return "\n".join(lines)


def leftovers(patch: str) -> list[str]:
    """Added lines of a patch that look like debugging, outside of tests; five at most."""
    found: list[str] = []
    name = ""
    for line in patch.splitlines():
        if line.startswith("+++ "):
            name = line[4:].removeprefix("b/")
        elif line.startswith("+") and _LEFTOVER.search(line) and not is_test_path(name):
            found.append(f"{name}: {line[1:].strip()[:80]}")
    return found[:5]


def evidence(
    state: State,
    tree: str,
    touched: Sequence[Touched],
    found: Sequence[str] = (),
    more: "Measured | None" = None,
) -> Evidence:
    """What the recorded runs, and the measured ones, say about the files of `tree`."""
    shown = [*state.reproductions, *(more.reproductions if more else ())]
    runs = [*state.tests, *(more.tests if more else ())]
    was = [one for one in shown if one.before and one.tree != tree and one.command == shown[-1].command]
    now = [one for one in shown if one.tree == tree]
    before = _statuses([run for run in runs if run.before and run.tree != tree])
    after = _statuses([run for run in runs if run.tree == tree])
    failing = {test for test, passed in after.items() if not passed}
    return Evidence(
        touched=tuple(touched),
        reproduced_before=was[-1].exit_code != 0 if was else None,
        passes_after=now[-1].exit_code == 0 if now else None,
        fixed=tuple(sorted(test for test, passed in after.items() if passed and before.get(test) is False)),
        broken=tuple(sorted(test for test in failing if before.get(test))),
        failing=tuple(sorted(test for test in failing if test not in before)),
        passing=sum(after.values()),
        problems=tuple(found),
    )


def best_tree(state: State) -> str:
    """The tree to hand in: the current one, unless an earlier one was measured to be better."""
    score = _score(state, state.tree)
    best = state.tree
    for one in [*state.reproductions, *state.tests]:
        if one.tree not in (state.tree, state.base) and _score(state, one.tree) > max(score, 0):
            best, score = one.tree, _score(state, one.tree)
    return best


def _score(state: State, tree: str) -> float:
    """Above 0: measured to be good; 0: nothing known; below: measured to be bad."""
    known = evidence(state, tree, ())
    bad = len(known.broken) + len(known.failing)
    if known.passes_after is False or bad:
        return -1.0 - bad
    return (2.0 if known.passes_after else 0.0) + (1.0 if known.passing else 0.0)


class Measured:
    """What the harness ran itself at a submission."""

    def __init__(self) -> None:
        self.tests: list[TestRun] = []
        self.reproductions: list[Reproduction] = []


class Verifier:
    """Measures a patch by running what the model ran, with it and without it.

    `swap`: whether the files may be set back for a moment to measure without the patch; never in a user's
    own tree.
    """

    def __init__(self, toolbox: Toolbox, snapshot: Snapshot, *, swap: bool) -> None:
        self.toolbox = toolbox
        self.snapshot = snapshot
        self.swap = swap

    async def measure(self, state: State, touched: Sequence[Touched], say: Say) -> Measured:
        """Fill in what is not known yet: the reproduction and the last tests, after and before."""
        found = Measured()
        reproduction = state.reproductions[-1].command if state.reproductions else ""
        commands = _last_tests(state)
        if reproduction and not any(
            one.command == reproduction and one.tree == state.tree for one in state.reproductions
        ):
            say("Running the reproduction with the patch")
            await self._reproduce(found, reproduction, state.tree, before=False)
        unknown = [c for c in commands if not _known_before(state.tests, c, state.tree)]
        shown = _known_before(state.reproductions, reproduction, state.tree)
        if not self.swap or not (unknown or (reproduction and not shown)):
            return found
        kept = [file.path for file in touched if file.test or _named(file, reproduction)]
        without = await self.snapshot.combine(state.base, state.tree, kept)
        if without == state.tree:
            return found
        await self.snapshot.restore(without)
        try:
            if reproduction and not shown:
                say("Running the reproduction without the patch")
                await self._reproduce(found, reproduction, without, before=True)
            for command in unknown:
                say("Running the tests without the patch")
                await self._test(found, command, without)
        finally:
            await self.snapshot.restore(state.tree)
        return found

    async def _reproduce(self, found: Measured, command: str, tree: str, *, before: bool) -> None:
        done = await self._call(reproduce.name, {"command": command, "timeout": MEASURE_SECONDS})
        if isinstance(done.data, Reproduced):
            found.reproductions.append(
                Reproduction(
                    command=command,
                    tree=tree,
                    before=before,
                    exit_code=done.data.exit_code,
                    output=done.data.output,
                )
            )

    async def _test(self, found: Measured, command: str, tree: str) -> None:
        name, _, arguments = command.partition(" ")
        done = await self._call(name, json.loads(arguments))
        if isinstance(done.data, TestReport):
            found.tests.append(_test_run(done.data, command, tree, before=True))

    async def _call(self, name: str, arguments: dict[str, object]) -> Done:
        call = Call("measure", name, arguments, "")
        return await self.toolbox.call(call, lambda _id, _progress: None)


def _known_before(runs: Sequence[TestRun | Reproduction], command: str, tree: str) -> bool:
    return any(run.before and run.tree != tree and run.command == command for run in runs)


def _last_tests(state: State) -> list[str]:
    """The calls of `run_tests` that saw the files as they are now."""
    runs = [run.command for run in state.tests if run.tree == state.tree and not run.errors]
    return [command for command in dict.fromkeys(runs) if command.startswith("run_tests ")]


def _named(file: Touched, command: str) -> bool:
    return file.status == "added" and PurePosixPath(file.path).name in command


def _statuses(runs: Sequence[TestRun]) -> dict[str, bool]:
    """Each test's last known result: whether it passed."""
    known: dict[str, bool] = {}
    for run in runs:
        known |= dict.fromkeys(run.passed, True) | dict.fromkeys(run.failed, False)
    return known


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
