"""A run's facts in words, the same on every screen. Text from models and tools is made visible first."""

import re

from kimi_mcp.agent import events as ev
from kimi_mcp.agent import limits
from kimi_mcp.agent.state import State
from kimi_tools.visible import reveal_line

STATUS = {
    "submitted": "Submitted",
    "answered": "Answered",
    "limit": "Stopped at its budget",
    "stuck": "Stopped: no progress",
    "cancelled": "Cancelled",
    "model_failed": "Stopped: the model failed",
    "crashed": "Crashed",
}


def short(text: str, width: int = 100) -> str:
    """The first line with something in it, cut to `width` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = reveal_line(line)
    return line if len(line) <= width else f"{line[: width - 1]}…"


def asked(text: str) -> str:
    """What the user said, without what the harness put around it."""
    return text.split("<issue>")[-1].replace("</issue>", "").strip()


def count(number: float) -> str:
    """A number of tokens as people say it: 950, 12.3k, 1.2M."""
    if number < 1_000:
        return f"{number:.0f}"
    return f"{number / 1_000:.1f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def used(state: State, *, ticking: bool = False) -> str:
    """What the run has used: step, tokens with the cached part, money, time left.

    `ticking`: time runs on behind the last event, which is right for a run that is at work now only.
    """
    budget = state.started.budget if state.started else ev.Budget()
    parts = [f"step {state.step}" + (f"/{budget.steps}" if budget.steps else "")]
    cached = f" ({100 * state.cached_tokens // state.prompt_tokens} % cached)" if state.prompt_tokens else ""
    parts.append(f"{count(state.tokens)} tokens{cached}")
    if state.unpriced:
        parts.append("cost unknown")
    else:
        parts.append(f"${state.cost:.3f}" + (f" of ${budget.cost:.2f}" if budget.cost else ""))
    passed = limits.seconds(state) if ticking and not state.ended else state.seconds
    done = state.ended is not None or not budget.seconds
    parts.append(clock(passed) if done else f"{clock(max(0.0, budget.seconds - passed))} left")
    return " · ".join(parts)


def doing(state: State) -> str:
    """The plan's current item with its number; empty without a plan."""
    for number, item in enumerate(state.plan, 1):
        if item.state == "doing":
            return f"[{number}/{len(state.plan)}] {short(item.text, 60)}"
    done = sum(item.state in ("done", "dropped") for item in state.plan)
    return f"[{done}/{len(state.plan)}]" if state.plan else ""


def result(event: ev.Returned) -> str:
    """What one call came to, in a few words."""
    if event.reproduction:
        code = event.reproduction.exit_code
        return "exit code 0: the issue does not show" if code == 0 else f"exit code {code}: the issue shows"
    if event.tests and (event.tests.passed or event.tests.failed):
        return f"{len(event.tests.passed)} passed, {len(event.tests.failed)} failed"
    return short(re.sub(r"[;,] hash [0-9a-f]{6,}\b", "", event.text))


def reranked(event: ev.Reranked) -> str:
    """Which places the model chose before the run, or why the computed order stands."""
    if event.order:
        return f"to look at first, by the model: {', '.join(short(path, 80) for path in event.order)}"
    return f"the likely places stand in the computed order: {short(event.problem, 160)}"


def sent_back(event: ev.Submitted) -> str:
    """Why a submission was sent back."""
    return "; ".join(map(short, event.evidence.problems)) or "to review the patch as a whole"


def touched(files: tuple[ev.Touched, ...]) -> str:
    """The changed files with their added and removed lines."""
    return ", ".join(
        f"{short(file.path, 80)} +{max(file.added, 0)} -{max(file.removed, 0)}" for file in files
    )


def checks(evidence: ev.Evidence) -> list[tuple[bool | None, str]]:
    """What was measured: good, bad or unknown, and the words for it."""
    rows: list[tuple[bool | None, str]] = []
    if evidence.reproduced_before is not None:
        before = "fails" if evidence.reproduced_before else "does not fail"
        rows.append((evidence.reproduced_before, f"the reproduction {before} without the patch"))
    if evidence.passes_after is not None:
        after = "passes" if evidence.passes_after else "still fails"
        rows.append((evidence.passes_after, f"the reproduction {after} with the patch"))
    if evidence.fixed:
        rows.append((True, f"fixed: {_names(evidence.fixed)}"))
    if evidence.passing:
        tests = "test passes" if evidence.passing == 1 else "tests pass"
        rows.append((True, f"{evidence.passing} {tests} with the patch"))
    if evidence.broken:
        rows.append((False, f"broken: {_names(evidence.broken)}"))
    if evidence.failing:
        rows.append((False, f"failing: {_names(evidence.failing)}"))
    rows += [(False, short(problem, 160)) for problem in evidence.problems]
    return rows or [(None, "nothing was measured")]


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(short(name, 80) for name in names[:4]) + more
