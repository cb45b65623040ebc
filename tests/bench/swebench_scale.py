"""A batch of 10,000 instances that sleep, on 500 workers: the driver's overhead and memory, and its shared limits.

    uv run python -m tests.bench.swebench_scale [--engine coroutines|tasks|actors] [--part all|…]

Everything but the instances is the product's: the batch on disk with its outcomes and patches, the engine, the rate
limiter over TCP, and a connection of its own for every instance that asks it. The instances are, by `--engine`:

- `coroutines` in this process;
- `tasks`: Ray tasks, as the product makes them, on a cluster of this machine that declares `--processes`
  processors. 500 are submitted, as many run as there are processes: a Ray worker is a process of its own, and 500 of
  them do not fit into a small machine;
- `actors`: 500 at once on Ray, as coroutines of `--processes` actors.

Parts: `scheduling` (sleep alone); `concurrency`, `rpm` and `tpm` (each instance makes one request of an account whose
limit is smaller than what 500 workers ask). What the host would count is judged from the requests' own times.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import resource
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from kimi_mcp.swebench.batch import Batch
from kimi_mcp.swebench.engine import Engine, Ray
from kimi_mcp.swebench.jobs import Ended, Job
from kimi_mcp.swebench.limits import LimitServer, SharedGate
from kimi_mcp.swebench.pace import Pace

AT_ONCE, RPM, TPM = 50, 6_000, 10_000_000
ESTIMATED, COUNTED = 2_000, 1_700
"""Tokens that a request asks for, and that the host says it took."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("coroutines", "tasks", "actors"), default="coroutines")
    parser.add_argument("--part", choices=("all", "scheduling", *LIMITS), default="all")
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--processes", type=int, default=4, help="of Ray")
    parser.add_argument("--seconds", type=float, default=2.0, help="mean length of an instance")
    options = parser.parse_args()
    parts = ("scheduling", *LIMITS) if options.part == "all" else (options.part,)
    for part in parts:
        print(
            json.dumps({"part": part, "engine": options.engine, **asyncio.run(measured(options, part))}),
            flush=True,
        )


LIMITS = {
    "concurrency": Pace(concurrency=AT_ONCE),
    "rpm": Pace(requests=RPM),
    "tpm": Pace(tokens=TPM),
}


