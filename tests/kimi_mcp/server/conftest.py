"""Servers for the tests of this folder, ended with the test that started them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeRepository
from tests.stdio_client import COMMAND, StdioClient

Start = Callable[..., StdioClient]

WORKBENCH = (sys.executable, str(Path(__file__).with_name("workbench.py")))
"""The server with tools that misbehave."""


@pytest.fixture
def root(make_repository: MakeRepository) -> Path:
    return make_repository({"a.py": "one\ntwo\n", "src/b.py": "b\n"})


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start a server on the repository."""
    started: list[StdioClient] = []

    def go(
        *arguments: str, command: tuple[str, ...] = COMMAND, pinned: bool = True, cwd: Path = root
    ) -> StdioClient:
        started.append(StdioClient(cwd, *arguments, command=command, pinned=pinned))
        return started[-1]

    yield go
    for client in started:
        client.process.kill()
        client.process.wait()


@pytest.fixture
def workbench(start: Start) -> StdioClient:
    """An initialized client of the workbench."""
    client = start(command=WORKBENCH)
    client.initialize()
    return client
