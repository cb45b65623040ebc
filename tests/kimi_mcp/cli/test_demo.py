"""`kimi-mcp demo`, as the README's first command runs it: no key, no network, a real bug fixed."""

import os
import subprocess
import sys
from pathlib import Path

from kimi_mcp.cli import demo


def test_the_demonstration_fixes_its_bug_and_says_what_is_recorded(tmp_path: Path) -> None:
    hidden = {name: "" for name in os.environ if name.endswith("API_KEY")}
    state = {"KIMI_MCP_STATE": str(tmp_path / "state"), "KIMI_MCP_CONFIG": str(tmp_path / "none.toml")}
    done = subprocess.run(
        [sys.executable, "-m", "kimi_mcp", "demo", "--recorded"],
        env={**os.environ, **hidden, **state},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    assert "RECORDED" in shown
    assert "kimi-k2.6 (recorded)" in shown
    assert "PASSED: 4" in shown
    assert "PASSED: 5" in shown
    assert "fixed: tests.test_parse.ParseTest.test_several_units_add_up" in shown
    assert next((tmp_path / "state" / "runs").glob("*/run.html")).stat().st_size > 5_000


def test_the_recording_says_that_no_model_made_it() -> None:
    assert "not the output of a model" in demo.recording().about
