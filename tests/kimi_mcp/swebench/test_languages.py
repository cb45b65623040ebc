"""SWE-bench Multilingual's languages: built, tested and graded with this machine's own tools, the commands of
swebench's tables and its log parsers."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kimi_mcp.swebench.works import validate
from tests.kimi_mcp.swebench.languages import PROJECTS, Project


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


def assert_official(project: Project, tmp_path: Path) -> None:
    """The official harness grades our log the same."""
    grading = pytest.importorskip("swebench.harness.grading")
    log = tmp_path / "work" / "after" / "test_output.txt"
    spec = SimpleNamespace(instance_id=project.id, repo=project.repo, version=project.version)
    statuses, readable = grading.get_logs_eval(spec, str(log))
    assert readable
    wanted = (*project.fail_to_pass, *project.pass_to_pass)
    assert {statuses.get(name) for name in wanted} == {"PASSED"}
