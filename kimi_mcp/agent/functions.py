"""The agent's own functions: plan, reproduce, read on, submit. The loop acts on the data of their results."""

import re
from typing import Literal

from kimi_mcp.agent.events import PlanItem
from kimi_tools.clip import clip
from kimi_tools.errors import BadArguments, NotFound
from kimi_tools.process import program
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.workspace import Workspace

_ITEM = re.compile(r"^\s*(?:[-*]|\d+[.)])?\s*\[(.)\]\s*(.+?)\s*$")
_MARKS: dict[str, Literal["todo", "doing", "done", "dropped"]] = {
    " ": "todo", ">": "doing", "~": "doing", "x": "done", "X": "done", "-": "dropped",
}  # fmt: skip
_SIGNS = {"todo": " ", "doing": ">", "done": "x", "dropped": "-"}


def plan_text(items: tuple[PlanItem, ...]) -> str:
    """The plan as the model writes it."""
    return "\n".join(f"[{_SIGNS[item.state]}] {item.text}" for item in items)


class PlanParams(Params):
    plan: str = Param("One line per item: '[ ] to do', '[>] doing', '[x] done', '[-] dropped'")


class Plan(Data):
    items: tuple[PlanItem, ...]


@tool(
    "Plan",
    "Keep your working plan: call it at the start and whenever an item's state changes.",
    toolset="resolve",
    effect="reads",
)
async def update_plan(workspace: Workspace, params: PlanParams) -> Result:
    items = tuple(
        PlanItem(text=found[2][:300], state=_MARKS.get(found[1], "todo"))
        for line in params.plan.splitlines()[:40]
        if (found := _ITEM.match(line))
    )
    if not items:
        raise BadArguments("The plan holds no item; write one per line, like '[ ] Reproduce the issue'.")
    done = sum(item.state in ("done", "dropped") for item in items)
    return Result(f"Plan kept: {done} of {len(items)} done.", Plan(items=items))


class ReproduceParams(Params):
    command: str = Param("Shell command that exits 0 when the issue is fixed, non-zero while it is not")
    timeout: int = Param("Seconds", default=120, ge=1, le=1800)


class Reproduced(Data):
    """`output` is clipped."""

    command: str
    exit_code: int
    timed_out: bool
    output: str


@tool(
    "Reproduce the issue",
    "Run the command that shows the issue, before and after the fix; the harness runs the last one again on "
    "submission. No network; use a here-document instead of a new file where you can.",
    toolset="resolve",
    effect="executes",
)
async def reproduce(workspace: Workspace, params: ReproduceParams) -> Result:
    done = await workspace.run([program("bash"), "-c", params.command], timeout=params.timeout)
    verdict = "the issue does not show" if done.exit_code == 0 else "the issue shows"
    data = Reproduced(
        command=params.command,
        exit_code=done.exit_code,
        timed_out=done.timed_out,
        output=clip(done.text.encode("utf-8", "replace").decode(), 2_000),
    )
    return Result(f"{done.ending}: {verdict} ({done.seconds:.1f} s)\n{done.text}", data)


class ReadResultParams(Params):
    handle: str = Param("As the cut result gives it, e.g. r12")
    start: int = Param("First line", default=1, ge=1)
    count: int = Param("Lines at most", default=150, ge=1, le=2000)


class ResultLines(Data):
    handle: str
    total: int


@tool(
    "Read a cut result",
    "Read the lines of an earlier result that was too long to show whole.",
    toolset="resolve",
    effect="reads",
)
async def read_result(workspace: Workspace, params: ReadResultParams) -> Result:
    path = workspace.state / "spill" / params.handle
    if not re.fullmatch(r"r\d+", params.handle) or not path.is_file():
        raise NotFound(f"There is no result '{params.handle}'; use a handle from a cut result.")
    lines = path.read_text(errors="replace").splitlines()
    shown = lines[params.start - 1 : params.start - 1 + params.count]
    last = params.start + len(shown) - 1
    text = clip("\n".join([f"lines {params.start}-{last} of {len(lines)}", *shown]), workspace.result_chars)
    return Result(text, ResultLines(handle=params.handle, total=len(lines)))


class SubmitParams(Params):
    summary: str = Param("For the user: what was wrong, what you changed and why, what you ran")


class Submission(Data):
    summary: str


@tool(
    "Submit",
    "Hand in the fix; the harness checks it and measures tests and reproduction with and without it.",
    toolset="resolve",
    effect="reads",
)
async def submit(workspace: Workspace, params: SubmitParams) -> Result:
    return Result("Submitted.", Submission(summary=params.summary))


OWN = (update_plan, reproduce, read_result, submit)
