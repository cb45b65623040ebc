"""Where jobs run: in processes of this machine, or on a Ray cluster. The same jobs, the same outcomes."""

import asyncio
import importlib
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, Self

from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job, perform


class Engine(Protocol):
    """Runs jobs, `workers` of them at a time; open it with `async with`."""

    workers: int

    async def perform(self, job: Job) -> Ended:
        """Run one job. Cancelling ends it. Raises `BatchError` for what no other job could do better."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


async def side_by_side(
    jobs: Iterable[Job], workers: int, perform: Callable[[Job], Awaitable[Ended]]
) -> AsyncGenerator[Ended]:
    """Outcomes as they come, in no particular order, of `workers` jobs at a time.

    A job is taken when a worker is free for it. Closing the generator cancels what still runs, and waits for it.
    """
    waiting = iter(jobs)
    running: set[asyncio.Task[Ended]] = set()
    over: asyncio.Queue[asyncio.Task[Ended]] = asyncio.Queue()

    def fill() -> None:
        while len(running) < workers and (job := next(waiting, None)) is not None:
            task = asyncio.ensure_future(perform(job))
            running.add(task)
            task.add_done_callback(over.put_nowait)

    try:
        fill()
        while running:
            task = await over.get()
            running.discard(task)
            ended = task.result()
            fill()
            yield ended
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Local:
    """`workers` processes on this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)

    async def perform(self, job: Job) -> Ended:
        """As `Engine.perform`."""
        _require(job)
        return await perform(job)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class Ray:
    """A Ray cluster: one task per job, tried again when the node or worker under it is lost.

    `address`: as `ray.init` takes it (`auto`, `host:port`, `ray://host:port`); empty starts a cluster on this
    machine. `cpus` and `memory_bytes` are what one job asks of a node. At most `workers` jobs are submitted at
    a time, so that the driver's memory does not grow with the batch. Entering raises `BatchError` when Ray is
    missing or the cluster cannot be reached. `work` is what a task does (a benchmark brings its own).
    """

    def __init__(
        self,
        workers: int,
        address: str = "",
        *,
        cpus: float = 1,
        memory_bytes: int = 0,
        retries: int = 3,
        work: "Callable[[Job], Ended] | None" = None,
    ) -> None:
        self.workers = max(1, workers)
        self.address = address
        self._options: dict[str, Any] = {
            "num_cpus": cpus,
            "max_retries": retries,
            "retry_exceptions": False,
            **({"memory": memory_bytes} if memory_bytes else {}),
        }
        self._work = work or on_node
        self._ray: Any = None
        self._task: Any = None
        self._joined = False

    async def __aenter__(self) -> Self:
        self._ray = _ray()
        if not self._ray.is_initialized():
            await asyncio.to_thread(_join, self._ray, self.address)
            self._joined = True
        self._task = self._ray.remote(**self._options)(self._work)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._joined:
            await asyncio.to_thread(self._ray.shutdown)

    async def perform(self, job: Job) -> Ended:
        """As `Engine.perform`."""
        reference = self._task.remote(job)
        try:
            return await reference
        except asyncio.CancelledError:
            self._ray.cancel(reference, force=True)
            raise
        except self._ray.exceptions.RayError as error:
            raise_unfit(error)
            return Ended(job.instance, "crashed", 0.0, f"its Ray task was lost: {_first_line(error)}")


def on_node(job: Job) -> Ended:
    """A job as a Ray task. Raises `BatchError` when this node lacks what every job needs."""
    _require(job)
    return asyncio.run(perform(job))


def _require(job: Job) -> None:
    missing = [folder for folder in job.needs if not Path(folder).is_dir()]
    if missing:
        raise BatchError(
            f"The machine {socket.gethostname()} has no folder {missing[0]}, which --repos names; every machine that "
            "works on a batch needs it at the same path."
        )


def raise_unfit(error: Exception) -> None:
    """Raise `BatchError` when a Ray error says that a node can run no job at all."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BatchError):
        raise cause from None
    said = str(error)
    if "No module named 'kimi_mcp" in said or "No module named 'kimi_tools" in said:
        raise BatchError(
            "A node of the Ray cluster has no kimi-mcp in the Python that Ray runs on; install this version of "
            "'kimi-mcp[swebench]' on every node."
        ) from None


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def facing(address: str) -> str:
    """This machine's own address as a cluster sees it; that of the loopback where the cluster is this machine's."""
    host = address.removeprefix("ray://").rpartition(":")[0] if address != "auto" else "192.0.2.1"
    if not host:
        return "127.0.0.1"
    with socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as probe:  # connecting a datagram socket sends nothing
        try:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


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
        ray.init(address or "local", logging_level="ERROR", log_to_driver=False, **own)
    except Exception as error:
        reason = f"{refusal}: {str(error).rstrip('.')}"
        if address and "RAY_AUTH_MODE" not in os.environ:  # Ray does not say that this was why
            reason += (
                "; where it asks for a token (from Ray 2.59 on), set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
            )
        raise BatchError(f"{reason}.") from None


def _ray() -> Any:
    # under `uv run` Ray would start its workers through uv in a copied folder; ours run
    # in the environment as it is (Ray reads this when it is imported)
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise BatchError("This engine needs Ray: pip install 'kimi-mcp[swebench]'.") from None
