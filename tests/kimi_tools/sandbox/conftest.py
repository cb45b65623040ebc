"""A workspace whose commands run in the machine's sandbox."""

from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from kimi_tools.errors import NotAllowed
from kimi_tools.process import Finished
from kimi_tools.sandbox import Sandbox, choose
from kimi_tools.workspace import Workspace
from tests.conftest import MakeRepository

Shell = Callable[..., Finished]


@pytest.fixture(scope="session")
def bubblewrap() -> Sandbox:
    """The default sandbox, where this machine can give it."""
    try:
        chosen = choose()
    except NotAllowed as reason:
        pytest.skip(f"no sandbox works here: {reason}")
    if not chosen.level.startswith("bubblewrap"):
        pytest.skip(f"bubblewrap does not work here; {chosen.level} does")
    return chosen


@pytest.fixture
def make_confined(
    tmp_path: Path, make_repository: MakeRepository, bubblewrap: Sandbox
) -> Iterator[Callable[..., Workspace]]:
    """Make a repository of the given files and open a workspace on it whose commands are confined."""
    opened: list[Workspace] = []

    def make(files: dict[str, str | bytes], **options: object) -> Workspace:
        root = make_repository(files)
        workspace = Workspace(root, state=tmp_path / "state", sandbox=bubblewrap, **options)
        opened.append(workspace)
        return workspace

    yield make
    for workspace in opened:
        workspace.close()


def shell(workspace: Workspace, script: str, **options: object) -> Finished:
    """Run a shell script in a workspace."""

    async def run() -> Finished:
        return await workspace.run(["/bin/sh", "-c", script], timeout=30, **options)

    return anyio.run(run)
