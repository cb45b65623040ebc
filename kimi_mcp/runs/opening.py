"""What the model is told about the repository with the issue: what lies at its top, how its tests run, where to look.

All of it is bounded and cheap: the steps in which a model would find it out are paid for, prompt and all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from kimi_tools import redact
from kimi_tools.clip import clip
from kimi_tools.errors import BadArguments, ToolError
from kimi_tools.symbols.locate import Candidate, answer, look
from kimi_tools.testrun.choose import labels, suites
from kimi_tools.testrun.tree import Tree
from kimi_tools.workspace import Workspace

TOP_ENTRIES = 60
PLACES = 8
CANDIDATES = 40
"""Of which a model that is asked chooses those to show first."""

PLACES_CHARS = 4_000
LOCATE_SECONDS = 20.0
"""A repository whose index takes longer is looked into by the model itself."""


Choose = Callable[[Sequence[Candidate]], Awaitable[Sequence[str]]]
"""Says which of the likely files are to be shown first."""


async def opening(workspace: Workspace, root: Path, issue: str, choose: Choose | None = None) -> str:
    """The repository's facts; `issue` is the text to locate, or empty where there is none."""
    parts = [describe(workspace, root), await asyncio.to_thread(_tests, workspace)]
    if issue:
        parts.append(await _places(workspace, issue, choose))
    return "\n".join(part for part in parts if part)


def describe(workspace: Workspace, root: Path) -> str:
    """The repository's name and what lies at its top."""
    entries = [f"{e.path}/" if e.kind == "directory" else e.path for e in workspace.list_directory()]
    shown = [name for name in entries if name != ".git/"]
    more = f" and {len(shown) - TOP_ENTRIES} more" if len(shown) > TOP_ENTRIES else ""
    return f"name: {root.name}\ntop level: {' '.join(shown[:TOP_ENTRIES])}{more}"


def _tests(workspace: Workspace) -> str:
    """Which suites `run_tests` knows how to run."""
    try:
        found = labels(suites(Tree(workspace)))
    except ToolError:
        return ""
    if not found:
        return "tests: none that run_tests knows; give it a command"
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f"tests: {', '.join(found[:5])}{more}; run_tests runs them"


async def _places(workspace: Workspace, issue: str, choose: Choose | None) -> str:
    """What `locate` makes of the issue: computed from its words, so a hint and not the answer."""
    try:
        async with asyncio.timeout(LOCATE_SECONDS):
            found = await look(workspace, issue)
    except BadArguments:
        return ""
    except TimeoutError:
        return f"locate: no answer within {LOCATE_SECONDS:g} s; ask it again when you need it"
    except ToolError as error:
        return f"locate: {error}"
    if not found.files:
        return ""
    head = "locate, from the issue's words alone"
    if choose:
        candidates = await asyncio.to_thread(found.candidates, CANDIDATES)
        there = {item.path for item in found.files}
        if first := [path for path in await choose(candidates) if path in there]:
            found = found.with_first(first)
            head = f"locate, from the issue's words; the first {len(first)} as you chose them by their names"
    told = await asyncio.to_thread(answer, workspace, found, PLACES)
    return redact.mask(f"{head}:\n{clip(told.text, PLACES_CHARS)}")
