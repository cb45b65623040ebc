"""SWE-bench Multilingual's languages: built, tested and graded with this machine's own tools, the commands of
swebench's tables and its log parsers."""

import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kimi_mcp.swebench.instances import load
from kimi_mcp.swebench.works import validate
from tests.kimi_api import KimiApi
from tests.kimi_mcp.swebench.author import Author
from tests.kimi_mcp.swebench.languages import CALYPSO, PROJECTS, C, Project, write

ROOT = Path(__file__).parents[3]


def validated(tmp_path: Path, row: dict[str, Any]) -> dict[str, Any]:
    """What the gold patch shows in the environment `none`; the logs are shown where a test fails."""
    arguments = {
        "row": row,
        "histories": [str(tmp_path / "histories")],
        "environment": "none",
        "test_seconds": 300,
    }
    worked = asyncio.run(validate(arguments, tmp_path / "work"))
    print(*worked.files.values(), sep="\n")
    return dict(worked.facts)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_gold_patch_is_sound_by_the_official_parser_of_its_language(tmp_path: Path, name: str) -> None:
    project = PROJECTS[name]
    if reason := project.missing():
        pytest.skip(reason)
    facts = validated(tmp_path, project.row(tmp_path / "histories"))
    assert facts["sound"], facts
    assert facts["before"]["not_fixed"] == project.fail_to_pass
    assert facts["after"]["fixed"] == project.fail_to_pass
    assert facts["after"]["kept"] == project.pass_to_pass
    assert_official(project, tmp_path)


def test_a_batch_in_several_languages_is_run_and_graded(tmp_path: Path) -> None:
    projects = [project for project in (C, CALYPSO) if not project.missing()]
    if not projects:
        pytest.skip(f"{C.missing()}; {CALYPSO.missing()}")
    rows = write(tmp_path, projects)
    command = [sys.executable, "-m", "kimi_mcp", "swebench", "run", str(rows), "--env", "none", "--grade"]
    command += [
        "--repos",
        str(tmp_path / "histories"),
        "--out",
        str(tmp_path / "out"),
        "--model",
        "kimi-k2.6",
    ]
    with KimiApi(Author(load(rows))) as api:
        done = subprocess.run(
            [*command, "--host", api.url], cwd=ROOT, capture_output=True, text=True, check=False
        )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert f"{len(projects)} of {len(projects)} instances: {len(projects)} resolved;" in done.stdout
    assert len((tmp_path / "out" / "preds.jsonl").read_text().splitlines()) == len(projects)


def assert_official(project: Project, tmp_path: Path) -> None:
    """The official harness grades our log the same."""
    grading = pytest.importorskip("swebench.harness.grading")
    log = tmp_path / "work" / "after" / "test_output.txt"
    spec = SimpleNamespace(instance_id=project.id, repo=project.repo, version=project.version)
    statuses, readable = grading.get_logs_eval(spec, str(log))
    assert readable
    wanted = (*project.fail_to_pass, *project.pass_to_pass)
    assert {statuses.get(name) for name in wanted} == {"PASSED"}
