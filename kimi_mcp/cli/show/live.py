"""A run on a terminal: what happened scrolls up, what happens now stays in the last lines."""

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.spinner import Spinner
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.state import State
from kimi_mcp.runs import words
from kimi_tools.visible import reveal

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
PLAN = {"todo": ("○", "dim"), "doing": ("◐", "cyan"), "done": ("●", "green"), "dropped": ("–", "dim")}
PATCH_LINES = 60
_NOISE = ("diff --git ", "index ", "new file mode ", "deleted file mode ", "similarity index ")
"""Lines of a patch that tell a reader nothing that `---` and `+++` don't."""


class Live:
    """The terminal of a run."""

    def __init__(self, console: Console | None = None, *, ticking: bool = True) -> None:
        self.console = console or Console(highlight=False)
        self.state = State()
        self.ticking = ticking
        self.now = "starting"
        self.titles: dict[str, str] = {}
        self.spinner = Spinner("dots", style="cyan")
        self.live = RichLive(
            self, console=self.console, refresh_per_second=8, transient=True, redirect_stdout=False
        )
        self.live.start()

    def know(self, event: ev.Event) -> None:
        """Count what was before."""
        self.state.apply(event)

    def close(self) -> None:
        """Give the terminal back."""
        self.live.stop()

    def __rich__(self) -> RenderableType:
        """The lines that stay: the plan, what happens now, what is used."""
        wide = max(20, self.console.width - 4)
        rows: list[RenderableType] = [
            Text(f"  {self._mark(item)} {words.short(item.text, wide)}", self._style(item))
            for item in self.state.plan
        ]
        self.spinner.text = Text(words.short(self.now, wide), "cyan")
        used = words.used(self.state, ticking=self.ticking)
        return Group(*rows, self.spinner, Text(f"  {words.short(used, wide)}", "dim"))

    def show(self, event: ev.Event) -> None:
        """Take an event in, and print it above when it is one to keep in sight."""
        self.state.apply(event)
        match event:
            case ev.Streamed():
                self.now = "thinking" if event.what == "reasoning" else "answering"
                self.now = event.text if event.what == "retry" else self.now
            case ev.Progressed():
                title = self.titles.get(event.id, "")
                self.now = f"{title}: {event.message}" if title else event.message
            case ev.Called():
                self.titles[event.id] = event.title
                self.now = event.title
            case ev.Ended():
                self.live.stop()
                self.console.print(self._end(event.outcome))
            case _:
                self._keep(event)

    def _keep(self, event: ev.Event) -> None:
        text = self._text(event)
        if text is not None:
            self.console.print(text, no_wrap=True, overflow="ellipsis")

    def _text(self, event: ev.Event) -> Text | None:
        match event:
            case ev.Started():
                return Text.assemble(("kimi-mcp ", "bold cyan"), event.model, (f" · {event.mode}", "dim"))
            case ev.Reranked():
                return Text(f"     ⇅ {words.reranked(event)}", "dim")
            case ev.Said(by="user"):
                return Text(f"▌ {words.short(words.asked(event.text), 100)}", "bold")
            case ev.Said():
                return Text(f"     ! {words.short(event.text, 120)}", "yellow")
            case ev.Answered():
                return self._answer(event)
            case ev.Returned(name="submit", failed=True):
                return None
            case ev.Returned():
                style = "red" if event.failed else ""
                title = self.titles.pop(event.id, event.name)
                return Text.assemble(
                    ("     ● " if not event.failed else "     ✗ ", style or "green"),
                    (words.short(title, 48), "bold"),
                    (f"  {words.result(event)}", style or "dim"),
                )
            case ev.Patched():
                return Text(f"     ✎ {words.touched(event.touched) or 'back to the start'}", "magenta")
            case ev.Submitted(accepted=False):
                return Text(f"     ↩ sent back: {words.sent_back(event)}", "yellow")
            case ev.Folded():
                return Text(f"     ⇣ context made smaller ({event.how})", "dim")
            case ev.Troubled():
                return Text(f"     ! {words.short(event.text, 160)}", "red")
            case ev.Attempted():
                verified = "verified" if event.outcome.evidence.verified else "not verified"
                return Text(f"▌ attempt {event.number} ended, {verified}", "bold yellow")
            case ev.Resumed():
                return Text("▌ resumed", "bold")
            case _:
                return None

    def _answer(self, event: ev.Answered) -> Text:
        message = event.answer.message
        said = words.short(message.text, 110) or words.short(message.reasoning, 110)
        style = "" if message.text else "italic dim"
        return Text.assemble((f"{event.step:>4} ", "cyan"), (said or "…", style))

    def _end(self, outcome: ev.Outcome) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        for good, text in words.checks(outcome.evidence):
            mark, style = MARKS[good]
            rows.add_row(Text(mark, style), Text(text))
        good = outcome.status == "submitted" and outcome.evidence.verified
        head = Text(words.STATUS[outcome.status], "bold green" if good else "bold yellow")
        head.append(f" — {words.short(outcome.reason, 200)}", "not bold")
        parts: list[RenderableType] = [head, "", rows]
        if outcome.summary:
            parts += ["", Text(reveal(outcome.summary.strip()), "italic")]
        if outcome.patch:
            lines = [line for line in reveal(outcome.patch).splitlines() if not line.startswith(_NOISE)]
            parts.append("")
            parts.append(Syntax("\n".join(lines[:PATCH_LINES]), "diff", theme="ansi_dark", word_wrap=True))
            if len(lines) > PATCH_LINES:
                parts.append(Text(f"… {len(lines) - PATCH_LINES} more lines", "dim"))
        parts += ["", Text(words.used(self.state), "dim")]
        return Panel(Group(*parts), border_style="green" if good else "yellow", expand=False)

    def _mark(self, item: ev.PlanItem) -> str:
        return PLAN[item.state][0]

    def _style(self, item: ev.PlanItem) -> str:
        return PLAN[item.state][1]
