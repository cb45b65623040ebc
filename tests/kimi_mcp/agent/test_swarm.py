"""Helpers that read side by side: what they may do, what they cost, what happens when the host is narrow."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.functions import OWN
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.agent.swarm import delegate_tool
from kimi_mcp.agent.toolbox import Toolbox
from kimi_mcp.model.errors import Unreachable
from kimi_mcp.model.messages import Answer, CallResult, Function, Message, User
from kimi_tools.catalog import TOOLS
from tests.kimi_mcp.agent.conftest import Bench
from tests.kimi_mcp.agent.script import OnDelta, Script, calls, says


@dataclass
class Colony(Script):
    """The orchestrator follows the script; each helper reads one file and answers with its question's word.

    `narrow`: refuse a request while another one is under way, as an account with one slot does.
    """

    narrow: bool = False
    open: int = 0
    most: int = 0
    offered: list[str] = field(default_factory=list[str])

    async def answer(
        self,
        messages: Sequence[Message],
        functions: Sequence[Function],
        *,
        on_delta: OnDelta | None = None,
    ) -> Answer:
        import asyncio

        first = messages[1]
        assert isinstance(first, User)
        if "one of several helpers" not in first.text:
            return await super().answer(messages, functions, on_delta=on_delta)
        self.offered = [function.name for function in functions]
        if self.narrow and self.open:
            raise Unreachable("Too many requests at once.")
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0.01)
        self.open -= 1
        helper = Script([says(f"{first.text.split()[-1]} is in calc.py:1")])
        if not isinstance(messages[-1], CallResult):
            helper.turns = [calls(("read_file", {"path": "calc.py"}), ("edit_file", {"path": "calc.py"}))]
        return await helper.answer(messages, functions)


def colony(bench: Bench, *, narrow: bool = False) -> tuple[Colony, list[ev.Event]]:
    questions = calls(("delegate", {"questions": ["Where is add", "Where is double"]}))
    model = Colony([questions, says("Thanks.")], narrow=narrow)
    toolbox = Toolbox(bench.workspace, TOOLS, (*OWN, delegate_tool(model, TOOLS)))
    bench.agent = Agent(model, toolbox, Snapshot(bench.root, bench.state / "tree"), private=True)
    return model, bench.events(Task("x", protocol="chat"))


def result(events: list[ev.Event]) -> ev.Returned:
    return next(event for event in events if isinstance(event, ev.Returned))


def test_helpers_answer_side_by_side_and_are_paid_for(bench: Bench) -> None:
    model, events = colony(bench)
    assert "## Where is add\nadd is in calc.py:1" in result(events).text
    assert "double is in calc.py:1" in result(events).text
    assert model.most == 2
    assert result(events).cost == 0.04
    assert round(bench.agent.state.cost, 6) == 0.06


def test_helpers_can_only_read(bench: Bench) -> None:
    model, _ = colony(bench)
    assert "read_file" in model.offered
    assert not {"edit_file", "write_file", "run_command", "run_tests", "submit", "delegate"} & set(
        model.offered
    )


def test_a_host_with_one_slot_is_asked_one_by_one(bench: Bench) -> None:
    model, events = colony(bench, narrow=True)
    assert "add is in calc.py:1" in result(events).text
    assert "double is in calc.py:1" in result(events).text
    assert model.most == 1
