"""One event of the agent as updates of an ACP session."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from acp import helpers, schema

from kimi_mcp.agent import events as ev
from kimi_mcp.model.messages import Call, Usage
from kimi_mcp.runs import words

_KINDS: dict[str, schema.ToolKind] = {
    **dict.fromkeys(
        ("search_text", "find_files", "locate", "find_symbol", "find_references", "repo_map"), "search"
    ),
    **dict.fromkeys(("read_file", "outline", "read_result"), "read"),
    **dict.fromkeys(("edit_file", "write_file", "apply_patch", "rename_symbol", "undo"), "edit"),
    **dict.fromkeys(("run_tests", "run_command", "reproduce"), "execute"),
    "submit": "think",
}
_STATES: dict[str, schema.PlanEntryStatus] = {
    "todo": "pending", "doing": "in_progress", "done": "completed", "dropped": "completed",
}  # fmt: skip
META = "kimi-mcp"
"""Where we tell an editor of ours what ACP has no field for; others pass over it."""

SILENT = frozenset({"update_plan"})
"""Calls that are shown as something else."""

DIFF_BYTES = 400_000
"""Files above this are shown as the tool's own text, not as a diff."""


@dataclass(slots=True)
class Updates:
    """Turns events into updates; remembers what a running turn needs (arguments, files before an edit).

    `root`: the directory as the editor knows it; `copy`: where its files really are, when the run works in a
    copy. `replaying`: the events are of the past, so nothing was streamed and files are not read.
    """

    root: Path
    copy: Path | None = None
    window: int = 0
    replaying: bool = False
    terminals: dict[str, str] = field(default_factory=lambda: dict[str, str]())
    """By call: the editor's terminal that shows what it prints."""
    calls: dict[str, Call] = field(default_factory=lambda: dict[str, Call]())
    before: dict[str, str | None] = field(default_factory=lambda: dict[str, str | None]())
    cost: float = 0.0
    priced: bool = True
    """Whether every answer so far had a price; the sum is told only then."""
    tokens: int = 0
    told: set[str] = field(default_factory=lambda: set[str]())
    """Terminals that the editor shows already."""
    message: tuple[Any, str] = (None, "")
    """What the last piece of text belongs to, and the id of that message."""

    def of(self, event: ev.Event) -> Iterator[Any]:
        """The updates of one event; many events have none."""
        match event:
            case ev.Started():
                self.window = event.window
            case ev.Reranked():
                self._paid(event.usage, event.cost)
                yield self._of_message(helpers.update_agent_thought_text(f"{words.reranked(event)}\n"), event)
            case ev.Said(by="user", text=text) if self.replaying:
                yield self._of_message(helpers.update_user_message_text(words.asked(text)), event)
            case ev.Streamed(what="reasoning", text=text):
                yield self._of_message(helpers.update_agent_thought_text(text), event.step)
            case ev.Streamed(what="text", text=text):
                yield self._of_message(helpers.update_agent_message_text(text), event.step)
            case ev.Answered():
                yield from self._answered(event)
            case ev.Called():
                yield from self._called(event)
            case ev.Progressed(id="", message=message):  # the run's own work, not a call's
                yield helpers.start_tool_call(_id(event) + message, message, kind="other", status="completed")
            case ev.Progressed():
                content: Any = helpers.tool_content(helpers.text_block(event.message))
                if terminal := self.terminals.get(event.id):
                    if terminal in self.told:
                        return
                    self.told.add(terminal)
                    content = helpers.tool_terminal_ref(terminal)
                yield helpers.update_tool_call(_id(event), status="in_progress", content=[content])
            case ev.Returned():
                if event.usage:
                    self._paid(event.usage, event.cost)
                yield from self._returned(event)
            case ev.Folded():
                self._paid(event.usage, event.cost)
            case ev.Planned():
                yield helpers.update_plan(
                    helpers.plan_entry(item.text, status=_STATES[item.state]) for item in event.items
                )
            case ev.Troubled(text=text):
                yield self._of_message(helpers.update_agent_thought_text(f"\n{text}\n"), event)
            case ev.Submitted(accepted=True, summary=summary):
                text = f"\n{summary}\n{evidence(event.evidence)}"
                yield self._of_message(helpers.update_agent_message_text(text), event)
            case _:
                pass

    def _of_message(self, chunk: schema.ContentChunk, part: Any) -> schema.ContentChunk:
        """Tell which message a piece of text belongs to: two answers in a row are two. `part`: the step, or what else
        speaks."""
        key = (type(chunk), part)
        if self.message[0] != key:
            self.message = (key, str(uuid4()))
        chunk.message_id = self.message[1]
        return chunk

    def _answered(self, event: ev.Answered) -> Iterator[Any]:
        answer = event.answer
        self.calls = {call.id: call for call in answer.message.calls}
        self._paid(answer.usage, answer.cost)
        if self.replaying:
            if answer.message.reasoning:
                thought = helpers.update_agent_thought_text(answer.message.reasoning)
                yield self._of_message(thought, event.step)
            if answer.message.text:
                yield self._of_message(helpers.update_agent_message_text(answer.message.text), event.step)
        yield schema.UsageUpdate(
            session_update="usage_update",
            used=answer.usage.prompt + answer.usage.completion,
            size=max(self.window, 1),
            cost=schema.Cost(amount=self.cost, currency="USD") if self.priced else None,
            field_meta={META: {"tokens": self.tokens}},
        )

    def _paid(self, usage: Usage, cost: float | None) -> None:
        self.cost += cost or 0.0
        self.priced = self.priced and (cost is not None or not usage.prompt)
        self.tokens += usage.prompt + usage.completion

    def _called(self, event: ev.Called) -> Iterator[Any]:
        if event.name in SILENT:
            return
        path = self._path(event.id)
        if path is not None and _KINDS.get(event.name) == "edit" and not self.replaying:
            self.before[event.id] = _text(self._real(path))
        yield helpers.start_tool_call(
            _id(event),
            event.title,
            kind=_KINDS.get(event.name, "other"),
            status="in_progress",
            locations=[schema.ToolCallLocation(path=str(path))] if path else None,
            raw_input=dict(call.arguments or {}) if (call := self.calls.get(event.id)) else None,
        )

    def _returned(self, event: ev.Returned) -> Iterator[Any]:
        if event.name in SILENT:
            return
        path = self._path(event.id)
        content: Any = helpers.tool_content(helpers.text_block(event.text))
        if event.id in self.before and path is not None and not event.failed:
            old, new = self.before.pop(event.id), _text(self._real(path))
            if new is not None and old != new:
                content = helpers.tool_diff_content(str(path), new, old)
        status = "failed" if event.failed else "completed"
        contents = [content]
        if terminal := self.terminals.pop(event.id, ""):
            head = helpers.tool_content(helpers.text_block(event.text.partition("\n")[0]))
            contents = [helpers.tool_terminal_ref(terminal), head]
        yield helpers.update_tool_call(_id(event), status=status, content=contents)

    def _real(self, path: Path) -> Path:
        return (
            self.copy / path.relative_to(self.root) if self.copy and path.is_relative_to(self.root) else path
        )

    def _path(self, call: str) -> Path | None:
        """The file that a call names, as the editor knows it: by its absolute path."""
        made = self.calls.get(call)
        named = (made.arguments or {}).get("path") if made else None
        return self.root / named if isinstance(named, str) and named not in ("", ".") else None


def evidence(found: ev.Evidence) -> str:
    """What the harness measured, in a few lines for the chat."""
    lines = [f"- {item.path} ({item.status}, +{item.added} −{item.removed})" for item in found.touched]
    if found.passes_after is not None:
        before = "failed" if found.reproduced_before else "did not fail"
        lines.append(
            f"- reproduction: {before} before, {'passes' if found.passes_after else 'still fails'} now"
        )
    if found.passing or found.failing:
        lines.append(
            f"- tests: {found.passing} pass, {len(found.failing)} fail, {len(found.broken)} newly broken"
        )
    lines += [f"- {problem}" for problem in found.problems]
    return "\n".join(["", "Measured:", *lines]) if lines else ""


def _id(event: ev.Called | ev.Returned | ev.Progressed) -> str:
    """A host may use the same call id in every answer; a session must not."""
    return f"{event.step}.{event.id}"


def _text(path: Path) -> str | None:
    try:
        if path.is_symlink() or path.stat().st_size > DIFF_BYTES:
            return None
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
