"""What the tests of the runners share: sample projects, and a run as a table of statuses."""

import shutil
import sysconfig
import venv
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.testrun import Request, TestReport, execute
from kimi_tools.workspace import Workspace
from tests.conftest import git

REPOS = Path(__file__).parents[2] / "repos"


def give_environment(root: Path) -> None:
    """Make `.venv` in a project, with the packages of the environment that runs these tests.

    No pytest plugin among them loads itself: that would take most of a run's time.
    """
    venv.create(root / ".venv", symlinks=True, with_pip=False)
    packages = next((root / ".venv" / "lib").glob("python*/site-packages"))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        entry_points = entry / "entry_points.txt"
        plugin = entry_points.is_file() and "pytest11" in entry_points.read_text()
        if entry.suffix != ".pth" and not plugin:
            (packages / entry.name).symlink_to(entry)


def run(workspace: Workspace, **request: Any) -> TestReport:
    """Run the tests of a workspace."""
    return anyio.run(execute, workspace, Request(**request))


def need(*programs: str) -> None:
    """Skip the test where a program is not installed."""
    for name in programs:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def untouched(workspace: Workspace) -> bool:
    """Whether a run has left nothing in the repository, ignored or not, beside its environment."""
    return git(workspace.root, "status", "--porcelain", "--ignored", "--", ":!.venv") == ""
