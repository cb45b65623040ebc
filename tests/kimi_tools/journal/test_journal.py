"""The journal: all changes or none, taken back on request, nobody's work lost."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_tools import journal
from kimi_tools.errors import BadArguments, Conflict, NotAllowed, NotFound, PathRefused
from kimi_tools.journal import Change, store
from kimi_tools.policy import NeedsLeave
from kimi_tools.workspace import Stale, Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def files_of(root: Path) -> dict[str, bytes]:
    """Every file below a root but git's, with its bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def change(workspace: Workspace, path: str, after: str | None) -> journal.Record:
    file = workspace.root / path
    before = file.read_bytes() if file.exists() else None
    return journal.apply(
        workspace, "t", [Change(path, before, after.encode() if after is not None else None)]
    )


def test_files_are_made_changed_and_deleted_in_one_step_and_taken_back(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "one", "b": "two"})
    before = files_of(workspace.root)
    journal.apply(
        workspace,
        "t",
        [Change("a", b"one", b"1"), Change("b", b"two", None), Change("new/deep/c", None, b"three")],
    )
    assert files_of(workspace.root) == {"a": b"1", "new/deep/c": b"three"}
    journal.undo(workspace)
    assert files_of(workspace.root) == before
    assert not (workspace.root / "new").exists()


def test_one_file_that_is_not_as_believed_stops_all(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "one", "b": "two"})
    before = files_of(workspace.root)
    with pytest.raises(Stale, match="'b' changed since it was read"):
        journal.apply(workspace, "t", [Change("a", b"one", b"1"), Change("b", b"TWO", b"2")])
    with pytest.raises(Conflict, match="'b' exists already"):
        journal.apply(workspace, "t", [Change("a", b"one", b"1"), Change("b", None, b"2")])
    with pytest.raises(Conflict, match="'c' is not there"):
        journal.apply(workspace, "t", [Change("a", b"one", b"1"), Change("c", b"x", b"2")])
    assert files_of(workspace.root) == before
    assert journal.records(workspace) == []


def test_undo_works_after_a_restart_and_goes_further_back_each_time(make_workspace: MakeWorkspace) -> None:
    first = make_workspace({"a": "0"})
    for text in "123":
        change(first, "a", text)
    workspace = Workspace(first.root, state=first.state)
    journal.undo(workspace)
    assert (workspace.root / "a").read_text() == "2"
    journal.undo(workspace, 2)
    assert (workspace.root / "a").read_text() == "0"
    with pytest.raises(NotFound, match="undo"):
        journal.undo(workspace)
    assert [record.undone for record in journal.records(workspace)] == [True, True, True]
    workspace.close()


def test_an_undo_can_be_redone(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "0"})
    change(workspace, "a", "1")
    change(workspace, "d/new", "n")
    journal.undo(workspace, 2)
    assert files_of(workspace.root) == {"a": b"0"}
    journal.undo(workspace, redo=True)
    assert files_of(workspace.root) == {"a": b"1", "d/new": b"n"}
    journal.undo(workspace)
    assert files_of(workspace.root) == {"a": b"1"}


def test_undo_refuses_when_the_file_changed_since(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "0", "b": "0"})
    journal.apply(workspace, "t", [Change("a", b"0", b"1"), Change("b", b"0", b"1")])
    (workspace.root / "b").write_text("theirs")
    with pytest.raises(Conflict, match="'b' was changed since"):
        journal.undo(workspace)
    assert files_of(workspace.root) == {"a": b"1", "b": b"theirs"}


def test_undo_of_two_steps_refuses_when_another_program_wrote_between(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "0"})
    change(workspace, "a", "1")
    (workspace.root / "a").write_text("theirs")
    change(workspace, "a", "2")
    with pytest.raises(Conflict):
        journal.undo(workspace, 2)
    journal.undo(workspace)
    assert (workspace.root / "a").read_text() == "theirs"


def test_a_hard_link_out_of_the_root_keeps_its_bytes(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace({"a": "0"})
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    os.link(outside, workspace.root / "h")
    change(workspace, "h", "mine")
    assert outside.read_text() == "theirs"
    assert (workspace.root / "h").read_text() == "mine"


def test_permission_bits_are_set_kept_and_restored(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "0"})
    (workspace.root / "a").chmod(0o640)
    journal.apply(workspace, "t", [Change("a", b"0", b"0", mode=0o755)])
    assert (workspace.root / "a").stat().st_mode & 0o777 == 0o755
    journal.undo(workspace)
    assert (workspace.root / "a").stat().st_mode & 0o777 == 0o640


