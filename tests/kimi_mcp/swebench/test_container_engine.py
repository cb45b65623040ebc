"""Which container program is taken: the first that is there and answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_mcp.swebench import container
from kimi_tools.errors import Unavailable
from kimi_tools.process import program


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What was found on another PATH is looked for anew."""
    for known in (container.engine, program):
        known.cache_clear()
    yield
    for known in (container.engine, program):
        known.cache_clear()


def installed(folder: Path, name: str, *, answers: bool) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {0 if answers else 1}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("docker", "podman", "taken"),
    [
        (True, True, "docker"),
        (False, True, "podman"),
        (True, False, "docker"),
        (False, False, "docker"),
        (None, False, "podman"),
        (False, None, "docker"),
    ],
)
def test_a_docker_whose_daemon_is_dead_gives_way_to_podman(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    docker: bool | None,
    podman: bool | None,
    taken: str,
) -> None:
    for name, answers in (("docker", docker), ("podman", podman)):
        if answers is not None:
            installed(tmp_path, name, answers=answers)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(container.engine()) == tmp_path / taken


def test_neither_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="Neither docker nor podman is installed"):
        container.engine()
