"""One account's limits, shared by processes that come, wait, and die."""

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from typing import Any

import pytest

from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.limits import LimitServer, Pace, SharedGate


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
    assert pace.wait(1) == pytest.approx(40)
    clock.time += 40
    assert pace.wait(1) == 0


def test_tokens_per_minute_count_and_a_request_above_the_limit_still_goes_alone() -> None:
    clock = Clock()
    pace = Pace(tokens=100, now=clock)
    assert pace.wait(500) == 0  # would never fit: it goes when nothing else is in the window
    pace.go(500)
    assert pace.wait(1) == pytest.approx(60)
    clock.time += 60
    assert pace.wait(60) == 0
    pace.go(60)
    assert pace.wait(41) == pytest.approx(60)
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
            gate, granted = SharedGate(server.address, server.secret), asyncio.Event()
            first = asyncio.create_task(hold(gate, granted))
            await granted.wait()
            second = asyncio.create_task(hold(gate, asyncio.Event()))
            while len(server._open) < 2:
                await asyncio.sleep(0)
        assert server._open == {}
        first.cancel()
        with pytest.raises(BatchError, match="closed the connection"):
            await second

    asyncio.run(scenario())
    assert complaints == []
