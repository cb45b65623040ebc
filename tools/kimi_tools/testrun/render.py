"""A run as a model reads it: the verdict first and last, failures before everything else, bounded."""

from collections.abc import Sequence

from kimi_tools.clip import clip, clip_line, weight
from kimi_tools.testrun.conclude import last_lines
from kimi_tools.testrun.report import CaseResult, Comparison, TestReport
from kimi_tools.testrun.runners.command import COMMAND

FAILURE_CHARS = 2_000
IDS_SHOWN = 8
LISTED_CASES = 25
LOG_LINES = 20


def render(report: TestReport, *, limit: int, offset: int = 0) -> str:
    """The text of a report in at most `limit` JSON characters, its failures from number `offset` on."""
    if not report.more:
        return _render(report, limit, offset)
    reports = (report, *report.more)
    summary = f"{len(reports)} suites were run:\n" + "\n".join(f"  {headline(one)}" for one in reports)
    room = (limit - 2 * weight(summary)) // len(reports) - 20
    return clip("\n\n".join([summary, *(_render(one, room, 0) for one in reports), summary]), limit)


def _render(report: TestReport, limit: int, offset: int) -> str:
    verdict = headline(report)
    head = [verdict, clip_line(f"$ {report.command}", 400), _circumstances(report)]
    if report.problem:
        head.append(clip_line(report.problem, 600))
    head += report.notes
    tail = _comparison(report.comparison) if report.comparison else []
    if report.others:
        shown = ", ".join(report.others[:4])
        tail.append(f"Other suites here, not run (name their paths): {shown}{_more(report.others, 4)}")
    failures = report.failures
    room = limit - sum(weight(line) + 2 for line in (*head, *tail, verdict)) - 120
    body, shown = _failures(failures[offset:], room)
    room -= sum(weight(block) + 4 for block in body)
    if offset == 0 and shown == len(failures):
        body += _extras(report, room)
    return clip(
        "\n".join([*head, *(f"\n{block}" for block in body), "", *tail, _last(report, offset, shown)]), limit
    )


def headline(report: TestReport) -> str:
    """The verdict and the counts in one line."""
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items()) or "no tests"
    where = "" if report.folder == "." else f" in {report.folder}"
    verdict = report.verdict.upper()
    if report.runner == COMMAND.name and report.verdict in ("passed", "failed"):
        verdict, counts = f"EXIT CODE {report.exit_code}", "no tests recognised, the command as a whole ended"
    return f"{verdict}: {counts} in {report.seconds:.1f} s ({report.runner}{where}, run {report.run})"


def _circumstances(report: TestReport) -> str:
    parts = [f"sandbox: {report.sandbox}", f"found by: {report.reason}"]
    return f"  {', '.join(parts)}"


def _last(report: TestReport, offset: int, shown: int) -> str:
    total = len(report.failures)
    line = headline(report)
    if not total:
        return line
    end = offset + shown
    rest = f'; the rest: run="{report.run}" offset={end}' if end < total else ""
    return f"{line} [failures shown {offset + 1 if shown else 0}-{end} of {total}{rest}]"


def _failures(failures: Sequence[CaseResult], room: int) -> tuple[list[str], int]:
    blocks: list[str] = []
    for case in failures:
        block = _failure(case, min(FAILURE_CHARS, max(room, 0)))
        cost = weight(block) + 4
        if cost > room:
            if blocks or room < 300:
                break
            block, cost = clip(block, room), room
        blocks.append(block)
        room -= cost
    return blocks, len(blocks)


def _failure(case: CaseResult, limit: int) -> str:
    place = f"{case.path}:{case.line}" if case.line else case.path
    head = f"{case.status.upper()} {case.id}  {place}".rstrip()
    lines = [clip_line(head, 400)]
    if case.message:
        lines += [f"  {line}" for line in case.message.splitlines()[:12]]
    trace = case.trace.removeprefix(case.message).strip("\n")
    if trace:
        lines += [f"  | {clip_line(line, 200)}" for line in trace.splitlines()]
    return clip("\n".join(lines), max(limit, 200))


def _extras(report: TestReport, room: int) -> list[str]:
    """The log's end where tests alone don't explain the verdict; the list of tests where it is short."""
    blocks: list[str] = []
    if report.verdict not in ("passed", "failed") and not (
        report.verdict == "collection error" and report.failures
    ):
        log = last_lines(report.output, LOG_LINES)
        if log and room > 400:
            blocks.append(clip(f"The runner's last lines:\n{log}", min(room - 50, 3_000)))
            room -= weight(blocks[-1])
    good = [case for case in report.cases if not case.bad]
    if 0 < len(good) <= LISTED_CASES:
        lines = [f"{case.status} {case.id}{_why(case)}" for case in good]
        listing = "\n".join(clip_line(line, 200) for line in lines)
        if weight(listing) + 50 < room:
            blocks.append(listing)
    return blocks


def _why(case: CaseResult) -> str:
    return f"  ({case.message.splitlines()[0]})" if case.message else ""


def _comparison(found: Comparison) -> list[str]:
    kinds = (
        ("newly failing", found.newly_failing),
        ("fixed", found.fixed),
        ("still failing", found.still_failing),
        ("vanished", found.vanished),
    )
    lines = [
        clip_line(f"  {len(ids)} {kind}: {', '.join(ids[:IDS_SHOWN])}{_more(ids, IDS_SHOWN)}", 600)
        for kind, ids in kinds
        if ids
    ]
    counted = f", {len(found.new)} new" if found.new else ""
    return [f"Compared with {found.earlier}: {'changed' if lines else 'nothing changed'}{counted}", *lines]


def _more(ids: Sequence[str], shown: int) -> str:
    return f" and {len(ids) - shown} more" if len(ids) > shown else ""
