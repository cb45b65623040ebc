"""Running a batch before somebody's eyes: the table or the log, Ctrl-C and TERM, the shared limits, the report."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace

from kimi_mcp.cli.batch_table import LiveTable, clock, counts, live_table
from kimi_mcp.swebench import report
from kimi_mcp.swebench.batch import Batch, Brake, write_whole
from kimi_mcp.swebench.engine import Engine
from kimi_mcp.swebench.errors import BatchError
from kimi_mcp.swebench.jobs import Ended, Job
from kimi_mcp.swebench.limits import LimitServer
from kimi_mcp.swebench.pace import Pace
from kimi_mcp.swebench.page import page
from kimi_mcp.swebench.tally import Tally


@dataclass(frozen=True, slots=True)
class Shared:
    """The account's limits, and the address of this machine at which its workers ask for their turn."""

    pace: Pace
    host: str


@dataclass(slots=True)
class _Stop:
    """What ends a batch early. The first Ctrl-C lets what runs end; a second one, or TERM, ends it."""

    table: LiveTable | None
    task: "asyncio.Task[object]"
    tally: Tally
    brake: Brake = field(default_factory=Brake)
    code: int = 0

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._end, 143)

    def _interrupt(self) -> None:
        if self.brake.pulled:
            self._end(130)
            return
        self.brake.pulled = self.tally.ending = True
        self.code = 130
        self._tell(
            f"Stopping: no more instances begin, {len(self.tally.running)} may end; Ctrl-C again ends them now."
        )

    def _end(self, code: int) -> None:
        self.code = code
        self.brake.pulled = True
        self._tell(
            f"Stopping now: what runs ({len(self.tally.running)}) is ended, and begins anew next time."
        )
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGINT)  # once more, and Python ends us as it does
        self.task.cancel()

    def _tell(self, text: str) -> None:
        if self.table is not None:
            self.table.notify(text)
        else:
            print(text, flush=True)


def carry_out(
    engine: Engine, batch: Batch, jobs: Sequence[Job], title: str, shared: Shared | None, *, retry: bool
) -> int:
    """Run a batch, and write and tell its report, also of a part.

    The exit code: 0 when every job ended by itself, 1 when not, 130 after Ctrl-C, 143 after TERM.
    """
    tally, code, broken = asyncio.run(_watch(engine, batch, jobs, shared, retry))
    rows = [tally.rows[job.instance] for job in jobs if job.instance in tally.rows]
    try:
        write_whole(batch.out / f"{batch.kind}.md", report.markdown(title, rows, len(jobs)))
        write_whole(batch.out / f"{batch.kind}.html", page(title, rows, len(jobs)))
    except OSError as error:
        raise broken or BatchError(
            f"The report cannot be written to {batch.out}: {error.strerror}."
        ) from None
    print(report.summary(rows, len(jobs)))
    print(f"Report: {batch.out / f'{batch.kind}.md'} and .html")
    if broken is not None:
        raise broken
    return code or (1 if tally.unfinished else 0)


async def _watch(
    engine: Engine, batch: Batch, jobs: Sequence[Job], shared: Shared | None, retry: bool
) -> tuple[Tally, int, BatchError | None]:
    """The last tally, the exit code of an early stop, and what broke the batch after it had begun."""
    tally, stop = Tally(len(jobs)), None
    async with AsyncExitStack() as stack:
        if shared is not None:
            server = await stack.enter_async_context(LimitServer(shared.pace, shared.host))
            limiter = {"address": server.address, "secret": server.secret}
            jobs = [replace(job, arguments={**job.arguments, "limiter": limiter}) for job in jobs]
        task = asyncio.current_task()
        brake = Brake()
        events = await stack.enter_async_context(aclosing(batch.run(engine, jobs, retry=retry, brake=brake)))
        tally, _ = await anext(events)  # refusals come before the table
        table = stack.enter_context(live_table()) if sys.stdout.isatty() else None
        assert task is not None
        stop = _Stop(table, task, tally, brake)
        stop.listen()
        _begin(table, tally)
        try:
            async for tally, ended in events:
                if table is None and ended is not None:
                    _tell(tally, ended)
        except asyncio.CancelledError:
            if not stop.code:
                raise
            task.uncancel()
        except BatchError as error:
            return tally, stop.code, error
    return tally, stop.code, None


def _begin(table: LiveTable | None, tally: Tally) -> None:
    if table is not None:
        table.show(tally)
    elif tally.resumed:
        print(f"Resumed: {tally.resumed} of {tally.total} were done before.", flush=True)


def _tell(tally: Tally, ended: Ended) -> None:
    """One line of a log, for CI and files."""
    row = tally.rows[ended.instance]
    note = f" ({row.note})" if row.note else ""
    print(
        f"{time.strftime('%H:%M:%S')}  {row.instance}: {row.state} in {clock(row.seconds)}{note}"
        f"  [{counts(tally).plain}]",
        flush=True,
    )
