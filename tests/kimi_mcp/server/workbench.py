"""A server like `kimi-mcp serve`, with tools that misbehave."""

# ruff: noqa: E402
from kimi_mcp.stdio import wire

PIPES = wire.claim()

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kimi_mcp.config import open_workspace
from kimi_mcp.server.front import Front
from kimi_mcp.server.selection import Selection
from kimi_tools.progress import report
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace


class Nothing(Params):
    pass


class Seconds(Params):
    seconds: float = Param("How long", default=60.0)
    mark: str = Param("Name of the file to leave", default="mark")


class Count(Params):
    count: int = Param("How many", default=10)


class Child(Params):
    seconds: int = Param("How long it sleeps")


def said(text: str) -> Result:
    return Result(text, Data())


@tool("Wait", "Wait in the event loop, and leave a mark when cancelled.", toolset="test", effect="reads")
async def wait(workspace: Workspace, params: Seconds) -> Result:
    (workspace.root / f"{params.mark}.started").touch()
    try:
        await asyncio.sleep(params.seconds)
    except asyncio.CancelledError:
        (workspace.root / f"{params.mark}.cancelled").touch()
        raise
    return said("waited")


@tool("Block", "Block the event loop.", toolset="test", effect="reads")
async def block(workspace: Workspace, params: Seconds) -> Result:
    (workspace.root / f"{params.mark}.started").touch()
    time.sleep(params.seconds)
    return said("blocked")


@tool("Child", "Run a child with a child of its own.", toolset="test", effect="executes")
async def child(workspace: Workspace, params: Child) -> Result:
    script = f"trap '' TERM; sleep {params.seconds} & touch mark; wait"
    finished = await workspace.run(["sh", "-c", script], timeout=300)
    return said(f"exit code {finished.exit_code}")


@tool("Report", "Report progress many times.", toolset="test", effect="reads")
async def reports(workspace: Workspace, params: Count) -> Result:
    for number in range(params.count):
        report(f"step {number}", number, params.count)
        await asyncio.sleep(0)
    await asyncio.sleep(0.7)
    report("nearly there")
    await asyncio.sleep(1.2)
    return said("reported")


@tool("Shout", "Write to standard output in every way.", toolset="test", effect="reads")
async def shout(workspace: Workspace, params: Nothing) -> Result:
    print("printed")
    sys.__stdout__.write("written\n")  # type: ignore[union-attr]
    os.write(1, b"raw\n")
    subprocess.run(["echo", "inherited"], check=True)
    subprocess.run(["cat"], check=True, timeout=5)  # would wait for the client's next message
    return said("shouted")


@tool("Bug", "Fail as no tool should.", toolset="test", effect="reads")
async def bug(workspace: Workspace, params: Nothing) -> Result:
    raise RuntimeError("secret detail")


@tool("Flood", "Answer with too much text.", toolset="test", effect="reads")
async def flood(workspace: Workspace, params: Count) -> Result:
    return said('\udc80"\n' * params.count)


def start(emit: Callable[[str, dict[str, Any]], None]) -> Any:
    from kimi_mcp.server.calls import Places
    from kimi_mcp.server.engine import SdkEngine, make_server

    root, pinned = Path.cwd(), "--root" in sys.argv
    tools = (wait, block, child, reports, shout, bug, flood)
    return SdkEngine(make_server(tools, Places(open_workspace, root, pinned=pinned), "0"), emit)


Front(PIPES, Selection(), start).serve()
