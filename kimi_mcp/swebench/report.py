"""A batch's report: one row per instance, its counts in one line, and Markdown for a terminal or a pull request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_mcp.swebench.jobs import Ended


@dataclass(frozen=True, slots=True)
class Row:
    """One instance in a report. `state`: resolved, not resolved, sound, unsound, or how its job ended.

    `cost`: US dollars, None for a job that asks no model; `unpriced`: some of its requests have no known price.
    """

    instance: str
    state: str
    seconds: float
    cost: float | None
    steps: int | None
    note: str
    unpriced: bool = False

    @property
    def money(self) -> str:
        """Its cost for a reader; empty where it asked no model."""
        if self.unpriced:
            return f"over ${self.cost:.3f}" if self.cost else "not known"
        return "" if self.cost is None else f"${self.cost:.3f}"


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
    return Row(
        ended.instance,
        state,
        ended.seconds,
        facts.get("cost"),
        facts.get("steps"),
        "".join(letter if letter.isprintable() else " " for letter in _note(ended)),
        bool(facts.get("unpriced")),
    )


def _note(ended: Ended) -> str:
    if ended.error:
        return ended.error.splitlines()[0].removeprefix(f"{ended.instance}: ")[:200]
    facts = ended.facts
    verdict: Mapping[str, Any] = facts.get("verdict") or facts.get("after") or {}
    parts = [str(verdict["reason"])] if verdict.get("reason") else []
    if facts.get("outcome", "submitted") != "submitted":
        parts.append(str(facts.get("reason", "")))
    for name, label in (("not_fixed", "still failing"), ("broken", "broken")):
        if tests := verdict.get(name):
            parts.append(f"{len(tests)} {label} ({tests[0]}{' …' if len(tests) > 1 else ''})")
    parts += facts.get("suspicions", [])
    return "; ".join(parts)


def summary(rows: Sequence[Row], total: int) -> str:
    """The counts in one line."""
    found = Counter(r.state for r in rows)
    states = ", ".join(f"{found[state]:,} {state}" for state in sorted(found, key=best_first))
    seconds = sum(r.seconds for r in rows)
    parts = [f"{states or 'none yet'}", f"{seconds / 60:,.1f} worker minutes"]
    if any(r.cost is not None for r in rows):
        parts.append(spent(sum(r.cost or 0 for r in rows), sum(r.unpriced for r in rows)))
    return f"{len(rows):,} of {total:,} instances: {'; '.join(parts)}"


def spent(cost: float, unpriced: int) -> str:
    """What a batch cost, when so many of its instances have no known price."""
    if not unpriced:
        return f"${cost:,.2f}"
    return f"over ${cost:,.2f} ({unpriced:,} of unknown cost)" if cost else "cost unknown"


def markdown(title: str, rows: Sequence[Row], total: int) -> str:
    """The report as Markdown."""
    lines = [f"# {title}", "", summary(rows, total), ""]
    lines += [
        "| instance | state | seconds | steps | cost | note |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for r in rows:
        steps = "" if r.steps is None else str(r.steps)
        note = r.note.replace("|", "\\|")
        lines.append(f"| {r.instance} | {r.state} | {r.seconds:.1f} | {steps} | {r.money} | {note} |")
    return "\n".join(lines) + "\n"


TONES = ("good", "done", "bad", "rest")
_GOOD = frozenset({"resolved", "sound"})


def tone(state: str) -> str:
    """How a state is coloured: `good`, `done` (not graded yet), `bad`, or `rest` (ended without a result)."""
    if state in _GOOD:
        return "good"
    if state == "submitted":
        return "done"
    return "bad" if state.startswith("not ") else "rest"


def best_first(state: str) -> tuple[int, str]:
    """Sorts states from good to bad."""
    return TONES.index(tone(state)), state
