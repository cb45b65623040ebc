"""Which files the user may have open. ACP has no list of an editor's buffers; this is what can be known of it.

In this order, up to `MOST`: what the editor names with the prompt (`_meta["kimi-mcp"]["open"]`, ours), what the
prompt names or links, what calls of earlier turns named, what has uncommitted changes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from kimi_mcp.agent import events as ev
from kimi_mcp.runs.folder import RunFolder
from kimi_tools.catalog import TOOLS
from kimi_tools.errors import ToolError
from kimi_tools.workspace import Workspace

MOST = 200
"""Files that an editor is asked for before a private copy is made."""

_NAMED = re.compile(r"[\w./+@~-]*[\w+-]\.\w{1,12}\b|/[\w./+@~-]+")


async def open_files(
    root: Path, state: Path, named: Sequence[str], text: str, runs: Iterable[RunFolder]
) -> list[str]:
    """Relative paths of files that are there."""
    found: dict[str, None] = {}
    with closing(Workspace(root, state=state)) as workspace:
        for name in (*named, *_NAMED.findall(text), *_called(runs), *await _changed(workspace)):
            if len(found) == MOST:
                break
            try:
                path = workspace.relative(name)
                if workspace.stat(path).kind == "file":
                    found[path] = None
            except ToolError:
                continue
    return list(found)


def _called(runs: Iterable[RunFolder]) -> Iterator[str]:
    for run in runs:
        for event in run.events():
            if isinstance(event, ev.Answered):
                for call in event.answer.message.calls:
                    if isinstance(path := (call.arguments or {}).get("path"), str):
                        yield path


async def _changed(workspace: Workspace) -> list[str]:
    status = next(tool for tool in TOOLS if tool.name == "git_status")
    try:
        data = (await status(workspace, {})).data
    except ToolError:
        return []
    return [entry.path for entry in getattr(data, "entries", ())]
