"""The driver under 10,000 instances on 500 workers that sleep: its overhead, its memory, its shared rate limit.

    uv run python -m tests.bench.swebench_scale [--instances 10000] [--workers 500] [--seconds 2.0]

The workers are threads that sleep in place of an agent's processes; outcomes are kept on disk as in a real batch. In
the second part every worker asks the shared limiter before its "request", as the model client does.
"""

import argparse
import asyncio
import random
import resource
import tempfile
import threading
import time
from pathlib import Path

from kimi_mcp.swebench.batch import Batch
from kimi_mcp.swebench.engine import Local
from kimi_mcp.swebench.jobs import Ended, Job
from kimi_mcp.swebench.limits import LimitServer, Pace, SharedGate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=2.0, help="mean length of an instance")
    parser.add_argument("--limited", type=int, default=2_000, help="requests in the second part")
    options = parser.parse_args()
    scheduling(options)
    asyncio.run(limited(options))


def scheduling(options: argparse.Namespace) -> None:
    chance = random.Random(7)
    lengths = [chance.uniform(0.5, 1.5) * options.seconds for _ in range(options.instances)]
    jobs = [Job(f"i{n}", "", {"seconds": length}, 60) for n, length in enumerate(lengths)]

    def sleeps(job: Job) -> Ended:
        time.sleep(job.arguments["seconds"])
        return Ended(job.instance, "done", 0.0, facts={"resolved": True}, files={"patch.diff": "x" * 2000})

    async def go(batch: Batch) -> int:
        ended = 0
        async for _, outcome in batch.run(Local(options.workers, sleeps), jobs):
            ended += outcome is not None
        return ended

    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        ended = asyncio.run(go(Batch(Path(out), "run", {})))
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    ideal = sum(lengths) / options.workers
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{ended} instances on {options.workers} workers: {wall:.1f} s, ideal {ideal:.1f} s, ratio {wall / ideal:.2f}"
    )
    print(
        f"overhead per instance: {1000 * cpu / ended:.2f} ms of CPU, {1000 * (wall - ideal) / ended:.2f} ms of time"
    )
    print(
        f"memory of the driver at most: {after.ru_maxrss / 1024:.0f} MB ({before.ru_maxrss / 1024:.0f} MB at the start)"
    )


async def limited(options: argparse.Namespace) -> None:
    """Many workers at one account: concurrency 50 and no minute's limit exceeded."""
    pace = Pace(concurrency=50, requests=options.limited * 10)
    lock, running, most, waited = threading.Lock(), 0, 0, []

    async def ask(gate: SharedGate) -> None:
        nonlocal running, most
        began = time.monotonic()
        async with gate.request(1000):
            waited.append(time.monotonic() - began)
            with lock:
                running += 1
                most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1

    async with LimitServer(pace) as server:
        gate = SharedGate(server.address, server.secret)
        places = asyncio.Semaphore(options.workers)

        async def worker() -> None:
            async with places:
                await ask(gate)

        started = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(options.limited)))
        wall = time.monotonic() - started
    ideal = options.limited / 50 * 0.02
    waited.sort()
    print(
        f"{options.limited} requests of {options.workers} workers at a limit of 50 at once: most at once {most}, "
        f"{wall:.2f} s (ideal {ideal:.2f} s), {1000 * wall / options.limited:.2f} ms per request, "
        f"median wait {waited[len(waited) // 2]:.2f} s"
    )


if __name__ == "__main__":
    main()
