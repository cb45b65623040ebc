"""One account's limits, shared by processes that come, wait, and die."""

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from typing import Any

import pytest

from kimi_mcp.model.connect import connect
from kimi_mcp.model.messages import Answer, User
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.limits import LimitServer, SharedGate
from kimi_mcp.swebench.pace import WINDOW_SECONDS, Pace
from tests.kimi_api import KimiApi, Turn
from tests.kimi_mcp.model.asking import connection


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_requests_per_minute_are_a_sliding_window() -> None:
    clock = Clock()
    pace = Pace(requests=2, now=clock)
    for _ in range(2):
        assert pace.wait(1) == 0
        pace.go(1)
        clock.time += 10
    assert pace.wait(1) == pytest.approx(WINDOW_SECONDS - 20)
    clock.time += WINDOW_SECONDS - 20
    assert pace.wait(1) == 0


def test_tokens_per_minute_count_and_a_request_above_the_limit_still_goes_alone() -> None:
    clock = Clock()
    pace = Pace(tokens=100, now=clock)
    assert pace.wait(500) == 0  # would never fit: it goes when nothing else is in the window
    pace.go(500)
    assert pace.wait(1) == pytest.approx(WINDOW_SECONDS)
    clock.time += WINDOW_SECONDS
    assert pace.wait(60) == 0
    pace.go(60)
    assert pace.wait(41) == pytest.approx(WINDOW_SECONDS)
    assert pace.wait(40) == 0


def test_no_more_than_the_allowed_requests_run_at_once() -> None:
    async def go() -> int:
        most = running = 0

        async def worker(gate: SharedGate) -> None:
            nonlocal most, running
            async with gate.request(1):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        async with LimitServer(Pace(concurrency=3)) as server:
            gate = SharedGate(server.address, server.secret)
            await asyncio.gather(*(worker(gate) for _ in range(40)))
        return most

    assert asyncio.run(go()) <= 3


def test_a_worker_that_is_killed_gives_its_place_back() -> None:
    code = (
        "import asyncio, sys\n"
        "from kimi_mcp.swebench.limits import SharedGate\n"
        "async def go():\n"
        "    async with SharedGate(sys.argv[1], sys.argv[2]).request(1):\n"
        "        print('in', flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(go())\n"
    )

    async def go() -> None:
        async with LimitServer(Pace(concurrency=1)) as server:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, server.address, server.secret, stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            assert await child.stdout.readline() == b"in\n"
            child.kill()
            await child.wait()
            async with asyncio.timeout(10), SharedGate(server.address, server.secret).request(1):
                pass

    asyncio.run(go())


def test_a_stranger_without_the_secret_is_turned_away() -> None:
    async def go() -> None:
        async with LimitServer(Pace(concurrency=1)) as server, AsyncExitStack() as stack:
            with pytest.raises(BatchError, match="closed the connection"):
                await stack.enter_async_context(SharedGate(server.address, "guess").request(1))
            assert server.pace.running == 0

    asyncio.run(go())


def test_a_driver_that_is_gone_is_told_in_a_sentence() -> None:
    async def go() -> None:
        async with SharedGate("127.0.0.1:1", "x").request(1):
            pass

    with pytest.raises(BatchError, match=r"rate limiter at 127\.0\.0\.1:1 is gone"):
        asyncio.run(go())


def test_leaving_while_requests_run_and_wait_ends_them_without_a_complaint() -> None:
    complaints: list[dict[str, Any]] = []

    async def hold(gate: SharedGate, granted: asyncio.Event) -> None:
        async with gate.request(1):
            granted.set()
            await asyncio.Event().wait()

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with LimitServer(Pace(concurrency=1)) as server:
            one, other = (SharedGate(server.address, server.secret) for _ in range(2))
            granted = asyncio.Event()
            first = asyncio.create_task(hold(one, granted))
            await granted.wait()
            second = asyncio.create_task(hold(other, asyncio.Event()))
            while len(server._open) < 2:
                await asyncio.sleep(0)
        assert server._open == {}
        first.cancel()
        with pytest.raises(BatchError, match="closed the connection"):
            await second

    asyncio.run(scenario())
    assert complaints == []


def test_tokens_are_settled_to_what_the_host_counted() -> None:
    clock = Clock()
    pace = Pace(tokens=100, now=clock)
    grant = pace.go(80)
    assert pace.wait(40) == pytest.approx(WINDOW_SECONDS)
    pace.settle(grant, 60)
    assert pace.wait(40) == 0
    clock.time += WINDOW_SECONDS
    assert pace.wait(100) == 0
    pace.settle(grant, 10)  # long out of the window: changes nothing
    assert pace.spent_tokens == 0


