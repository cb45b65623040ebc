"""Jobs that behave and misbehave; run in real job processes by the tests of engines and batches."""

import asyncio
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.jobs import Worked


async def note(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """Append a line to a ledger, so that a test can count how often each instance was really done."""
    await asyncio.sleep(float(arguments.get("seconds", 0)))
    with open(arguments["ledger"], "a") as ledger:
        ledger.write(f"{arguments['name']}\n")
    return Worked(
        {"resolved": True, "name": arguments["name"]}, {"patch.diff": f"patch of {arguments['name']}\n"}
    )


async def gate(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """As `note`, once the file `open` is there; says in `runs` by whom it is waited for."""
    place = Path(arguments["folder"])
    said = place / "said"
    said.write_text(f"{os.getpid()}")
    said.replace(place / "runs")
    while not (place / "open").exists():
        await asyncio.sleep(0.05)
    return await note(arguments, folder)


async def refuse(arguments: Mapping[str, Any], folder: Path) -> Worked:
    raise EnvironmentFailed("There is no Python 1.5 on this machine.")


async def crash(arguments: Mapping[str, Any], folder: Path) -> Worked:
    os.kill(os.getpid(), signal.SIGSEGV)
    return Worked({})


async def killed(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """End as the kernel ends a process that takes all memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Worked({})


async def big(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """Leave a file that is larger than the driver may write."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    return Worked({"resolved": True}, {"patch.diff": "+\n" * 50_000})


async def bug(arguments: Mapping[str, Any], folder: Path) -> Worked:
    return Worked({"impossible": 1 / int(arguments.get("zero", 0))})


async def hang(arguments: Mapping[str, Any], folder: Path) -> Worked:
    """Hang for ever, with a child that ignores TERM, and say both process ids."""
    child = await asyncio.create_subprocess_exec("/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    Path(arguments["pids"]).write_text(f"{os.getpid()} {child.pid}")
    await asyncio.Event().wait()
    return Worked({})
