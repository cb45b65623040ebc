"""A run as one self-contained HTML page: no script, no address but its own.

Everything from the model, the tools and the repository is escaped and made visible.
"""

import base64
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from kimi_mcp.agent import events as ev
from kimi_mcp.model.messages import Call, Image
from kimi_mcp.runs import words
from kimi_mcp.runs.export.plot import cost_plot
from kimi_mcp.runs.export.steps import Part, Step, Trajectory, trajectory
from kimi_tools.visible import reveal

_SHORT = 600
"""Results below this many characters are shown at once."""

_DIFF = (("+++", "meta"), ("---", "meta"), ("@@", "hunk"), ("diff ", "file"), ("+", "add"), ("-", "del"))


def page(run: str, events: list[ev.Event]) -> str:
    """The whole page."""
    whole = trajectory(events)
    style = files("kimi_mcp.runs.export").joinpath("page.css").read_text("utf-8")
    title = _title(whole)
    parts = "\n".join(_part(part) for part in whole.parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{_text(title)} — kimi-mcp</title><style>{style}</style>"
        f"<main>{_head(run, title, whole)}{_evidence(whole)}{_patch(whole)}"
        f"<h2>What happened</h2>{_plot(whole)}<ol class='steps'>{parts}</ol></main></html>\n"
    )


def _title(whole: Trajectory) -> str:
    text = whole.state.asks[0].text if whole.state.asks else "A run"
    return words.short(words.asked(text).lstrip("# "), 140) or "A run"


def _head(run: str, title: str, whole: Trajectory) -> str:
    state, outcome = whole.state, whole.outcome
    status = outcome.status if outcome else "running"
    good = outcome is not None and status == "submitted" and outcome.evidence.verified
    cached = f" ({100 * state.cached_tokens // state.prompt_tokens} % cached)" if state.prompt_tokens else ""
    cost = "not known" if state.unpriced else f"${state.cost:.4f}"
    facts = [
        ("Model", state.started.model if state.started else "?"),
        ("Steps", str(state.step)),
        ("Tokens", f"{state.tokens:,}{cached}"),
        ("Cost", cost),
        ("Time", f"{state.seconds / 60:.1f} min"),
        ("Run", run),
    ]
    rows = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts)
    reason = f"<p class='reason'>{_text(outcome.reason)}</p>" if outcome else ""
    summary = f"<div class='summary'>{_text(outcome.summary)}</div>" if outcome and outcome.summary else ""
    word = f"{status}, verified" if good else status.replace("_", " ")
    badge = f"<span class='badge {'good' if good else 'open'}'>{_text(word)}</span>"
    return f"<header>{badge}<h1>{_text(title)}</h1>{reason}<dl>{rows}</dl>{summary}</header>"


def _evidence(whole: Trajectory) -> str:
    outcome = whole.outcome
    if outcome is None:
        return ""
    found = outcome.evidence
    rows: list[str] = []
    if found.reproduced_before is not None or found.passes_after is not None:
        before = {True: "fails", False: "passes", None: "not measured"}[found.reproduced_before]
        after = {True: "passes", False: "fails", None: "not measured"}[found.passes_after]
        rows.append(_row("The reproduction", before, after))
    rows += [_row(test, "fails", "passes") for test in found.fixed[:50]]
    rows += [_row(test, "passes", "fails") for test in found.broken[:50]]
    rows += [_row(test, "not measured", "fails") for test in found.failing[:50]]
    if found.passing:
        rows.append(f"<tr><td>{found.passing:,} tests pass with the patch</td><td></td><td></td></tr>")
    problems = "".join(f"<li>{_text(problem)}</li>" for problem in found.problems)
    table = (
        "<table><thead><tr><th></th><th>without the patch</th><th>with it</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
        if rows
        else "<p>Nothing was measured.</p>"
    )
    return (
        f"<section><h2>Evidence</h2>{table}"
        + (f"<ul class='problems'>{problems}</ul>" if problems else "")
        + "</section>"
    )


def _row(name: str, before: str, after: str) -> str:
    def cell(word: str) -> str:
        return f"<td class='{word.split()[0]}'>{word}</td>"

    return f"<tr><td><code>{_text(name)}</code></td>{cell(before)}{cell(after)}</tr>"


def _patch(whole: Trajectory) -> str:
    outcome = whole.outcome
    patch = outcome.patch if outcome else (whole.state.patched.patch if whole.state.patched else "")
    if not patch:
        return "<section><h2>Patch</h2><p>Empty.</p></section>"
    return f"<section><h2>Patch</h2>{_diff(patch)}</section>"


