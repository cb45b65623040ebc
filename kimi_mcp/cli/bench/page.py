"""The report as one page that needs nothing from elsewhere: bars per task, light and dark, down to 320 px wide."""

import html

from kimi_mcp.cli.bench.measure import Report, Row

_STYLE = """
:root{color-scheme:light dark;--ours:#2563eb;--other:#94a3b8;--ink:#0f172a;--soft:#526077;--page:#fff;--line:#e2e8f0}
@media (prefers-color-scheme:dark){:root{--ours:#60a5fa;--other:#64748b;--ink:#e2e8f0;--soft:#a3b1c6;--page:#0f172a;
--line:#293548}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--page)}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
p{margin:.4rem 0;color:var(--soft)}
section{border-top:1px solid var(--line);padding:.7rem 0}
h3{font-size:1rem;font-weight:600;margin:0 0 .3rem;overflow-wrap:anywhere}
.bar{display:grid;grid-template-columns:8.5rem 1fr;gap:.5rem;align-items:center;font-size:.85rem;
font-variant-numeric:tabular-nums}
.bar svg{display:block;width:100%;height:14px}
.bar small{grid-column:2;color:var(--soft);margin:-.35rem 0 .3rem;font-size:.8rem}
.ours{fill:var(--ours)}.other{fill:var(--other)}.tick{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
dl{margin:0}dt{font-weight:600;overflow-wrap:anywhere}dd{margin:0 0 .5rem;color:var(--soft);overflow-wrap:anywhere}
@media (max-width:30rem){.bar{grid-template-columns:1fr;gap:0 .5rem}.bar small{grid-column:1;margin:0 0 .4rem}}
"""


def page(report: Report, repository: str, notes: list[str]) -> str:
    """The whole page."""
    title = f"kimi-mcp bench: {html.escape(repository)}"
    said = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    starts = " · ".join(f"{html.escape(name)} {_ms(took)}" for name, took in report.started.items())
    rows = "".join(_section(row) for row in report.rows)
    missing = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(why)}</dd>" for name, why in report.not_run.items()
    )
    rest = f"<h2>Not measured</h2><dl>{missing}</dl>" if missing else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{said}"
        f"<p>From a server's start to its first answer: {starts}</p><h2>Tasks</h2>{rows}{rest}</body></html>\n"
    )


def _section(row: Row) -> str:
    everybody = {"kimi-mcp": row.ours, **row.others}
    most = max(one.p95 for one in everybody.values())
    bars: list[str] = []
    for name, times in everybody.items():
        width, tick = 100 * times.median / most, 100 * times.p95 / most
        kind = "ours" if name == "kimi-mcp" else "other"
        label = f"{name}: median {_ms(times.median)}, 95th percentile {_ms(times.p95)}"
        ratio = "" if name == "kimi-mcp" else f", {row.ratio(name):.1f} times ours"
        bars.append(
            f'<div class="bar"><span>{html.escape(name)}</span>'
            f'<svg viewBox="0 0 100 14" preserveAspectRatio="none" role="img" aria-label="{html.escape(label)}">'
            f'<rect class="{kind}" y="2" width="{max(width, 0.4):.2f}" height="10" rx="1"/>'
            f'<line class="tick" x1="{tick:.2f}" x2="{tick:.2f}" y1="0" y2="14"/></svg>'
            f"<small>{_ms(times.median)}{ratio}; 95 % below {_ms(times.p95)}, first {_ms(times.first)}</small></div>"
        )
    return f"<section><h3>{html.escape(row.task)}</h3>{''.join(bars)}</section>"


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"
