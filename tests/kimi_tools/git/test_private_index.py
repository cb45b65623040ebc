"""Reading git's state with a refreshed copy of its index: the same answers, and the repository is not written to."""

import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.git import git_diff, git_status
from kimi_tools.workspace import Workspace
from tests.conftest import git


def status(workspace: Workspace) -> str:
    return anyio.run(git_status, workspace, {}).text


def marks(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture
def committed(make_workspace: Any) -> Workspace:
    return make_workspace({f"f{number}.txt": f"number {number:02}\n" for number in range(20)})


def test_the_copy_is_refreshed_and_the_repository_is_not_written_to(committed: Workspace) -> None:
    for path in committed.root.glob("f*.txt"):
        os.utime(path, ns=(1, 10**18))  # another time than git has noted, the same content
    before = marks(committed.root / ".git")
    assert status(committed).endswith(": clean")
    assert marks(committed.root / ".git") == before
    copy = committed.state / "git-index"
    assert copy.read_bytes() != (committed.root / ".git/index").read_bytes()
    assert status(committed).endswith(": clean")


def test_an_edit_of_the_same_size_in_the_moment_of_the_commit_is_seen(committed: Workspace) -> None:
    path = committed.root / "f3.txt"
    for number in range(20):
        path.write_text(f"changed {number:02}")
        git(committed.root, "commit", "-qam", "again")
        path.write_text(f"CHANGED {number:02}")
        assert "M f3.txt" in status(committed)
        assert f"+CHANGED {number:02}" in anyio.run(git_diff, committed, {}).text
        git(committed.root, "checkout", "-q", "f3.txt")
        assert status(committed).endswith(": clean")


def test_what_others_stage_is_seen_at_once(committed: Workspace) -> None:
    assert status(committed).endswith(": clean")
    for number in range(5):
        (committed.root / f"new{number}.txt").write_text("new\n")
        git(committed.root, "add", f"new{number}.txt")
        assert f"A new{number}.txt" in status(committed)
    git(committed.root, "reset", "-q", "--hard")
    assert status(committed).endswith(": clean")


def test_a_split_index_is_read_and_nothing_is_written_beside_it(committed: Workspace) -> None:
    git(committed.root, "update-index", "--split-index")
    (committed.root / "f1.txt").write_text("other\n")
    os.utime(committed.root / "f2.txt", ns=(1, 10**18))
    before = marks(committed.root / ".git")
    for _ in range(3):
        assert "M f1.txt" in status(committed)
    after = marks(
        committed.root / ".git"
    )  # whoever reads a split index makes its shared part look new: not compared
    assert {name: data for name, (_, data) in after.items()} == {
        name: data for name, (_, data) in before.items()
    }


def test_a_lock_that_a_killed_git_left_does_no_harm_and_is_taken_away(committed: Workspace) -> None:
    assert status(committed).endswith(": clean")
    lock = committed.state / "git-index.lock"
    lock.write_bytes(b"")
    (committed.root / "f1.txt").write_text("other\n")
    assert "M f1.txt" in status(committed)
    assert lock.exists()
    os.utime(lock, (1, 1))
    assert "M f1.txt" in status(committed)
    assert not lock.exists()


def test_a_repository_without_an_index_and_a_state_that_cannot_be_written_are_read_all_the_same(
    make_workspace: Any, committed: Workspace
) -> None:
    (committed.root / ".git/index").unlink()
    assert "staged" in status(committed)
    git(committed.root, "reset", "-q")
    committed.state = Path("/proc/nowhere")
    assert status(committed).endswith(": clean")
