"""Keeping the prompt within the model's window without losing the goal.

The history only grows, so that the host's prefix cache serves it, until a threshold; then, in one batch, the
older tool results are hidden; and when that no longer helps, everything is replaced by a handoff that the
model writes itself, with the user's words, the plan, the current patch and the failing tests. Rolling masks
would break the cache at every step: at K2.6 prices, 250 steps cost $7.23 rolling and $4.75 in batches
(facts measured 2026-11-21).
"""

from collections.abc import Sequence
from typing import Literal

from kimi_mcp.agent.events import Folded, Said
from kimi_mcp.agent.functions import plan_text
from kimi_mcp.agent.state import HIDE_ABOVE, State
from kimi_mcp.model.messages import Answer, Assistant, CallResult, Image, Message, Usage, User
from kimi_tools.clip import clip

WINDOW_USED = 262_144
"""Larger windows are treated as this one: a prompt that long is paid for at every step."""

HIDE_AT, HANDOFF_AT = 0.60, 0.85
KEEP_TOKENS = 40_000
"""The newest part of the history that a batch leaves alone; at most a quarter of the window."""

WORTH_HIDING = 0.10
"""A batch must free this part of the window, or the cache is broken for nothing."""

CHARS_PER_TOKEN = 4
"""For weighing parts of the history against each other; the whole is the model's own estimate."""

ASKS_CHARS = 60_000
"""About 20k tokens of the user's own words go into a handoff."""

HANDOFF_REQUEST = (
    "The context is nearly full. It will be replaced by a note that you write now, to yourself. In the first "
    "person, in at most 600 words, without calling functions: what I know about the cause and where it is "
    "(files, functions, lines); what I tried and what came of it; what I changed and why; what is verified "
    "by a run and what only believed; the very next step. The issue, the plan, the patch and the failing "
    "tests are attached for you; do not repeat them."
)


def needed(
    messages: Sequence[Message], tokens: int, window: int
) -> tuple[Literal["", "hide", "handoff"], int]:
    """What to do about a prompt of so many tokens; for `hide`, in how many of the first messages."""
    size = min(window, WINDOW_USED)
    if tokens < HIDE_AT * size:
        return "", 0
    if through := _hide_through(messages, size):
        return "hide", through
    return ("handoff", 0) if tokens >= HANDOFF_AT * size else ("", 0)


def _hide_through(messages: Sequence[Message], size: int) -> int:
    """How many of the first messages are old; 0 when hiding their results would free too little."""
    keep = min(KEEP_TOKENS, size // 4)
    old = len(messages)
    while old and keep > 0:
        old -= 1
        keep -= len(_text(messages[old])) // CHARS_PER_TOKEN
    freed = sum(
        len(message.text) // CHARS_PER_TOKEN
        for message in messages[:old]
        if isinstance(message, CallResult) and len(message.text) > HIDE_ABOVE
    )
    return old if freed >= WORTH_HIDING * size else 0


def shrink_through(messages: Sequence[Message]) -> int:
    """For a prompt that the host refused: hide every result but those of the last answer."""
    last = max((i for i, message in enumerate(messages) if isinstance(message, Assistant)), default=0)
    worth = any(isinstance(m, CallResult) and len(m.text) > HIDE_ABOVE for m in messages[:last])
    return last if worth else 0


def handoff(state: State, answer: Answer | None, diff: str, before: int) -> Folded:
    """The message that replaces everything behind the system prompt.

    `answer` holds the model's note to itself, None where it could not be asked.
    """
    note = answer.message.text if answer else state.last_text
    parts = ["This run has gone on for a while; its earlier messages were replaced by this one."]
    parts.append("<user_messages>\n" + _asks(state.asks) + "\n</user_messages>")
    if state.plan:
        parts.append("<plan>\n" + plan_text(state.plan) + "\n</plan>")
    parts.append(f"<my_notes>\n{note.strip() or 'None could be written.'}\n</my_notes>")
    parts.append("<patch_so_far>\n" + (diff or "No file is changed yet.") + "\n</patch_so_far>")
    parts.append("<last_measurements>\n" + _measured(state) + "\n</last_measurements>")
    parts.append("Treat what the notes call done as unverified until you have seen it again. Go on.")
    images: tuple[Image, ...] = tuple(image for said in state.asks for image in said.images)
    return Folded(
        how="handoff",
        text="\n\n".join(parts),
        images=images,
        before=before,
        usage=answer.usage if answer else Usage(),
        cost=answer.cost if answer else 0.0,
    )


def _asks(asks: Sequence[Said]) -> str:
    """The user's words, verbatim; where they are too many, the first (the goal) and the last ones."""
    texts = [said.text for said in asks]
    while len(texts) > 2 and sum(map(len, texts)) > ASKS_CHARS:
        texts.pop(1)
    return "\n\n---\n\n".join(clip(text, ASKS_CHARS) for text in texts)


def _measured(state: State) -> str:
    lines: list[str] = []
    if state.reproductions:
        last = state.reproductions[-1]
        stale = "" if last.tree == state.tree else ", before the latest edits"
        lines.append(f"Reproduction `{last.command}`: exit code {last.exit_code}{stale}")
    if state.tests:
        run = state.tests[-1]
        stale = "" if run.tree == state.tree else ", before the latest edits"
        lines.append(f"Tests {run.command}: {len(run.passed)} passed, {len(run.failed)} failed{stale}")
        lines += [f"  failing: {test}" for test in run.failed[:40]]
    return "\n".join(lines) or "Nothing was run yet."


def _text(message: Message) -> str:
    match message:
        case Assistant():
            return message.text + message.reasoning + "".join(call.raw for call in message.calls)
        case CallResult() | User():
            return message.text
        case _:
            return ""
