"""A long scripted run against the simulated endpoint over HTTP, measured.

The whole of it: `uv run python -m tests.bench long_run`.
"""

import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kimi_mcp.agent import events as ev
from kimi_mcp.agent.agent import Agent, Task
from kimi_mcp.agent.functions import OWN
from kimi_mcp.agent.loop import run
from kimi_mcp.agent.snapshot import Snapshot
from kimi_mcp.agent.toolbox import Toolbox
from kimi_mcp.model.connect import Connection, connect
from kimi_tools.catalog import TOOLS
from kimi_tools.workspace import Workspace
from tests.conftest import git, write_files
from tests.kimi_api import Call, KimiApi, Request, Turn
from tests.kimi_mcp.agent.conftest import BUGGY, FIX, REPRODUCE

GOAL = "add(1, 2) returns -1; it must return 3. Keep double() as it is."
PLAN = "[>] Read all of it\n[ ] Fix add in calc.py\n[ ] Run the tests"
MODULES = 40


@dataclass(frozen=True)
class Measured:
    """What a long run came to. `outside_ms`: per step, without the model. `rss_mb`: at 1/3 and at the end."""

    steps: int
    status: str
    outside_ms: list[float]
    rss_mb: tuple[float, float]
    cached: float
    folds: list[str]
    refused: int
    goal_kept: bool
    plan_kept: bool
    seconds: float

    @property
    def median_ms(self) -> float:
        return statistics.median(self.outside_ms)

    @property
    def growth(self) -> float:
        """The median of the last third of the steps by that of the first."""
        third = len(self.outside_ms) // 3
        return statistics.median(self.outside_ms[-third:]) / statistics.median(self.outside_ms[:third])


def module(number: int) -> str:
    lines = [f"def function_{number}_{line}(value):\n    return value + {line}\n" for line in range(300)]
    return f"STATE = 0\n\n\n{chr(10).join(lines)}"


def turns(steps: int) -> list[Turn]:
    """Reads, searches, edits and commands in turn, then the fix."""

    def turn(name: str, **arguments: object) -> Turn:
        return Turn(reasoning="I look at the next part of it.", calls=(Call(name, arguments),))

    made = [turn("update_plan", plan=PLAN), turn("reproduce", command=REPRODUCE)]
    for step in range(2, steps - 5):
        path = f"part/m{step % MODULES}.py"
        if step % 10 == 5:
            round_ = step // MODULES
            made.append(turn("write_file", path=f"part/new{step}.py", content=f"STATE = {round_}\n"))
        elif step % 10 == 9:
            made.append(turn("run_command", command=f"echo step {step}"))
        else:
            made.append(turn("read_file", path=path, start=1 + 7 * (step // MODULES), count=300))
    return [
        *made,
        turn("reproduce", command=FIX),
        turn("run_command", command="python3 -m unittest -q test_calc"),
        turn("reproduce", command=REPRODUCE),
        turn("submit", summary="add() subtracted."),
        turn("submit", summary="add() subtracted."),
    ]


async def long_run(steps: int, folder: Path, window: int = 262_144) -> Measured:
    """Run it in `folder`."""
    root = folder / "repository"
    root.mkdir()
    write_files(root, {**BUGGY, **{f"part/m{number}.py": module(number) for number in range(MODULES)}})
    git(root, "init", "-q")
    script = turns(steps)
    handoff = Turn(text="I read the parts; calc.py add subtracts. Next: go on reading.")
    asked = 0

    def respond(request: Request) -> Turn:
        nonlocal asked
        last = request.body["messages"][-1]
        if last["role"] == "user" and "The context is nearly full" in json.dumps(last["content"]):
            return handoff
        asked += 1
        return script[min(asked, len(script)) - 1]

    models = [{"id": "kimi-k2.6", "window": window}]
    with KimiApi(respond, keep_bodies=1, models=models) as api:
        async with await connect(Connection(host=api.url, model="kimi-k2.6")) as model:
            workspace = Workspace(root, state=folder / "state")
            agent = Agent(model, Toolbox(workspace, TOOLS, OWN), Snapshot(root, folder / "tree"), True)
            task = Task(GOAL, budget=ev.Budget(steps=0, seconds=0))
            started = time.monotonic()
            outside: list[float] = []
            folds: list[str] = []
            rss = 0.0
            before = time.time()
            async for event in run(agent, task):
                if isinstance(event, ev.Folded):
                    folds.append(event.how)
                if isinstance(event, ev.Answered):
                    outside.append((event.at - before - event.answer.seconds) * 1000)
                    before = event.at
                    if event.step == steps // 3:
                        rss = resident()
            workspace.close()
        body = json.dumps(api.requests[-1].body)
        refused = sum(bool(request.refused) for request in api.requests)
        state = agent.state
        return Measured(
            steps=state.step,
            status=state.ended.outcome.status if state.ended else "",
            outside_ms=outside[1:],
            rss_mb=(rss, resident()),
            cached=state.cached_tokens / state.prompt_tokens,
            folds=folds,
            refused=refused,
            goal_kept=GOAL in body,
            plan_kept="Fix add in calc.py" in body,
            seconds=time.monotonic() - started,
        )


def resident() -> float:
    """This process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main(steps: int) -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as name:
        done = asyncio.run(long_run(steps, Path(name)))
    print(
        f"{done.steps} steps, {done.status}, {done.seconds:.1f} s; outside the model {done.median_ms:.1f} ms "
        f"in the median, last third / first third {done.growth:.2f}; memory {done.rss_mb[0]:.0f} MB at a "
        f"third, {done.rss_mb[1]:.0f} MB at the end; {done.cached:.1%} of prompt tokens cached; "
        f"{len(done.folds)} foldings ({', '.join(sorted(set(done.folds)))}); "
        f"{done.refused} requests refused; goal {'kept' if done.goal_kept else 'LOST'}, "
        f"plan {'kept' if done.plan_kept else 'LOST'}"
    )
