"""Runs in processes of their own, against a real endpoint: outliving, cancelled, killed with SIGKILL."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from kimi_mcp.agent import events as ev
from kimi_mcp.cli.demo.client import Client
from kimi_mcp.runs import detached
from kimi_mcp.runs.folder import RunFolder, create, every, is_alive
from kimi_mcp.runs.request import Request as Order
from kimi_tools.errors import Conflict
from tests.kimi_api import Call, KimiApi, Request, Turn
from tests.kimi_mcp.agent.conftest import BUGGY, FIX, REPRODUCE, outcome

MakeRepository = Callable[[dict[str, str | bytes]], Path]

KEY = SecretStr("sk-kimi-f00dfeedf00dfeedf00dfeed0123")


def turn(name: str, **arguments: object) -> Turn:
    return Turn(reasoning="Next.", calls=(Call(name, arguments),))


TURNS = [
    turn("reproduce", command=REPRODUCE),
    turn("reproduce", command=FIX),
    turn("run_command", command="python3 -m unittest -q test_calc"),
    turn("reproduce", command=REPRODUCE),
    turn("submit", summary="add() subtracted."),
    turn("submit", summary="add() subtracted."),
]


def by_history(turns: list[Turn]) -> Callable[[Request], Turn]:
    """The turn for a history, so that a request that is made again gets the same answer."""

    def respond(request: Request) -> Turn:
        return turns[sum(message["role"] == "assistant" for message in request.body["messages"])]

    return respond


def order(api: KimiApi, root: Path, state: Path) -> RunFolder:
    return create(
        state, Order(issue="add is wrong", root=root, host=api.url, model="kimi-k2.6", no_sandbox=True)
    )


async def watched(folder: RunFolder) -> list[ev.Event]:
    pid = detached.start(folder, KEY)
    return [event async for event in detached.watch(folder, pid=pid)]


def test_a_run_is_a_process_of_its_own(make_repository: MakeRepository, tmp_path: Path) -> None:
    with KimiApi(by_history(TURNS), keys=[KEY.get_secret_value()]) as api:
        folder = order(api, make_repository(BUGGY), tmp_path / "state")
        events = asyncio.run(watched(folder))
    assert outcome(events).status == "submitted", outcome(events).reason
    assert os.getsid(0) != folder.record().pid
    assert (folder.path / "worker.log").read_text() == ""


@pytest.mark.parametrize("end", ["input", "tree"])
def test_a_run_outlives_the_server_that_began_it(
    make_repository: MakeRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The client closes the server's input, or kills it with everything below it, as editors do."""
    gone = threading.Event()

    def held(request: Request) -> Turn:
        gone.wait(60)
        return by_history(TURNS)(request)

    with KimiApi(held) as api:
        settings = {"STATE": str(tmp_path), "BASE_URL": api.url, "MODEL": "kimi-k2.6", "TOOLSETS": "all"}
        settings |= {"NO_SANDBOX": "1", "API_KEY": KEY.get_secret_value()}
        for name, value in settings.items():
            monkeypatch.setenv(f"KIMI_MCP_{name}", value)
        with Client(make_repository(BUGGY)) as client:
            client.call("resolve_start", {"issue": "add is wrong"})
            folder = every(tmp_path)[0]
            while not folder.is_at_work():
                threading.Event().wait(0.02)
            if end == "tree":
                kill_tree(client.pid)
        gone.set()
        events = asyncio.run(_all(folder))
    assert outcome(events).status == "submitted", outcome(events).reason


def kill_tree(pid: int) -> None:
    """Kill a process and everything below it."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        kill_tree(int(child))
    os.kill(pid, signal.SIGKILL)


async def _all(folder: RunFolder) -> list[ev.Event]:
    return [event async for event in detached.watch(folder)]


def test_a_run_killed_at_any_step_goes_on_to_the_same_patch(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    async def killed_at(folder: RunFolder, kind: str, step: int) -> None:
        pid = detached.start(folder, KEY)
        async for event in detached.watch(folder, pid=pid):
            if event.kind == kind and getattr(event, "step", 0) == step:
                os.kill(pid, signal.SIGKILL)
                while is_alive(pid):
                    await asyncio.sleep(0.01)
                killed.set()

    def held_behind(request: Request) -> Turn:
        """No answer behind the step until the kill: the run cannot end before it is hit."""
        if sum(message["role"] == "assistant" for message in request.body["messages"]) >= step:
            killed.wait(60)
        return by_history(TURNS)(request)

    patches: set[bytes] = set()
    root = make_repository(BUGGY)
    with KimiApi(held_behind) as api:
        for kind, step in (("returned", 2), ("called", 3)):
            killed = threading.Event()
            folder = order(api, root, tmp_path / "state")
            asyncio.run(killed_at(folder, kind, step))
            assert not folder.is_at_work()
            assert folder.outcome() is None
            assert outcome(asyncio.run(watched(folder))).status == "submitted"
            patches.add(folder.patch_file.read_bytes())
    assert len(patches) == 1
    assert b"a + b" in patches.pop()


def test_a_cancelled_run_keeps_its_patch_and_ends_its_command(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    async def scenario(folder: RunFolder) -> list[ev.Event]:
        pid = detached.start(folder, KEY)
        events: list[ev.Event] = []
        async for event in detached.watch(folder, pid=pid):
            events.append(event)
            if isinstance(event, ev.Called) and event.step == 2:
                detached.cancel(folder)
        return events

    with KimiApi(
        by_history([turn("reproduce", command=FIX), turn("run_command", command="sleep 99")])
    ) as api:
        folder = order(api, make_repository(BUGGY), tmp_path / "state")
        done = outcome(asyncio.run(scenario(folder)))
    assert done.status == "cancelled"
    assert "a + b" in done.patch
    with pytest.raises(Conflict, match="is not at work"):
        detached.cancel(folder)