def test_a_read_only_file_is_not_replaced_behind_its_mode(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "0"})
    (workspace.root / "a").chmod(0o444)
    with pytest.raises(NotAllowed, match="read-only"):
        change(workspace, "a", "1")


@pytest.mark.parametrize(
    "path",
    [
        ".git",
        ".git/config",
        ".git/hooks/post-checkout",
        ".git/info/attributes",
        ".GIT/hooks/pre-commit",
        "sub/.git",
        "sub/.git/config",
        "GIT~1/config",
        ".git::$INDEX_ALLOCATION/x",
        ".g\u200cit/config",
        ".git./config",
        ".git /config",
        "sub\\.git\\config",
        "．ｇｉｔ/config",
        "x/../.git/config",
        "alias/config",
    ],
)
def test_git_is_never_written_under_any_of_its_names(make_workspace: MakeWorkspace, path: str) -> None:
    workspace = make_workspace({"x/a": "0"})
    (workspace.root / "alias").symlink_to(".git")
    with pytest.raises(PathRefused):
        journal.apply(workspace, "t", [Change(path, None, b"[core]\n")])


@pytest.mark.parametrize(
    "path", [".cUrSoR/mcp.json", ".Vscode/settings.json", ".env", "sub/.mcp.json", "safe/x"]
)
def test_a_protected_file_needs_leave_for_exactly_this_content(
    make_workspace: MakeWorkspace, path: str
) -> None:
    workspace = make_workspace({"a": "0"})
    (workspace.root / ".vscode").mkdir()
    (workspace.root / "safe").symlink_to(".vscode")
    with pytest.raises(NeedsLeave, match="--allow protected") as need:
        journal.apply(workspace, "t", [Change(path, None, b"text\n")])
    assert need.value.request.subject == path
    assert "+text" in need.value.request.content
    workspace.policy.grant(need.value.request)
    with pytest.raises(NeedsLeave):
        journal.apply(workspace, "t", [Change(path, None, b"other text\n")])
    journal.apply(workspace, "t", [Change(path, None, b"text\n")])
    assert (workspace.root / path).read_bytes() == b"text\n"


def test_the_journal_is_private_and_bounded(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEEP_STEPS", 5)
    workspace = make_workspace({"a": "0"})
    for number in range(12):
        change(workspace, "a", f"{number}!")
    folder = workspace.state / "journal"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert len(journal.records(workspace)) == 5
    monkeypatch.setattr(store, "KEEP_BYTES", 10)
    change(workspace, "a", "x" * 100)
    change(workspace, "a", "y" * 100)
    assert len(journal.records(workspace)) == 1


def test_edits_of_one_file_from_many_threads_are_all_made(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": ""})
    path = workspace.root / "a"

    def add(name: str) -> None:
        for _ in range(10):
            while True:
                before = path.read_bytes()
                try:
                    journal.apply(workspace, "t", [Change("a", before, before + name.encode())])
                    break
                except Conflict:
                    continue

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcde"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text()) == sorted("abcde" * 10)


def test_what_cannot_be_a_file_is_refused(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace({"d/a": "0"})
    os.mkfifo(workspace.root / "fifo")
    (workspace.root / "out").symlink_to(tmp_path / "elsewhere")
    (workspace.root / "up").symlink_to("..")
    for path in ("d", ".", "fifo", "out", "out/x", "up/x", "../x", "/etc/x", "a\0b", "d/a/b", "n" * 300):
        with pytest.raises((PathRefused, Conflict, NotFound)):
            journal.apply(workspace, "t", [Change(path, None, b"x")])
    with pytest.raises(BadArguments, match="twice"):
        journal.apply(workspace, "t", [Change("d/a", b"0", b"1"), Change("d/../d/a", b"0", b"2")])
    with pytest.raises(PathRefused, match="at most"):
        journal.apply(workspace, "t", [Change("big", None, bytes(33 * 1024 * 1024))])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository", "state"]
