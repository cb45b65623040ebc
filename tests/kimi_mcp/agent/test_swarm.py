"""Helpers that read side by side: what they may do, what they cost, what happens when the host is narrow."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
from pydantic import SecretStr

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.functions import OWN
from kimi_mcp.agent.loop import run
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.agent.swarm import delegate_tool
from kimi_mcp.agent.toolbox import Toolbox
from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.errors import Unreachable
from kimi_mcp.model.messages import Answer, CallResult, Function, Message, User
from kimi_tools.catalog import TOOLS
from tests.kimi_api import Account, KimiApi, Request, Turn
from tests.kimi_api import Call as Asked
from tests.kimi_mcp.agent.conftest import Bench
from tests.kimi_mcp.agent.script import OnDelta, Script, calls, says
from tests.kimi_mcp.model.asking import HASTY


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


def test_a_swarm_takes_a_hundred_questions_and_a_few_helpers_eight(bench: Bench) -> None:
    asks = calls(("delegate", {"questions": [f"Where is n{n}" for n in range(100)]}))
    for swarm, at_once in ((True, 20), (False, 0)):
        model = Colony([asks, says("Thanks.")])
        toolbox = Toolbox(bench.workspace, TOOLS, (*OWN, delegate_tool(model, TOOLS, swarm=swarm)))
        bench.agent = Agent(model, toolbox, Snapshot(bench.root, bench.state / "tree"), private=True)
        events = bench.events(Task("x", protocol="chat", mode="swarm" if swarm else "agent"))
        assert model.most == at_once
        if swarm:
            assert "n0 is in calc.py:1" in result(events).text
            started = events[0]
            assert isinstance(started, ev.Started)
            assert "Begin with delegate" in started.system
        else:
            assert "There are 100 questions; ask at most 8 at once." in result(events).text


def test_helpers_share_what_money_is_left(bench: Bench) -> None:
    """Each answer costs a cent: with three left, not even two helpers finish."""
    questions = calls(("delegate", {"questions": [f"Where is n{n}" for n in range(8)]}))
    model = Colony([questions, says("Thanks.")])
    toolbox = Toolbox(bench.workspace, TOOLS, (*OWN, delegate_tool(model, TOOLS, lambda: 0.03)))
    bench.agent = Agent(model, toolbox, Snapshot(bench.root, bench.state / "tree"), private=True)
    events = bench.events(Task("x", protocol="chat"))
    assert result(events).cost is not None
    assert result(events).cost < 0.08


def test_helpers_on_an_account_with_one_slot_go_one_by_one_over_http(bench: Bench) -> None:
    """The endpoint refuses what is too much at once; the client learns it from the first refusal."""

    async def work(api: KimiApi) -> list[ev.Event]:
        connection = Connection(api.url, "kimi-k2.6", SecretStr("sk-x"), kind="moonshot", limits=HASTY)
        async with await connect(connection) as model:
            toolbox = Toolbox(bench.workspace, TOOLS, (*OWN, delegate_tool(model, TOOLS, swarm=True)))
            bench.agent = Agent(model, toolbox, Snapshot(bench.root, bench.state / "tree"), private=True)
            return [event async for event in run(bench.agent, Task("x", protocol="chat", mode="swarm"))]

    def respond(request: Request) -> Turn:
        said = str(request.body["messages"][1]["content"])
        if "one of several helpers" in said:
            return Turn(text=f"{said.split()[-1]} is in calc.py:1", delay=0.02)
        if request.body["messages"][-1]["role"] == "tool":
            return Turn(text="Thanks.")
        return Turn(calls=(Asked("delegate", {"questions": [f"Where is n{n}" for n in range(12)]}),))

    with KimiApi(respond, account=Account(concurrency=1)) as api:
        events = anyio.run(work, api)
        refused = api.refusals
    for number in range(12):
        assert f"n{number} is in calc.py:1" in result(events).text
    assert 0 < len(refused) <= 12