def test_a_refusal_holds_everybody_for_as_long_as_the_host_says_and_halves_what_runs_at_once() -> None:
    clock = Clock()
    pace = Pace(now=clock)
    burst = [pace.go(1) for _ in range(8)]
    clock.time += 1
    pace.refuse(burst[0], 7, 0)
    pace.end(burst[0])
    pace.refuse(burst[1], 3, 0)  # of the same burst: it teaches nothing more, and does not shorten the hold
    pace.end(burst[1])
    for grant in burst[2:]:
        pace.end(grant)
    assert pace.wait(1) == pytest.approx(7)
    clock.time += 7
    running = [pace.go(1) for _ in range(4) if pace.wait(1) == 0]
    assert len(running) == 4
    assert pace.wait(1) is None
    for grant in running:
        pace.end(grant)
    assert 4 < pace.learned <= 5, "one more at once for a round that went well"


def test_a_host_that_names_no_time_is_asked_after_ever_longer_waits_until_it_answers() -> None:
    clock = Clock()
    pace = Pace(now=clock)
    waits: list[float | None] = []
    for _ in range(4):
        grant = pace.go(1)
        pace.refuse(grant, None, 0)
        pace.end(grant)
        waits.append(pace.wait(1))
        clock.time += waits[-1] or 0
    assert waits == [1, 2, 4, 8]
    clock.time += 1
    pace.end(pace.go(1))
    grant = pace.go(1)
    pace.refuse(grant, None, 0)
    pace.end(grant)
    assert pace.wait(1) == 1, "it begins anew after an answer"


def test_a_host_that_names_its_places_is_believed() -> None:
    pace = Pace(concurrency=50)
    grant = pace.go(1)
    pace.refuse(grant, 0, 3)
    assert pace.concurrency == 3


def test_workers_are_served_in_turn_however_much_one_of_them_asks() -> None:
    order: list[str] = []

    async def ask(name: str, gate: SharedGate) -> None:
        async with gate.request(1):
            order.append(name)

    async def go() -> None:
        async with LimitServer(Pace(concurrency=1)) as server:
            swarm, single, first = (SharedGate(server.address, server.secret) for _ in range(3))
            async with first.request(1):
                many = [asyncio.create_task(ask("swarm", swarm)) for _ in range(10)]
                while len(server._line) < 1 or len(server._line[0].asked) < 10:
                    await asyncio.sleep(0)
                one = asyncio.create_task(ask("single", single))
                while len(server._line) < 2:
                    await asyncio.sleep(0)
            await asyncio.gather(one, *many)

    asyncio.run(go())
    assert order.index("single") == 1


def test_a_request_that_is_given_up_while_it_waits_holds_nobody_up() -> None:
    async def go() -> None:
        async with LimitServer(Pace(concurrency=1)) as server:
            gate = SharedGate(server.address, server.secret)

            async def ask() -> None:
                async with gate.request(1):
                    pass

            async with gate.request(1):
                given_up = asyncio.create_task(ask())
                while not server._line:
                    await asyncio.sleep(0)
                given_up.cancel()
            async with asyncio.timeout(10):
                await ask()
            while server.pace.running:
                await asyncio.sleep(0)

    asyncio.run(go())


def test_one_refusal_by_the_host_slows_every_worker_and_its_count_of_tokens_is_taken() -> None:
    turns = [Turn(error="rpm", retry_after="0.05"), Turn(text="Good."), Turn(text="Good.")]

    async def go(api: KimiApi) -> tuple[Pace, list[Answer]]:
        async with LimitServer(Pace(concurrency=1)) as server:

            async def worker() -> Answer:
                async with await connect(connection(api)) as model:
                    model.gate = SharedGate(server.address, server.secret)
                    return await model.answer([User("hello")], [])

            return server.pace, await asyncio.gather(worker(), worker())

    with KimiApi(turns) as api:
        pace, answers = asyncio.run(go(api))
    refused, *served = pace.spent
    assert refused.refused
    assert pace.held_until > refused.moment
    assert all(grant.moment >= pace.held_until for grant in served)
    caps = [request.body["max_completion_tokens"] for request in api.requests]
    assert [grant.tokens for grant in served] == [
        answer.usage.prompt + cap for answer, cap in zip(answers, caps[1:], strict=True)
    ]
