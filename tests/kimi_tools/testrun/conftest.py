"""Sample projects, copied out of tests/repos into a real temporary repository."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kimi_tools.workspace import Workspace
from tests.conftest import git
from tests.kimi_tools.testrun.samples import REPOS

Sample = Callable[[str], Workspace]


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    """Open a workspace on a committed copy of one of the projects in tests/repos."""
    opened: list[Workspace] = []

    def make(name: str) -> Workspace:
        root = tmp_path / name
        shutil.copytree(REPOS / name, root)
        git(root, "init", "-q", "-b", "main")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "Start")
        workspace = Workspace(root, state=tmp_path / "state")
        opened.append(workspace)
        return workspace

    yield make
    for workspace in opened:
        workspace.close()
