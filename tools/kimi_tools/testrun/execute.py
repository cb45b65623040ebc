"""One test run, from a request to a report."""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from kimi_tools import progress
from kimi_tools.clip import plain
from kimi_tools.errors import BadArguments
from kimi_tools.process import Finished
from kimi_tools.testrun import history
from kimi_tools.testrun.choose import choose, labels, runner_named
from kimi_tools.testrun.collector import Collector
from kimi_tools.testrun.conclude import conclude
from kimi_tools.testrun.follow import Lines, Tail, following
from kimi_tools.testrun.missing import missing_modules
from kimi_tools.testrun.report import CaseResult, Status, TestReport, compare
from kimi_tools.testrun.select import affected_tests, changed_tests
from kimi_tools.testrun.suite import Job, Plan, Runner, Selection, Suite
from kimi_tools.testrun.tree import Tree
from kimi_tools.workspace import Workspace

Only = Literal["all", "failed", "changed", "affected"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    `paths`: files or folders. `names`: test ids as reports give them, or parts of names. `only` narrows to
    the tests that failed when last seen, to changed test files, or to those that the changes since the last
    commit affect. `compare`: an earlier run's id; empty for what was last
    known of each test. `command` replaces the project's own. `timeout` in seconds.
    """

    paths: Sequence[str] = ()
    names: Sequence[str] = ()
    only: Only = "all"
    timeout: float = 600.0
    compare: str = ""
    command: str = ""


_turns: "WeakKeyDictionary[Workspace, asyncio.Lock]" = WeakKeyDictionary()


async def execute(workspace: Workspace, request: Request) -> TestReport:
    """Run the tests that a request means; runs in one workspace take turns.

    Raises `NotFound` (no suite, path or run), `Unavailable` (a runner is not installed), `BadArguments`.
    A run that goes wrong is not an error: its report says so.
    """
    async with _turns.setdefault(workspace, asyncio.Lock()):
        tree = Tree(workspace)
        paths = [_existing(workspace, path) for path in request.paths]
        if request.only == "failed" and not (paths or request.names or request.compare):
            return await _again(workspace, tree, request)
        notes: list[str] = []
        if request.only in ("changed", "affected"):
            paths, notes = await _about_changes(workspace, request.only, paths)
        suite, others = choose(tree, paths[:1] if notes else paths, request.names, request.command)
        return await _execute(workspace, tree, request, suite, others, paths, notes)


async def _again(workspace: Workspace, tree: Tree, request: Request) -> TestReport:
    """Run what failed when last seen, in every suite where something did; the worst report holds the others."""
    first, others = choose(tree, (), (), request.command)
    failing: list[Suite] = []
    for suite in (first, *others):
        known = history.last_known(workspace, suite.runner, suite.folder)
        if any(case.bad for case in known.values()):
            failing.append(suite)
    rest = [suite for suite in others if suite not in failing]
    reports = [await _execute(workspace, tree, request, suite, rest, (), ()) for suite in failing or [first]]
    worst, *more = sorted(reports, key=lambda report: report.verdict == "passed")
    return worst.model_copy(update={"more": tuple(more)})


async def _execute(
    workspace: Workspace,
    tree: Tree,
    request: Request,
    suite: Suite,
    others: Sequence[Suite],
    paths: Sequence[str],
    notes: Sequence[str],
) -> TestReport:
    runner = runner_named(suite.runner)
    if notes:  # of the related tests those of one suite, the most related one's
        paths = [path for path in paths if _below(path, suite.folder) and path.endswith(runner.suffixes)]
    known = history.last_known(workspace, suite.runner, suite.folder)
    baseline = history.load(workspace, request.compare) if request.compare else None
    selection = _selection(suite, runner, paths, request, known)
    cache = workspace.state / "tests" / "cache"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    run = history.next_run(workspace)
    try:
        with workspace.scratch() as scratch:
            progress.report(f"starting {suite.runner} in {suite.folder}")
            plan = await runner.plan(Job(workspace, suite, selection, scratch, cache))
            collector, finished = await _run(workspace, suite, runner, plan, scratch, cache, request.timeout)
            if plan.at_end is not None:
                plan.at_end(collector)
            if plan.on_exit is not None:
                plan.on_exit(finished, collector)
        report = _report(run, suite, plan, collector, finished, selection, labels(others))
        lacking = missing_modules(tree, suite.folder, plan.argv, report.cases)
        report = report.model_copy(update={"notes": (*notes, *report.notes, *lacking)})
        report = _compared(report, baseline, known)
        history.save(workspace, report)
    except BaseException:
        history.forget(workspace, run)
        raise
    return report


async def _run(
    workspace: Workspace,
    suite: Suite,
    runner: Runner,
    plan: Plan,
    scratch: Path,
    cache: Path,
    timeout: float,
) -> tuple[Collector, Finished]:
    root = workspace.at
    prefix = f"{suite.folder}/" if runner.path_ids and suite.folder != "." else ""
    collector = Collector(str(root), str(root / suite.folder), prefix)
    on_line = plan.on_line
    lines = Lines(lambda line: on_line(line.decode("utf-8", "replace"), collector) if on_line else None)
    events = Lines(lambda line: plan.on_event(line, collector))
    async with following(Tail(scratch, plan.events, events), collector.tell):
        finished = await workspace.run(
            plan.argv,
            cwd=suite.folder,
            timeout=timeout,
            environment={**suite.environment, **plan.environment},
            writable=(scratch, cache),
            on_output=lines.feed if on_line else None,
        )
    lines.end()
    return collector, finished


async def _about_changes(
    workspace: Workspace, only: Only, within: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The test files that the changes call for, within the given paths, and what to say of the choice."""
    chosen = await (changed_tests(workspace) if only == "changed" else affected_tests(workspace))
    paths = [p for p in chosen.paths if not within or any(_below(p, folder) for folder in within)]
    if not paths:
        raise BadArguments(f"No {only} test lies in {', '.join(within)}; leave paths= away.")
    return paths, [chosen.note]


def _below(path: str, folder: str) -> bool:
    return folder in (".", path) or path.startswith(f"{folder}/")


def _selection(
    suite: Suite, runner: Runner, paths: Sequence[str], request: Request, known: Mapping[str, CaseResult]
) -> Selection:
    ids = [name for name in request.names if name in known or runner.owns(name)]
    parts = tuple(name for name in request.names if name not in ids)
    if request.only == "failed":
        failed = [id for id, case in known.items() if case.bad]
        wanted = [id for id in failed if _wanted(known[id], paths, request.names)]
        if not wanted:
            which = "of this selection " if paths or request.names else ""
            raise BadArguments(
                f"No test {which}failed when last seen ({len(known)} known); run with only=all first."
            )
        return Selection(ids=tuple(suite.inside(id) if runner.path_ids else id for id in wanted))
    inside = suite.inside if runner.path_ids else str
    return Selection(tuple(suite.inside(path) for path in paths), tuple(inside(id) for id in ids), parts)


def _wanted(case: CaseResult, paths: Sequence[str], names: Sequence[str]) -> bool:
    in_path = not paths or any(_below(case.path, path) for path in paths)
    return in_path and (not names or any(name in case.id for name in names))


def _existing(workspace: Workspace, path: str) -> str:
    """A requested path, or a test id given as one, relative to the root. Raises as the door does."""
    name = workspace.relative(path.partition("::")[0])
    workspace.stat(name)
    return name + path[len(path.partition("::")[0]) :]


def _report(
    run: str,
    suite: Suite,
    plan: Plan,
    collector: Collector,
    finished: Finished,
    selection: Selection,
    others: tuple[str, ...],
) -> TestReport:
    verdict, problem = conclude(plan, collector, finished)
    notes = list(finished.notes)
    if collector.left_out:
        notes.append(f"{collector.left_out:,} more tests were not kept")
    ran = sum(not case.collecting for case in collector.results()) + collector.left_out
    if collector.ended and ran < collector.total:
        notes.append(
            f"{collector.total - ran:,} of {collector.total:,} collected tests did not run: the runner stopped early"
        )
    return TestReport(
        run=run,
        runner=suite.runner,
        folder=suite.folder,
        reason=suite.reason,
        command=shlex.join(plan.argv),
        sandbox=finished.sandbox,
        verdict=verdict,
        problem=problem,
        exit_code=finished.exit_code,
        seconds=round(finished.seconds, 3),
        cases=collector.results(),
        output=plain(plan.log(finished.text)),
        selection=" ".join((*selection.paths, *selection.ids, *selection.parts))[:2_000],
        others=others,
        notes=tuple(notes),
    )


def _compared(report: TestReport, baseline: TestReport | None, known: Mapping[str, CaseResult]) -> TestReport:
    cases = baseline.cases if baseline else tuple(known.values())
    before: dict[str, Status] = {case.id: case.status for case in cases}
    after = report.statuses()
    if not before:
        return report
    whole = not report.selection or (baseline is not None and baseline.selection == report.selection)
    earlier = f"run {baseline.run}" if baseline else "last known"
    whole = whole and report.verdict in ("passed", "failed")
    if whole:  # a file that could not be loaded before, and now has no error
        after |= {case.id: "passed" for case in cases if case.collecting and case.id not in after}
    found = compare(earlier, before, after, whole=whole)
    return report.model_copy(update={"comparison": found})
