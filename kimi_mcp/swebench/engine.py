"""Where jobs run: in processes of this machine, or on a Ray cluster. The same jobs, the same outcomes."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job, perform

Begins = Callable[[Job], None]


def unheard(job: Job) -> None:
    """For callers who need not know when a job begins."""


class Engine(Protocol):
    """Runs jobs and yields each outcome as it ends, in no particular order."""

    def run(self, jobs: Sequence[Job], begins: Begins = unheard) -> AsyncGenerator[Ended]:
        """Every job ends exactly once; `begins` hears of each as it is handed to a worker.

        Closing the generator ends what still runs.
        """
        ...


class Local:
    """`workers` processes on this machine. `perform` does one job (a benchmark of the driver brings its own)."""

    def __init__(self, workers: int, perform: Callable[[Job], Ended] = perform) -> None:
        self.workers = max(1, workers)
        self.perform = perform

    async def run(self, jobs: Sequence[Job], begins: Begins = unheard) -> AsyncGenerator[Ended]:
        """As `Engine.run`. One thread per worker waits for its process; the loop stays free."""
        loop = asyncio.get_running_loop()
        waiting = iter(jobs)
        with ThreadPoolExecutor(self.workers) as threads:
            running: set[asyncio.Future[Ended]] = set()
            while True:
                while len(running) < self.workers and (job := next(waiting, None)) is not None:
                    begins(job)
                    running.add(loop.run_in_executor(threads, self.perform, job))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    yield future.result()


class Ray:
    """A Ray cluster: one task per job, tried again when the node or worker under it is lost.

    `address`: as `ray.init` takes it (`auto`, `host:port`, `ray://host:port`); empty starts a cluster on this
    machine. `cpus` and `memory_bytes` are what one job asks of a node. At most `workers` jobs are submitted at
    a time, so that the driver's memory does not grow with the batch. Raises `BatchError` when Ray is missing or
    the cluster cannot be reached.
    """

    def __init__(
        self, workers: int, address: str = "", *, cpus: float = 1, memory_bytes: int = 0, retries: int = 3
    ) -> None:
        self.workers = max(1, workers)
        self.address = address
        self.cpus = cpus
        self.memory_bytes = memory_bytes
        self.retries = retries

    async def run(self, jobs: Sequence[Job], begins: Begins = unheard) -> AsyncGenerator[Ended]:
        """As `Engine.run`."""
        ray = _ray()
        if not ray.is_initialized():
            await asyncio.to_thread(_join, ray, self.address)
        options: dict[str, Any] = {
            "num_cpus": self.cpus,
            "max_retries": self.retries,
            "retry_exceptions": False,
        }
        if self.memory_bytes:
            options["memory"] = self.memory_bytes
        task = ray.remote(**options)(perform)
        waiting = iter(jobs)
        running: dict[Any, Job] = {}
        try:
            while True:
                while len(running) < self.workers and (job := next(waiting, None)) is not None:
                    begins(job)
                    running[task.remote(job)] = job
                if not running:
                    return
                ready, _ = await asyncio.to_thread(ray.wait, list(running), num_returns=1, timeout=1.0)
                for reference in ready:
                    job = running.pop(reference)
                    yield await asyncio.to_thread(_collect, ray, reference, job)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _join(ray: Any, address: str) -> None:
    """Join or start a cluster. An address is tried first: Ray ends the whole process where nobody answers."""
    refusal = f"The Ray cluster '{address or 'of this machine'}' cannot be joined"
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise BatchError(
                f"{refusal}: {error.strerror or error}; is it running, and the port right?"
            ) from None
    loopback = not address or host.startswith("127.")
    own: dict[str, Any] = {"_node_ip_address": "127.0.0.1"} if loopback else {}
    if not address:
        own["include_dashboard"] = False
    try:
        ray.init(address or None, logging_level="ERROR", log_to_driver=False, **own)
    except Exception as error:
        raise BatchError(f"{refusal}: {error}") from None


def _collect(ray: Any, reference: Any, job: Job) -> Ended:
    try:
        return ray.get(reference)
    except Exception as error:
        return Ended(job.instance, "crashed", 0.0, f"its Ray task was lost: {str(error).splitlines()[0]}")


def _ray() -> Any:
    import importlib

    # under `uv run` Ray would start its workers through uv in a copied folder; ours run
    # in the environment as it is (Ray reads this when it is imported)
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise BatchError("This engine needs Ray: pip install 'kimi-mcp[swebench]'.") from None