def _plot(whole: Trajectory) -> str:
    return cost_plot(whole.steps, whole.state.started.at if whole.state.started else 0.0)


def _part(part: Part) -> str:
    match part:
        case ev.Said(by="user"):
            body = _text(words.asked(part.text))
            shown = "".join(map(_picture, part.images))
            return f"<li class='said user'><b>User</b><div class='text'>{body}</div>{shown}</li>"
        case ev.Reranked():
            return f"<li class='said harness'><b>Places</b> <span>{_text(words.reranked(part))}</span></li>"
        case ev.Said():
            return f"<li class='said harness'><b>Harness</b> <span>{_text(part.text)}</span></li>"
        case ev.Folded():
            how = "older results hidden" if part.how == "hide" else "handed over to a fresh context"
            return (
                f"<li class='said harness'><b>Context</b> <span>{how} at {part.before:,} tokens</span></li>"
            )
        case ev.Attempted():
            proof = "verified" if part.outcome.evidence.verified else "not verified"
            return f"<li class='said harness'><b>Attempt {part.number}</b> <span>ended, {proof}</span></li>"
        case ev.Troubled():
            return f"<li class='said trouble'><b>Trouble</b> <span>{_text(part.text)}</span></li>"
        case ev.Resumed():
            return "<li class='said harness'><b>Resumed</b></li>"
        case Step():
            return _step(part)


def _picture(image: Image) -> str:
    data = base64.b64encode(image.data).decode("ascii")
    return f'<img alt="a picture of the issue" src="data:{escape(image.media_type)};base64,{data}">'


def _step(step: Step) -> str:
    answer = step.answered.answer
    message = answer.message
    number = step.answered.step
    usage = f"{answer.usage.prompt:,} + {answer.usage.completion:,} tokens · {answer.seconds:.1f} s"
    cost = f" · ${answer.cost:.4f}" if answer.cost is not None else ""
    parts = [f"<div class='bar'><a href='#step-{number}'>{number}</a><span>{usage}{cost}</span></div>"]
    if message.reasoning:
        first = " ".join(message.reasoning.split())[:110]
        parts.append(
            f"<details class='thought'><summary>{_text(first)}…</summary>"
            f"<div class='text'>{_text(message.reasoning)}</div></details>"
        )
    if message.text:
        parts.append(f"<div class='text answer'>{_text(message.text)}</div>")
    results = {result.id: result for result in step.returned}
    parts += [_call(call, results.get(call.id)) for call in message.calls]
    if step.patched and step.patched.patch:
        files = ", ".join(file.path for file in step.patched.touched)
        parts.append(
            f"<details class='patch'><summary>The patch now: {_text(files)}</summary>"
            f"{_diff(step.patched.patch)}</details>"
        )
    parts += [f"<p class='note'>{_text(note)}</p>" for note in answer.notes]
    return f"<li class='step' id='step-{number}'>{''.join(parts)}</li>"


def _call(call: Call, result: ev.Returned | None) -> str:
    shown = _arguments(call.arguments if call.arguments is not None else {"arguments": call.raw})
    if result is None:
        return f"<div class='call'><code>{_text(call.name)}</code>{shown}<em>no result</em></div>"
    mark = "failed" if result.failed else "ok"
    head = f"<code>{_text(call.name)}</code> <span>{result.seconds:.1f} s</span>"
    return f"<div class='call {mark}'>{head}{shown}{_result(result.text)}</div>"


def _result(text: str) -> str:
    """A short result as it is; a longer one behind its first line."""
    first, _, rest = text.strip().partition("\n")
    if not rest:
        return f"<div class='text'>{_text(first)}</div>"
    body = _diff(rest) if "\n@@ " in text else f"<pre>{_text(rest)}</pre>"
    opened = " open" if len(rest) < _SHORT else ""
    return f"<details{opened}><summary>{_text(first[:160])}</summary>{body}</details>"


def _arguments(arguments: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<div><dt>{_text(name)}</dt>"
        f"<dd>{_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}</dd></div>"
        for name, value in arguments.items()
    )
    return f"<dl class='arguments'>{cells}</dl>" if cells else ""


def _diff(text: str) -> str:
    lines: list[str] = []
    for line in reveal(text).splitlines():
        if line.startswith("index "):
            continue
        kind = next((name for start, name in _DIFF if line.startswith(start)), "")
        lines.append(
            f"<span class='{kind}'>{escape(line)}</span>" if kind else f"<span>{escape(line)}</span>"
        )
    return f"<pre class='diff'>{''.join(lines)}</pre>"


def _text(text: str) -> str:
    return escape(reveal(text))
