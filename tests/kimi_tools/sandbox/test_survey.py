"""The look for protected entries sees every one, however often and in however large a tree it is repeated."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_tools.sandbox import survey
from kimi_tools.sandbox.survey import Survey

CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "nothing": (lambda root: None, {".git", "sub/.git"}),
    "one in an old folder": (
        lambda root: (root / "d7/.git").mkdir(),
        {".git", "sub/.git", "d7/.git"},
    ),
    "a file": (
        lambda root: (root / "d7/e7/.git").write_text("gitdir: /x"),
        {".git", "sub/.git", "d7/e7/.git"},
    ),
    "in new folders": (
        lambda root: (root / "new/deep/.git").mkdir(parents=True),
        {".git", "sub/.git", "new/deep/.git"},
    ),
    "moved with its parent": (
        lambda root: (root / "sub").rename(root / "d3/e3/sub"),
        {".git", "d3/e3/sub/.git"},
    ),
    "an old name for another folder": (
        lambda root: ((root / "d1").rename(root / "gone"), (root / "d1/e1/.git").mkdir(parents=True)),
        {".git", "sub/.git", "d1/e1/.git"},
    ),
    "taken away": (lambda root: (root / "sub/.git").rmdir(), {".git"}),
    "a file of secrets": (lambda root: (root / "d2/.env").write_text("A=b"), {".git", "sub/.git", "d2/.env"}),
    "a protected name": (lambda root: (root / ".vscode").mkdir(), {".git", "sub/.git", ".vscode"}),
}


@pytest.fixture(params=["compared", "told by the kernel"])
def looked(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    """A survey that has looked more than once, in a tree above or below the number from which it watches."""
    if request.param == "told by the kernel":
        if not survey.on_local_disk(tmp_path):
            pytest.skip("temporary files are not on a disk of this machine")
        monkeypatch.setattr(survey, "_MANY", 10)
    for number in range(20):
        (tmp_path / f"d{number}/e{number}").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub/.git").mkdir(parents=True)
    made = Survey(tmp_path)
    for _ in range(3):
        assert set(made.look()) == {".git", "sub/.git"}
    return made


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_at_the_next_look_and_the_ones_after(looked: Survey, change: str) -> None:
    act, expected = CHANGES[change]
    act(looked.root)
    for _ in range(3):
        assert set(looked.look()) == expected
    (looked.root / "d9/again").mkdir()
    assert set(looked.look()) == expected
    (looked.root / "d9/again/.git").mkdir()
    assert set(looked.look()) == expected | {"d9/again/.git"}


def test_a_folder_that_is_opened_again_is_looked_into(looked: Survey) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    closed = looked.root / "closed"
    (closed / "in/.git").mkdir(parents=True)
    closed.chmod(0)
    for _ in range(2):
        assert set(looked.look()) == {".git", "sub/.git"}
    closed.chmod(0o755)
    assert set(looked.look()) == {".git", "sub/.git", "closed/in/.git"}


def test_without_room_for_watches_times_are_compared(looked: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(survey.Watch, "add", full)
    (looked.root / "d4/new/.git").mkdir(parents=True)
    assert set(looked.look()) == {".git", "sub/.git", "d4/new/.git"}
    (looked.root / "d5/.git").mkdir()
    assert set(looked.look()) == {".git", "sub/.git", "d4/new/.git", "d5/.git"}
