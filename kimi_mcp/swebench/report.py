"""A batch as a page: Markdown for a terminal or a pull request, HTML with plots for a browser."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_mcp.swebench.jobs import Ended


@dataclass(frozen=True, slots=True)
class Row:
    """One instance in a report. `state`: resolved, not resolved, sound, unsound, or how its job ended."""

    instance: str
    state: str
    seconds: float
    cost: float | None
    steps: int | None
    note: str


def row(ended: Ended) -> Row:
    """A report's row of one outcome."""
    facts = ended.facts
    if ended.status != "done":
        state = ended.status.replace("_", " ")
    elif "sound" in facts:
        state = "sound" if facts["sound"] else "not sound"
    elif "resolved" in facts:
        state = "resolved" if facts["resolved"] else "not resolved"
    else:
        state = str(facts.get("outcome", "done"))
    return Row(ended.instance, state, ended.seconds, facts.get("cost"), facts.get("steps"), _note(ended))


def _note(ended: Ended) -> str:
    if ended.error:
        return ended.error.splitlines()[0][:200]
    facts = ended.facts
    verdict: Mapping[str, Any] = facts.get("verdict") or facts.get("after") or {}
    parts = [str(verdict["reason"])] if verdict.get("reason") else []
    for name, label in (("not_fixed", "still failing"), ("broken", "broken")):
        if tests := verdict.get(name):
            parts.append(f"{len(tests)} {label} ({tests[0]}{' …' if len(tests) > 1 else ''})")
    parts += facts.get("suspicions", [])
    return "; ".join(parts)


def summary(rows: Sequence[Row], total: int) -> str:
    """The counts in one line."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(Counter(r.state for r in rows).items()))
    cost = sum(r.cost or 0 for r in rows)
    seconds = sum(r.seconds for r in rows)
    return f"{len(rows)} of {total} instances: {states or 'none yet'}; {seconds / 60:.1f} worker minutes; ${cost:.2f}"


def markdown(title: str, rows: Sequence[Row], total: int) -> str:
    """The report as Markdown."""
    lines = [f"# {title}", "", summary(rows, total), ""]
    lines += [
        "| instance | state | seconds | steps | cost | note |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for r in rows:
        cost = "" if r.cost is None else f"${r.cost:.3f}"
        steps = "" if r.steps is None else str(r.steps)
        note = r.note.replace("|", "\\|")
        lines.append(f"| {r.instance} | {r.state} | {r.seconds:.1f} | {steps} | {cost} | {note} |")
    return "\n".join(lines) + "\n"


_STYLE = """
:root { color-scheme: light dark; --good: #1a7f4b; --bad: #b3372f; --rest: #8a8f98; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; } .good { color: var(--good); } .bad { color: var(--bad); } .rest { color: var(--rest); }
figure { margin: 1.5rem 0; } figcaption { color: var(--rest); } svg text { fill: currentColor; font-size: 11px; }
td.note { overflow-wrap: anywhere; }
"""
_GOOD = frozenset({"resolved", "sound"})


def page(title: str, rows: Sequence[Row], total: int) -> str:
    """The report as one self-contained HTML page."""
    body = "".join(_table_row(r) for r in rows)
    plots = [_bars(rows), _times(rows)]
    if any(r.cost for r in rows):
        plots.append(_costs(rows))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        "<meta name=viewport content='width=device-width'>"
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1><p>{html.escape(summary(rows, total))}</p>"
        f"{''.join(plots)}<table><thead><tr><th>instance<th>state<th>seconds<th>steps<th>cost<th>note</thead>"
        f"<tbody>{body}</tbody></table></html>\n"
    )


def tone(state: str) -> str:
    """How a state is coloured: `good`, `done` (not graded yet), `bad` or `rest`."""
    if state in _GOOD:
        return "good"
    if state == "submitted":
        return "done"
    return "bad" if state.startswith("not ") else "rest"


def _table_row(r: Row) -> str:
    cost = "" if r.cost is None else f"${r.cost:.3f}"
    return (
        f"<tr><td>{html.escape(r.instance)}<td class={tone(r.state)}>{html.escape(r.state)}"
        f"<td class=n>{r.seconds:.1f}<td class=n>{r.steps or ''}<td class=n>{cost}"
        f"<td class=note>{html.escape(r.note)}</tr>"
    )


def _bars(rows: Sequence[Row]) -> str:
    """How many instances are in which state, per repository."""
    repos = sorted({_repo(r.instance) for r in rows})
    if not repos:
        return ""
    most = max(Counter(_repo(r.instance) for r in rows).values())
    pieces: list[str] = []
    for index, repo in enumerate(repos):
        x = 190.0
        for colour in ("good", "done", "bad", "rest"):
            count = sum(1 for r in rows if _repo(r.instance) == repo and tone(r.state) == colour)
            width = 480 * count / most
            if count:
                pieces.append(
                    f"<rect x={x:.1f} y={index * 22 + 4} width={width:.1f} height=15 fill='var(--{colour})'>"
                    f"<title>{count}</title></rect>"
                )
            x += width
        count = sum(1 for r in rows if _repo(r.instance) == repo)
        good = sum(1 for r in rows if _repo(r.instance) == repo and r.state in _GOOD)
        pieces.append(f"<text x=182 y={index * 22 + 16} text-anchor=end>{html.escape(repo)}</text>")
        pieces.append(f"<text x={x + 6:.1f} y={index * 22 + 16}>{good} of {count}</text>")
    return _figure("By repository", 760, len(repos) * 22 + 8, pieces)


def _times(rows: Sequence[Row]) -> str:
    """Seconds of every instance, in ascending order."""
    return _steps("Seconds per instance, ascending", [r.seconds for r in rows], "s")


def _costs(rows: Sequence[Row]) -> str:
    return _steps("Dollars per instance, ascending", [r.cost or 0 for r in rows], "$")


def _steps(title: str, values: Sequence[float], unit: str) -> str:
    ordered = sorted(values)
    top = max(ordered, default=0) or 1
    width = 680 / max(1, len(ordered))
    pieces = [
        f"<rect x={60 + i * width:.1f} y={110 - 100 * value / top:.1f} width={max(width - 1, 0.5):.1f} "
        f"height={100 * value / top:.1f} fill='var(--rest)'><title>{value:.2f} {unit}</title></rect>"
        for i, value in enumerate(ordered)
    ]
    pieces.append(
        f"<text x=52 y=18 text-anchor=end>{top:.1f} {unit}</text><text x=52 y=110 text-anchor=end>0</text>"
    )
    return _figure(title, 760, 122, pieces)


def _figure(title: str, width: int, height: int, pieces: Sequence[str]) -> str:
    return (
        f"<figure><figcaption>{html.escape(title)}</figcaption>"
        f"<svg viewBox='0 0 {width} {height}' width=100% role=img aria-label='{html.escape(title)}'>"
        f"{''.join(pieces)}</svg></figure>"
    )


def _repo(instance: str) -> str:
    return instance.split("__")[0] if "__" in instance else instance.rpartition("-")[0]
