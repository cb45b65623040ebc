"""The exports, read by the programs that the formats come from. Asked for: their packages are large.

`pip install mini-swe-agent` and `pip install --no-deps harbor pydantic` into environments of their own, then name
their Pythons: KIMI_MCP_MINI, KIMI_MCP_HARBOR. Passed with mini-swe-agent 2.4.6 and harbor 0.26.0 on 2026-11-25; the
`.traj` was read by hand with SWE-agent's own types and inspector of 2026-07-16, which PyPI does not have.
"""

import os
import subprocess
from pathlib import Path

import pytest

from kimi_mcp.agent import events as ev
from kimi_mcp.runs.export import FORMATS
from tests.kimi_mcp.runs.test_export import events

__all__ = ["events"]

HARBOR = """
import json, sys
from harbor.models.trajectories.trajectory import Trajectory
print(len(Trajectory.model_validate(json.load(open(sys.argv[1]))).steps))
"""

MINI = """
import asyncio, sys
from pathlib import Path
from minisweagent.run.utilities.inspector import TrajectoryInspector

async def main():
    app = TrajectoryInspector([Path(sys.argv[1])])
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(app.n_steps):
            await pilot.pause()
            await pilot.press("l")
        print(len(app.messages))

asyncio.run(main())
"""


def read(variable: str, script: str, file: Path) -> int:
    python = os.environ.get(variable, "")
    if not python:
        pytest.skip(f"{variable} names no Python with the reader")
    done = subprocess.run([python, "-c", script, str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2_000:]
    return int(done.stdout.split()[-1])


def test_harbor_takes_the_atif(events: list[ev.Event], tmp_path: Path) -> None:
    file = tmp_path / "run.atif.json"
    file.write_text(FORMATS["atif"][0]("run-1", events))
    assert read("KIMI_MCP_HARBOR", HARBOR, file) == 11


def test_mini_swe_agents_inspector_shows_every_message(events: list[ev.Event], tmp_path: Path) -> None:
    file = tmp_path / "run.traj.json"
    file.write_text(FORMATS["mini"][0]("run-1", events))
    assert read("KIMI_MCP_MINI", MINI, file) == 22
