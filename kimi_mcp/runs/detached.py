"""Runs in processes of their own: they outlive the connection, the terminal and the server that began them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

from pydantic import SecretStr

from kimi_mcp.agent import events as ev
from kimi_mcp.model.keys import ANY_HOST, VARIABLES
from kimi_mcp.runs.folder import RunFolder, is_alive
from kimi_tools.errors import Conflict

LOOK_SECONDS = 0.2
"""How often a watched run's record is looked at."""


def start(folder: RunFolder, key: SecretStr | None) -> int:
    """Work on a run in a new process, and return its id. It is nobody's child: see `kimi_mcp.runs.__main__`.

    The key goes through a pipe: not in arguments, environment or files.
    """
    secret = {ANY_HOST, *(name for names in VARIABLES.values() for name in names)}
    environment = {name: value for name, value in os.environ.items() if name not in secret}
    log = os.open(folder.path / "worker.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kimi_mcp.runs", str(folder.path)],
            cwd=folder.path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    said, _ = process.communicate((key.get_secret_value() if key else "").encode() + b"\n")
    pid = int(said or 0)
    if not (folder.path / "lock").exists():
        folder.write_record(folder.record().model_copy(update={"pid": pid}))
    return pid


async def watch(folder: RunFolder, offset: int = 0, pid: int = 0) -> AsyncIterator[ev.Event]:
    """The recorded events from a byte offset on, as they come; ends with the run or its process.

    `pid`: of the process that was just started for it, which may not hold it yet.
    """
    while True:
        alive = folder.is_at_work() or is_alive(pid)
        for event, behind in list(folder.lines_from(offset)):
            offset = behind
            yield event
        if not alive:
            return
        await asyncio.sleep(LOOK_SECONDS)


def cancel(folder: RunFolder) -> None:
    """Ask the process at work to end the run; it keeps the best patch. Raises `Conflict` when none is."""
    if not folder.is_at_work():
        raise Conflict(f"Run {folder.id} is not at work; nothing was cancelled.")
    os.kill(folder.record().pid, signal.SIGTERM)
