"""What the tests of the runners share: sample projects, and a run as a table of statuses."""

import fcntl
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

import anyio
import platformdirs
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


NODE_PACKAGES = ("jest@29", "vitest@3", "mocha@11", "cross-env@7")


def give_node_modules(root: Path) -> None:
    """Put the JavaScript runners into a project. They are installed once per machine, in the user's cache."""
    need("node", "npm")
    folder = platformdirs.user_cache_path("kimi-mcp-tests") / "-".join(NODE_PACKAGES).replace("@", "")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            (folder / "package.json").write_text('{"private": true}')
            install = ["npm", "install", "--no-audit", "--no-fund", "--silent", *NODE_PACKAGES]
            if subprocess.run(install, cwd=folder, timeout=100, check=False).returncode:
                pytest.skip(f"npm cannot install {', '.join(NODE_PACKAGES)}")
            (folder / "done").touch()
    (root / "node_modules").symlink_to(folder / "node_modules")


def untouched(workspace: Workspace) -> bool:
    """Whether a run has left nothing in the repository, ignored or not, beside its environment."""
    return git(workspace.root, "status", "--porcelain", "--ignored", "--", ":!.venv", ":!node_modules") == ""
