"""A run as lines: plain words for a pipe or a log, or one JSON event per line."""

import sys

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.state import State
from kimi_mcp.runs import words


class JsonLines:
    """Every recorded event as one line of JSON, flushed at once."""

    def show(self, event: ev.Event) -> None:
        """Print one event."""
        if ev.recorded(event):
            sys.stdout.buffer.write(ev.to_json(event).encode() + b"\n")  # JSON is UTF-8 whatever the locale
            sys.stdout.buffer.flush()

    def know(self, event: ev.Event) -> None:
        """What an earlier process printed is not printed again."""

    def close(self) -> None:
        """Nothing is held."""


class PlainLines:
    """One line per thing that happened."""

    def __init__(self) -> None:
        self.state = State()

    def show(self, event: ev.Event) -> None:
        """Print what a person wants to know of it."""
        self.state.apply(event)
        line = self._line(event)
        if line:
            print(line, flush=True)

    def know(self, event: ev.Event) -> None:
        """Count what was before."""
        self.state.apply(event)

    def close(self) -> None:
        """Nothing is held."""

    def _line(self, event: ev.Event) -> str:
        match event:
            case ev.Started():
                return f"model {event.model}, mode {event.mode}"
            case ev.Reranked():
                return f"  {words.reranked(event)}"
            case ev.Said(by="user"):
                return f"{event.about}: {words.short(words.asked(event.text))}"
            case ev.Said():
                return f"note ({event.about}): {words.short(event.text)}"
            case ev.Answered():
                said = event.answer.message.text
                return f"[{words.used(self.state)}]" + (f" {words.short(said)}" if said else "")
            case ev.Returned():
                mark = "failed" if event.failed else "ok"
                return f"  {event.name} {mark} ({event.seconds:.1f} s): {words.result(event)}"
            case ev.Patched():
                return f"  changed: {words.touched(event.touched) or 'nothing any more'}"
            case ev.Planned():
                return f"  plan: {words.doing(self.state)}"
            case ev.Folded():
                return f"  context made smaller ({event.how}, {words.count(event.before)} tokens)"
            case ev.Submitted():
                return "  submission " + (
                    "accepted" if event.accepted else f"sent back: {words.sent_back(event)}"
                )
            case ev.Troubled():
                return f"  trouble: {words.short(event.text, 200)}"
            case ev.Resumed():
                return f"resumed with {event.model}"
            case ev.Attempted():
                verified = "verified" if event.outcome.evidence.verified else "not verified"
                return f"  attempt {event.number} ended, {verified}"
            case ev.Ended():
                return self._end(event.outcome)
            case _:
                return ""

    def _end(self, outcome: ev.Outcome) -> str:
        marks = {True: "+", False: "-", None: "?"}
        rows = [f"  {marks[good]} {text}" for good, text in words.checks(outcome.evidence)]
        head = f"{words.STATUS[outcome.status]}: {words.short(outcome.reason, 300)}"
        files = f"  patch: {words.touched(outcome.evidence.touched) or 'empty'}"
        return "\n".join([head, files, *rows, f"  {words.used(self.state)}"])
