"""The fixed answers, written anew after a declaration changed (`python -m tests.update_snapshots`)."""

import json
from importlib.metadata import version
from pathlib import Path

import anyio

from kimi_mcp.acp import greeting
from kimi_mcp.acp.snapshot import hello
from kimi_mcp.cli import offered
from kimi_mcp.server import answers, snapshot


def content() -> str:
    """What `answers.json` must hold for the tools as they are declared now."""
    made = anyio.run(snapshot.make, offered.all_tools(), version("kimi-mcp"))
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def greeted() -> str:
    """What `initialize.json` must hold."""
    made = hello().model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    """Write the files."""
    Path(answers.FILE).write_text(content(), "utf-8")
    Path(greeting.FILE).write_text(greeted(), "utf-8")
