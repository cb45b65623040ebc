"""The run's cost over time as one inline SVG."""

from html import escape

from kimi_mcp.runs.export.steps import Step

WIDTH, HEIGHT = 860, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 30


def cost_plot(steps: list[Step], began: float) -> str:
    """Dollars spent over minutes, one dot per step; tokens where no price is known. Empty below two steps."""
    if len(steps) < 2:
        return ""
    priced = steps[-1].spent > 0
    tokens = 0
    values: list[float] = []
    for step in steps:
        tokens += step.answered.answer.usage.prompt + step.answered.answer.usage.completion
        values.append(step.spent if priced else tokens)
    times = [max(0.0, step.answered.at - began) for step in steps]
    wide, high = max(times[-1], 1e-6), max(values[-1], 1e-9)

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time / wide

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / high

    def label(value: float) -> str:
        return f"${value:.3f}" if priced else f"{value / 1000:.0f}k"

    points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in zip(times, values, strict=True))
    area = f"{x(times[0]):.1f},{y(0):.1f} {points} {x(times[-1]):.1f},{y(0):.1f}"
    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(high * part):.1f}" y2="{y(high * part):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y(high * part) + 4:.1f}" text-anchor="end">{label(high * part)}</text>'
        for part in (0, 0.5, 1)
    )
    ticks = "".join(
        f'<text x="{x(wide * part):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{_time(wide * part)}</text>'
        for part in (0, 0.25, 0.5, 0.75, 1)
    )
    dots = "".join(
        f'<a href="#step-{step.answered.step}"><circle cx="{x(t):.1f}" cy="{y(v):.1f}" r="3.5">'
        f"<title>step {step.answered.step}: {escape(label(v))} after {_time(t)}</title></circle></a>"
        for step, t, v in zip(steps, times, values, strict=True)
    )
    name = "Cost" if priced else "Tokens"
    return (
        f'<figure class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name} over time">'
        f'<g class="grid">{grid}{ticks}</g><polygon points="{area}"/><polyline points="{points}"/>{dots}</svg>'
        f"<figcaption>{name} over time; each dot is a step.</figcaption></figure>"
    )


def _time(seconds: float) -> str:
    if seconds >= 60:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
    return f"{seconds:.0f} s" if seconds >= 10 or not seconds else f"{seconds:.1f} s"
