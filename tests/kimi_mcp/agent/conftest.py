"""An agent on a real repository with a real bug, and a model that follows a script."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.functions import OWN
from kimi_mcp.agent.loop import run
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.agent.toolbox import Toolbox
from kimi_mcp.model.messages import Answer
from kimi_tools.catalog import TOOLS
from kimi_tools.workspace import Workspace
from tests.kimi_mcp.agent.script import Says, Script, calls

BUGGY: dict[str, str | bytes] = {
    "calc.py": "def add(a, b):\n    return a - b\n\n\ndef double(a):\n    return add(a, a)\n",
    "test_calc.py": "from calc import double\n\n\ndef test_double():\n    assert double(0) == 0\n",
}
REPRODUCE = "python3 -c 'import calc; assert calc.add(1, 2) == 3'"
FIX = "sed -i 's/a - b/a + b/' calc.py"


def shell(command: str) -> Answer:
    """A call that runs a command; `reproduce` runs any."""
    return calls(("reproduce", {"command": command}))


class Bench:
    """What a test needs to make agents on one repository."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.state = state
        self.workspace = Workspace(root, state=state)
        self.model = Script([])
        self.agent: Agent

    def agent_with(self, *turns: Says, private: bool = True, **more: Any) -> Agent:
        """A new agent whose model follows the turns."""
        self.model = Script(list(turns), **more)
        toolbox = Toolbox(self.workspace, TOOLS, OWN)
        self.agent = Agent(self.model, toolbox, Snapshot(self.root, self.state / "tree"), private)
        return self.agent

    def run(self, *turns: Says, task: Task | None = None, **more: Any) -> list[ev.Event]:
        """Run a new agent to its end and return everything that happened."""
        self.agent_with(*turns, **more)
        return self.events(task or Task("add(1, 2) is -1"))

    def events(self, task: Task | None) -> list[ev.Event]:
        """Let the agent work and return what happened."""

        async def collect() -> list[ev.Event]:
            return [event async for event in run(self.agent, task)]

        return anyio.run(collect)


MakeBench = Callable[[dict[str, str | bytes]], Bench]


@pytest.fixture
def bench(make_repository: Callable[[dict[str, str | bytes]], Path], tmp_path: Path) -> Iterator[Bench]:
    """The bench on the buggy calculator."""
    made = Bench(make_repository(BUGGY), tmp_path / "state")
    yield made
    made.workspace.close()


def outcome(events: list[ev.Event]) -> ev.Outcome:
    """How the run ended; fails when it did not."""
    last = events[-1]
    assert isinstance(last, ev.Ended)
    return last.outcome
