"""A batch's report as one self-contained HTML page: no script, no network; readable on a phone and in the dark.

Plots are boxes with a width or height in per cent, so that they fit any screen and their words stay readable.
"""

import html
import math
from collections import Counter
from collections.abc import Callable, Sequence

from kimi_mcp.swebench.report import Row, best_first, summary, tone

BINS = 24
"""Bars of a distribution at most."""

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --soft: #60646c; --line: #e2e4e9;
  --box: #f6f7f9;
  --good: #18794e; --done: #0b68cb; --bad: #cd2b31; --rest: #a35200; --bar: #7c8ba1; }
@media (prefers-color-scheme: dark) { :root { --page: #111113; --text: #edeef0; --soft: #b0b4ba;
  --line: #2e3135;
  --box: #18191b; --good: #3dd68c; --done: #70b8ff; --bad: #ff9592; --rest: #ffa057; --bar: #7c8ba1; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 3rem;
  background: var(--page); color: var(--text); font-variant-numeric: tabular-nums; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .6rem; } p { color: var(--soft);
  margin: .2rem 0 1rem; }
.good { color: var(--good); } .done { color: var(--done); } .bad { color: var(--bad); }
  .rest { color: var(--rest); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .6rem; margin: 0; }
dl div { background: var(--box); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.3rem; font-weight: 600;
  white-space: nowrap; } small { font-size: .85rem; font-weight: 400; }
.repo { display: grid; grid-template-columns: minmax(5rem, 9rem) 1fr 6rem; gap: .6rem; align-items: center;
  margin: .25rem 0; }
.repo span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .repo span:last-child { color: var(--soft); }
.bar { display: flex; height: 1rem; background: var(--box); border-radius: .2rem; overflow: hidden; }
.bar i { display: block; background: currentColor; } .bar i + i { border-left: 1px solid var(--page); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0 2rem; }
.columns { display: flex; align-items: flex-end; height: 8rem; gap: 1px; border-bottom: 1px solid var(--soft); }
.columns i { flex: 1; background: var(--bar); border-radius: .15rem .15rem 0 0; }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; } th { position: sticky; top: 0; background: var(--page);
  color: var(--soft); }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child, td.note { overflow-wrap: anywhere; } td:first-child { min-width: 13rem; }
.n { text-align: right; white-space: nowrap; } td.note { min-width: 15rem; color: var(--soft); }
  td:nth-child(2) { white-space: nowrap; }
@media (max-width: 40rem) { thead { display: none; } tr { display: flex; flex-wrap: wrap; gap: 0 .9rem;
  padding: .5rem 0;
  border-bottom: 1px solid var(--line); } td { border: 0; padding: 0; }
  td:first-child, td.note { flex-basis: 100%; min-width: 0; }
  td:first-child { font-weight: 600; } td:empty { display: none; }
  td:nth-child(4)::after { content: ' steps'; } }
"""


def page(title: str, rows: Sequence[Row], total: int) -> str:
    """The report as one self-contained HTML page."""
    plots = [_distribution("Time per instance", [r.seconds for r in rows], _time)]
    costs = [r.cost for r in rows if r.cost is not None and not r.unpriced]
    if any(costs):
        plots.append(_distribution("Cost per instance", costs, lambda cost: f"${cost:.2f}"))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(summary(rows, total))}</p>{_tiles(rows, total)}"
        f"{_repositories(rows)}<div class=plots>{''.join(plots)}</div><h2>Instances</h2>"
        "<table><thead><tr><th>instance<th>state<th class=n>time<th class=n>steps<th class=n>cost<th>note</thead>"
        f"<tbody>{''.join(map(_table_row, rows))}</tbody></table></html>\n"
    )


def _tiles(rows: Sequence[Row], total: int) -> str:
    """The counts, each state one, in the order good to bad."""
    states = Counter(r.state for r in rows)
    ordered = sorted(states, key=best_first)
    tiles = [
        (state, f"{states[state]:,}", f"{states[state] / len(rows):.0%}", tone(state)) for state in ordered
    ]
    if total > len(rows):
        tiles.append(("not done", f"{total - len(rows):,}", "", ""))
    if any(r.cost is not None for r in rows):
        tiles.append((*_cost(rows), "", ""))
    if rows:
        tiles.append(("median time", _time(sorted(r.seconds for r in rows)[len(rows) // 2]), "", ""))
    boxes = (
        f"<div><dt>{html.escape(name)}</dt><dd class='{colour}'>{value} <small>{share}</small></dd></div>"
        for name, value, share, colour in tiles
    )
    return f"<dl>{''.join(boxes)}</dl>"


def _cost(rows: Sequence[Row]) -> tuple[str, str]:
    """A tile's name and number; a number with words beside it would not fit."""
    cost = sum(r.cost or 0 for r in rows)
    if any(r.unpriced for r in rows):
        return ("cost over", f"${cost:,.2f}") if cost else ("cost", "unknown")
    return "cost", f"${cost:,.2f}"


def _repositories(rows: Sequence[Row]) -> str:
    """How many instances of each repository are in which state; the bars' lengths compare repositories."""
    by_repository: dict[str, Counter[str]] = {}
    for r in rows:
        by_repository.setdefault(_repository(r.instance), Counter())[r.state] += 1
    if not by_repository:
        return ""
    most = max(states.total() for states in by_repository.values())
    lines: list[str] = []
    for name, states in sorted(by_repository.items()):
        ordered = sorted(states, key=best_first)
        pieces = "".join(
            f"<i class={tone(state)} style='width:{100 * states[state] / most:.2f}%' "
            f"title='{states[state]} {html.escape(state, quote=True)}'></i>"
            for state in ordered
        )
        best = sum(count for state, count in states.items() if tone(state) in ("good", "done"))
        label = html.escape(name, quote=True)
        lines.append(
            f"<div class=repo><span title='{label}'>{label}</span><div class=bar>{pieces}</div>"
            f"<span>{best} of {states.total()}</span></div>"
        )
    return f"<h2>By repository</h2>{''.join(lines)}"


def _distribution(title: str, values: Sequence[float], told: Callable[[float], str]) -> str:
    """How many instances took how much, in equal steps from 0."""
    if not values:
        return ""
    top = max(values) or 1.0
    bins = min(BINS, max(4, math.ceil(math.sqrt(len(values)) * 2)))
    counts = Counter(min(bins - 1, int(value / top * bins)) for value in values)
    most = max(counts.values())
    columns = "".join(
        f"<i style='height:{100 * counts[n] / most:.1f}%' "
        f"title='{counts[n]}: {told(top * n / bins)} to {told(top * (n + 1) / bins)}'></i>"
        for n in range(bins)
    )
    return (
        f"<section><h2>{title} <span style='font-weight:400;color:var(--soft)'>(up to {most} in a bar)</span></h2>"
        f"<div class=columns role=img aria-label='{title}'>{columns}</div>"
        f"<div class=axis><span>{told(0)}</span><span>{told(top / 2)}</span><span>{told(top)}</span></div></section>"
    )


def _table_row(r: Row) -> str:
    return (
        f"<tr><td>{html.escape(r.instance)}<td class={tone(r.state)}>{html.escape(r.state)}"
        f"<td class=n>{_time(r.seconds)}<td class=n>{r.steps or ''}<td class=n>{r.money}"
        f"<td class=note>{html.escape(r.note)}</tr>"
    )


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds >= 3600:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes:02} min"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min"


def _repository(instance: str) -> str:
    name = instance.removeprefix("instance_")  # Pro
    return name.split("__")[0] if "__" in name else name.rpartition("-")[0]