async def measured(options: argparse.Namespace, part: str) -> dict[str, Any]:
    """Run one part and judge it."""
    chance = random.Random(7)
    mean = options.seconds if part == "scheduling" else 0.2
    lengths = [chance.uniform(0.5, 1.5) * mean for _ in range(options.instances)]
    async with AsyncExitStack() as stack:
        out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        limiter: dict[str, str] = {}
        if part in LIMITS:
            server = await stack.enter_async_context(LimitServer(LIMITS[part]))
            limiter = {"address": server.address, "secret": server.secret}
        jobs = [Job(f"i{n}", "", {"seconds": length, **limiter}, 60) for n, length in enumerate(lengths)]
        engine = await stack.enter_async_context(made(options))
        batch = Batch(out, "run", {})
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        async for _ in batch.run(engine, jobs):
            pass
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_SELF)
        ended = batch.outcomes()
        assert len(ended) == options.instances
        requests = sorted((end.facts["began"], end.facts["over"]) for end in ended.values())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    facts = {
        "instances": len(ended),
        "workers": options.workers,
        "seconds": round(wall, 1),
        "driver's CPU per instance, ms": round(1000 * cpu / len(ended), 2),
        "driver's memory, MB": [before.ru_maxrss // 1024, after.ru_maxrss // 1024],
    }
    at_once = options.processes if options.engine == "tasks" else options.workers
    return {**facts, **judged(part, requests, lengths, wall, at_once)}


def judged(
    part: str, requests: list[tuple[float, float]], lengths: list[float], wall: float, at_once: int
) -> dict[str, Any]:
    """What a host would have counted, beside what it allows."""
    if part == "scheduling":
        ideal = sum(lengths) / at_once
        slack = {"time over the ideal, ms an instance": round(1000 * (wall - ideal) / len(lengths), 2)}
        return {
            "ideal": round(ideal, 1),
            "ratio": round(wall / ideal, 3),
            **slack,
            "most at once": most(requests),
        }
    if part == "concurrency":
        span = max(over for _, over in requests) - requests[0][0]  # without the start of Ray's processes
        used = sum(over - began for began, over in requests) / AT_ONCE / span
        return {"limit": AT_ONCE, "most at once": most(requests), "limit used": f"{used:.1%}"}
    count = most_in_a_minute([began for began, _ in requests]) * (COUNTED if part == "tpm" else 1)
    limit = TPM if part == "tpm" else RPM
    # the ideal: a whole minute's allowance at the start of each minute
    return {"limit": limit, "most in any minute": count, "limit used": f"{count / limit:.1%}"}


def most(requests: list[tuple[float, float]]) -> int:
    """How many ran at once at most."""
    marks = sorted(itertools.chain.from_iterable([(began, 1), (over, -1)] for began, over in requests))
    return max(itertools.accumulate(step for _, step in marks))


def most_in_a_minute(moments: list[float]) -> int:
    """How many began within any 60 seconds at most."""
    window: deque[float] = deque()
    top = 0
    for moment in moments:
        window.append(moment)
        while window[0] <= moment - 60:
            window.popleft()
        top = max(top, len(window))
    return top


async def instance(arguments: Mapping[str, Any], name: str) -> Ended:
    """Sleep, as a request of an account where there is one."""
    async with AsyncExitStack() as stack:
        if "address" in arguments:
            gate = SharedGate(arguments["address"], arguments["secret"])
            stack.push_async_callback(gate.close)
            place = await stack.enter_async_context(gate.request(ESTIMATED))
            began = time.monotonic()  # one clock for all processes of a Linux machine
            await asyncio.sleep(arguments["seconds"])
            over = time.monotonic()
            place.settle(COUNTED)
        else:
            began = time.monotonic()
            await asyncio.sleep(arguments["seconds"])
            over = time.monotonic()
    facts = {"resolved": True, "began": began, "over": over}
    return Ended(name, "done", over - began, facts=facts, files={"patch.diff": "x" * 2000})


class Coroutines:
    """As many workers as are wanted, in this process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    async def perform(self, job: Job) -> Ended:
        return await instance(job.arguments, job.instance)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def task(job: Job) -> Ended:
    return asyncio.run(instance(job.arguments, job.instance))


class Actors(Ray):
    """Ray's way with many sleepers in few processes: asynchronous actors, one method call per job."""

    def __init__(self, workers: int, processes: int) -> None:
        super().__init__(workers)
        self._processes = processes

    async def __aenter__(self) -> Self:
        await super().__aenter__()

        class Sleeper:
            async def work(self, job: Job) -> Ended:
                return await instance(job.arguments, job.instance)

        room = -(-self.workers // self._processes)
        actor = self._ray.remote(num_cpus=0, max_concurrency=room)(Sleeper)
        self._task = Turns(actor.remote() for _ in range(self._processes))
        return self


class Turns:
    """Calls of actors in turn, in the form of a task."""

    def __init__(self, actors: Iterator[Any]) -> None:
        self._actors = itertools.cycle(list(actors))

    def remote(self, job: Job) -> Any:
        return next(self._actors).work.remote(job)


def made(options: argparse.Namespace) -> Engine:
    if options.engine == "coroutines":
        return Coroutines(options.workers)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    import ray

    if not ray.is_initialized():
        ray.init(
            "local",
            num_cpus=options.processes, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
            _node_ip_address="127.0.0.1",
        )  # fmt: skip
    if options.engine == "actors":
        return Actors(options.workers, options.processes)
    return Ray(options.workers, work=task)


if __name__ == "__main__":
    main()
