"""What every test may use: a real temporary repository and a workspace on it."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from kimi_tools.workspace import Workspace

MakeRepository = Callable[[dict[str, str | bytes]], Path]

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")
"""Every run draws the same examples; `--hypothesis-profile default` draws new ones, to find new faults."""

GIT_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada Author",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Author",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def git(root: Path, *arguments: str) -> str:
    """Run plain git in a repository that the test made, and return what it prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=GIT_ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout


def write_files(root: Path, files: dict[str, str | bytes]) -> None:
    """Write files below a root, making their folders."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def pytest_configure() -> None:
    """A suite that a shell put into the background was told to ignore Ctrl-C, and so would all that it starts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Half as many again as there are processors (`-n auto`): much of the time a test waits for what it started."""
    return 3 * len(os.sched_getaffinity(0)) // 2 if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=60, help="rounds of kill -9 in tests/faults/test_writes.py")


@pytest.fixture
def kill_rounds(request: pytest.FixtureRequest) -> int:
    """How often the kill -9 test kills."""
    return int(request.config.getoption("--kills"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def make_repository(tmp_path: Path) -> MakeRepository:
    """Make a git repository of the given files with one commit, and return its root."""

    def make(files: dict[str, str | bytes]) -> Path:
        root = tmp_path / "repository"
        root.mkdir()
        write_files(root, files)
        git(root, "init", "-q", "-b", "main")
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", "Start")
        return root

    return make


@pytest.fixture
def make_workspace(tmp_path: Path, make_repository: MakeRepository) -> Iterator[Callable[..., Workspace]]:
    """Make a repository of the given files and open a workspace on it."""
    opened: list[Workspace] = []

    def make(files: dict[str, str | bytes]) -> Workspace:
        workspace = Workspace(make_repository(files), state=tmp_path / "state")
        opened.append(workspace)
        return workspace

    yield make
    for workspace in opened:
        workspace.close()
