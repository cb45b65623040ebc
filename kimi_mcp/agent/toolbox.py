"""The model's functions: a few tools of the workshop, and the agent's own.

Fewer, better tools win: Moonshot's own harness has six. Results are bounded here; what is cut off a command's
output goes to a file behind a handle that `read_result` reads.
"""

import asyncio
import copy
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import groupby

from kimi_mcp.model.messages import Call, Function
from kimi_tools.clip import clip, weight
from kimi_tools.errors import ToolError
from kimi_tools.progress import Progress, reporting_to
from kimi_tools.tool import Data, Effect, Result, Tool
from kimi_tools.workspace import Workspace

CHOSEN = (
    *("locate", "search_text", "find_files", "find_symbol", "find_references", "read_file"),
    *("edit_file", "write_file", "apply_patch", "undo"),
    *("run_tests", "run_command"),
)
"""The tools of the catalogue that the model gets."""

RESULT_CHARS = 12_000
"""JSON characters of one result. Moonshot's harness and mini-swe-agent clamp at 5k + 5k characters."""

SPILL_CHARS = 400_000
"""What is kept of one command's output behind a handle."""

PARALLEL = 8
"""Read-only calls of one answer that run at once."""

current_call: ContextVar[str] = ContextVar("current_call", default="")
"""The id of the call that the current task runs."""

Listener = Callable[[str, Progress], None]
"""Takes a call's id and what it does now."""


@dataclass(frozen=True, slots=True)
class Done:
    """What one call came to."""

    call: Call
    text: str
    failed: bool
    seconds: float
    data: Data | None = None


class Toolbox:
    """The functions of one run on one workspace, whose `result_chars` becomes `RESULT_CHARS`."""

    def __init__(self, workspace: Workspace, catalogue: Iterable[Tool], own: Sequence[Tool]) -> None:
        self.workspace = copy.copy(workspace)
        self.workspace.result_chars = RESULT_CHARS
        self._wide = copy.copy(workspace)
        self._wide.result_chars = SPILL_CHARS
        named = {tool.name: tool for tool in catalogue}
        chosen = [named[name] for name in CHOSEN if name in named]
        self.tools: dict[str, Tool] = {tool.name: tool for tool in (*chosen, *own)}

    @property
    def functions(self) -> tuple[Function, ...]:
        """What the model is offered, always in the same order."""
        return tuple(
            Function(tool.name, tool.description, tool.input_schema()) for tool in self.tools.values()
        )

    def effect(self, name: str) -> Effect:
        """What a call of this name can change; an unknown name changes nothing."""
        tool = self.tools.get(name)
        return tool.effect if tool else "reads"

    def groups(self, calls: Sequence[Call]) -> Iterator[list[Call]]:
        """The calls in order, in groups that may run at once: neighbouring reads together, effects alone."""
        for reads, group in groupby(calls, lambda call: self.effect(call.name) == "reads"):
            if reads:
                yield list(group)
            else:
                yield from ([call] for call in group)

    async def run(self, calls: Sequence[Call], listener: Listener) -> list[Done]:
        """Run one group. Exactly one result per call, in the calls' order."""
        gate = asyncio.Semaphore(PARALLEL)

        async def one(call: Call) -> Done:
            async with gate:
                return await self.call(call, listener)

        return await asyncio.gather(*(one(call) for call in calls))

    async def call(self, call: Call, listener: Listener) -> Done:
        """Run one call. What the model can act on is a result, never an exception; so is a tool's bug."""
        started = time.monotonic()
        current_call.set(call.id)
        data: Data | None = None
        failed = True
        try:
            with reporting_to(lambda progress: listener(call.id, progress)):
                result = await self._result(call)
            text, data, failed = result.text, result.data, False
        except ToolError as error:
            text = str(error)
        except Exception as bug:
            text = f"{call.name} failed unexpectedly ({type(bug).__name__}: {bug}); try another way."
        return Done(call, self._bounded(text), failed, time.monotonic() - started, data)

    async def _result(self, call: Call) -> Result:
        if call.arguments is None or call.problem:
            raise ToolError(call.problem or "The arguments are not a JSON object; send one.")
        tool = self.tools.get(call.name)
        if tool is None:
            raise ToolError(f"There is no function '{call.name}'; there are: {', '.join(self.tools)}.")
        return await tool(self._wide if tool.effect == "executes" else self.workspace, call.arguments)

    def _bounded(self, text: str) -> str:
        text = text.encode("utf-8", "replace").decode()
        if weight(text) <= RESULT_CHARS:
            return text
        folder = self.workspace.state / "spill"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = f"r{sum(1 for _ in folder.iterdir()) + 1}"
        path = folder / handle
        path.touch(0o600)
        path.write_text(text[:SPILL_CHARS])
        return clip(text, RESULT_CHARS, more=f"read_result handle={handle}")


_TELLING = ("command", "query", "pattern", "path", "name", "names", "symbol", "text", "handle")


def title(call: Call) -> str:
    """A call in a few words for a screen: its name and its most telling argument, in one line."""
    arguments = call.arguments or {}
    found = next((arguments[key] for key in _TELLING if arguments.get(key)), "")
    words = " ".join(str(found).split())
    return f"{call.name} {words[:100]}{'…' if len(words) > 100 else ''}".rstrip()
