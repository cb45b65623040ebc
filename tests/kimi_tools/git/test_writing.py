"""Commits and branches, through the tools, on real repositories."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from git import GitDB, Repo

from kimi_tools.errors import BadArguments, Conflict, NotAllowed, NotFound, PathRefused, ToolError
from kimi_tools.git import git_branch, git_commit
from kimi_tools.policy import Policy
from kimi_tools.workspace import Workspace
from tests.conftest import git, write_files

Make = Callable[[dict[str, str | bytes]], Workspace]


@pytest.fixture
def make(make_workspace: Make) -> Make:
    """A workspace whose user allows commits."""

    def make(files: dict[str, str | bytes]) -> Workspace:
        workspace = make_workspace(files)
        workspace.policy = Policy.allowing(["commits"])
        return workspace

    return make


def commit(workspace: Workspace, *paths: str, **arguments: Any) -> tuple[str, Any]:
    arguments = {"message": "Change", **arguments}
    result = anyio.run(git_commit, workspace, {"paths": list(paths), **arguments})
    return result.text, result.data


def branch(workspace: Workspace, name: str = "", **arguments: Any) -> tuple[str, Any]:
    result = anyio.run(git_branch, workspace, {"name": name, **arguments})
    return result.text, result.data


def committed(workspace: Workspace) -> list[str]:
    return git(workspace.root, "show", "--format=", "--name-status", "--no-renames", "-z", "HEAD").split(
        "\0"
    )[:-1]


def test_only_the_named_paths_are_committed(make: Make) -> None:
    workspace = make({"a": "1", "b": "1", "c": "1", "gone": "1", "d/x": "1"})
    write_files(
        workspace.root, {"a": "2\n", "b": "2\n", "c": "2\n", "new": "1\n", "d/y": "1\n", "other": "1\n"}
    )
    git(workspace.root, "add", "b")
    (workspace.root / "gone").unlink()
    text, data = commit(workspace, "a", "new", "gone", "d", message="Some\n\nbecause")
    assert text.startswith(f"Committed {data.commit[:10]} on main: Some (4 files, +3 -2)\n  a | +1 -1\n")
    assert committed(workspace) == ["M", "a", "A", "d/y", "D", "gone", "A", "new"]
    assert git(workspace.root, "status", "--porcelain") == "M  b\n M c\n?? other\n"
    assert (
        git(workspace.root, "log", "-1", "--format=%an <%ae>%n%B")
        == "Bob Builder <bob@example.org>\nSome\n\nbecause\n\n"
    )


@pytest.mark.filterwarnings("ignore:GitDB is deprecated")
def test_another_implementation_of_git_reads_the_same_commit(make: Make) -> None:
    workspace = make({"a": "1", "d/b": "1"})
    write_files(workspace.root, {"d/b": "zwei é\n"})
    _, data = commit(workspace, "d", message="Größe\n\nbody")
    head = Repo(workspace.root, odbt=GitDB, expand_vars=False).commit(data.commit)
    assert (head.message, head.author.name, len(head.parents)) == ("Größe\n\nbody\n", "Bob Builder", 1)
    assert (head.tree / "d/b").data_stream.read() == "zwei é\n".encode()
    assert (head.tree / "a").data_stream.read() == b"1"


def test_a_staged_rename_is_committed_whole(make: Make) -> None:
    workspace = make({"old": "text\n" * 20})
    git(workspace.root, "mv", "old", "new")
    commit(workspace, "new", "old")
    assert committed(workspace) == ["A", "new", "D", "old"]
    assert git(workspace.root, "status", "--porcelain") == ""


def test_the_first_commit_of_a_branch_can_be_made(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    write_files(root, {"a": "1", "b": "1"})
    commit(Workspace(root, state=tmp_path / "state", policy=Policy.allowing(["commits"])), "a")
    assert git(root, "status", "--porcelain") == "?? b\n"


def test_a_message_is_data(make: Make) -> None:
    workspace = make({"a": "1"})
    config = (workspace.root / ".git/config").read_bytes()
    message = "# no comment\n[core]\n\tfsmonitor=evil\n--amend\n$(id) `id` %s é\n"
    write_files(workspace.root, {"a": "2"})
    commit(workspace, "a", message=message)
    assert git(workspace.root, "log", "-1", "--format=%B").rstrip("\n") == message.rstrip("\n")
    assert (workspace.root / ".git/config").read_bytes() == config
    for empty in ("", " \n", "a\0b"):
        with pytest.raises(BadArguments):
            commit(workspace, "a", message=empty)


def test_hooks_are_not_run(make: Make) -> None:
    workspace = make({"a": "1"})
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "reference-transaction"):
        hook = workspace.root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho ran >> ../hooks-ran\nexit 1\n")
        hook.chmod(0o755)
    write_files(workspace.root, {"a": "2"})
    commit(workspace, "a")
    assert not (workspace.root.parent / "hooks-ran").exists()


def test_nothing_to_commit_is_refused(make: Make) -> None:
    workspace = make({"a": "1", ".gitignore": "ignored\n", "b": "1"})
    write_files(workspace.root, {"ignored": "1", "b": "2"})
    for path in ("a", "ignored", "absent", "ab"):
        with pytest.raises(NotFound, match=f"nothing to commit in '{path}'"):
            commit(workspace, "b", path)
    with pytest.raises(BadArguments, match="No paths"):
        commit(workspace)
    for path in ("../x", "/etc/passwd", ":(top)b", "*"):
        with pytest.raises((PathRefused, NotFound)):
            commit(workspace, path)
    assert git(workspace.root, "log", "--format=%s") == "Start\n"


def test_names_that_look_like_options_or_patterns_are_names(make: Make) -> None:
    workspace = make({"a": "1"})
    names = ["-rf", "--all", "*", ":(top)x", " ", '"q"', "a\nb", "é", "e\u0301"]
    write_files(workspace.root, dict.fromkeys(names, "1"))
    for name in names:
        commit(workspace, f"./{name}")
        assert committed(workspace) == ["A", name]
    assert git(workspace.root, "status", "--porcelain") == ""


def test_a_name_that_is_no_text_is_committed_with_its_directory(make: Make) -> None:
    workspace = make({"d/a": "1"})
    (workspace.root / "d").joinpath(b"\xff".decode("utf-8", "surrogateescape")).write_text("1")
    _, data = commit(workspace, "d")
    assert data.files[0].path == "d/⟨U+DCFF⟩"
    assert git(workspace.root, "status", "--porcelain") == ""


@pytest.mark.parametrize("state", ["merging", "rebasing", "cherry-picking", "detached"])
def test_no_commit_in_the_middle_of_something_else(make: Make, state: str) -> None:
    workspace = make({"a": "1\n"})
    root = workspace.root
    git(root, "checkout", "-q", "-b", "side")
    write_files(root, {"a": "side\n"})
    git(root, "commit", "-qam", "Side")
    git(root, "checkout", "-q", "main")
    write_files(root, {"a": "main\n"})
    git(root, "commit", "-qam", "Main")
    command = {
        "merging": ["merge", "side"],
        "rebasing": ["rebase", "side"],
        "cherry-picking": ["cherry-pick", "side"],
        "detached": ["checkout", "-q", "--detach"],
    }[state]
    if state == "detached":
        git(root, *command)
    else:
        with pytest.raises(Exception, match="returned non-zero"):
            git(root, *command)
    write_files(root, {"b": "1"})
    before = git(root, "for-each-ref")
    with pytest.raises(Conflict, match=state):
        commit(workspace, "b")
    assert git(root, "for-each-ref") == before
    if state != "detached":
        with pytest.raises(Conflict, match=state):
            branch(workspace, "side")


def test_a_commit_meant_for_another_branch_is_refused(make: Make) -> None:
    workspace = make({"a": "1"})
    write_files(workspace.root, {"a": "2"})
    with pytest.raises(Conflict, match="current branch is 'main', not 'fix'"):
        commit(workspace, "a", branch="fix")
    commit(workspace, "a", branch="main")


def test_when_git_refuses_nothing_of_ours_stays_behind(make: Make, home: Path) -> None:
    workspace = make({"a": "1"})
    (home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    write_files(workspace.root, {"a": "2", "new": "1"})
    with pytest.raises(ToolError, match=r"git config --global user\.name"):
        commit(workspace, "a", "new")
    assert git(workspace.root, "status", "--porcelain") == " M a\n?? new\n"


def test_a_commit_on_the_users_branch_needs_leave_and_on_one_of_ours_none(make_workspace: Make) -> None:
    workspace = make_workspace({"a": "1"})
    write_files(workspace.root, {"a": "2"})
    with pytest.raises(NotAllowed, match="--allow commits"):
        commit(workspace, "a")
    assert git(workspace.root, "log", "--format=%s") == "Start\n"
    branch(workspace, "fix/one", create=True)
    commit(workspace, "a")
    again = Workspace(workspace.root, state=workspace.state)
    write_files(workspace.root, {"a": "3"})
    commit(again, "a")
    assert git(workspace.root, "log", "--format=%s") == "Change\nChange\nStart\n"


def test_secrets_are_not_committed_without_leave(make: Make) -> None:
    workspace = make({"a": "1"})
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    write_files(
        workspace.root, {".env": "X=1", "a": f"token = '{token}'\n", "d/id_rsa": "x", "ok": f"t = {token}\n"}
    )
    for path in (".env", "d", "a", "ok"):
        with pytest.raises(NotAllowed, match="--allow secrets") as refused:
            commit(workspace, path)
        assert token not in str(refused.value)
    workspace.policy = Policy.allowing(["commits", "secrets"])
    commit(workspace, ".env", "d", "a", "ok")


def test_a_file_under_a_filter_that_is_not_run_is_not_committed(make: Make) -> None:
    workspace = make({"a.big": "1", "b": "1"})
    (workspace.root / ".git/info").mkdir(exist_ok=True)
    (workspace.root / ".git/info/attributes").write_text("*.big filter=lfs\n")
    git(workspace.root, "config", "filter.lfs.clean", "tr 1 2")
    write_files(workspace.root, {"a.big": "11", "b": "11"})
    with pytest.raises(NotAllowed, match="goes through the filter 'lfs'"):
        commit(workspace, "a.big", "b")
    commit(workspace, "b")
    with pytest.raises(NotAllowed, match="switch with git yourself"):
        branch(workspace, "other", create=True, start="HEAD~1")


def test_a_filter_of_the_users_own_configuration_works(make: Make, home: Path) -> None:
    with (home / ".gitconfig").open("a") as config:
        config.write('[filter "lfs"]\n\tclean = tr 1 2\n')
    workspace = make({"a.big": "1"})
    (workspace.root / ".git/info").mkdir(exist_ok=True)
    (workspace.root / ".git/info/attributes").write_text("*.big filter=lfs\n")
    git(workspace.root, "config", "filter.lfs.clean", "tr 1 3")
    write_files(workspace.root, {"a.big": "11"})
    commit(workspace, "a.big")
    assert git(workspace.root, "cat-file", "blob", "HEAD:a.big") == "22"


def test_branches_are_listed_made_and_switched(make: Make) -> None:
    workspace = make({"a": "1"})
    text, data = branch(workspace, "fix", create=True)
    assert text == "Made and switched to fix (before: main)."
    write_files(workspace.root, {"a": "2"})
    commit(workspace, "a")
    assert branch(workspace, "main")[0] == "Switched to main (before: fix)."
    assert (workspace.root / "a").read_text() == "1"
    text, data = branch(workspace)
    assert text.startswith("2 branches, on main\n")
    assert "* main " in text
    assert data.current == "main" and {one.name for one in data.branches} == {"fix", "main"}
    assert branch(workspace, "main")[0] == "Already on main."
    with pytest.raises(Conflict, match="exists already"):
        branch(workspace, "fix", create=True)
    with pytest.raises(NotFound, match="no branch 'absent'"):
        branch(workspace, "absent")
    branch(workspace, "from-fix", create=True, start="fix")
    assert (workspace.root / "a").read_text() == "2"


def test_switching_never_loses_changes(make: Make) -> None:
    workspace = make({"a": "1", ".gitignore": "ignored\n"})
    root = workspace.root
    branch(workspace, "side", create=True)
    write_files(root, {"a": "2", "new": "side", "ignored": "side"})
    git(root, "add", "-f", "ignored")
    commit(workspace, "a", "new", "ignored")
    git(root, "checkout", "-q", "main")
    for name in ("a", "new", "ignored"):
        write_files(root, {name: "mine"})
        with pytest.raises(Conflict, match=f"lose changes in .*{name}"):
            branch(workspace, "side")
        assert (root / name).read_text() == "mine"
        git(root, "checkout", "-q", "-f", "main")
        git(root, "clean", "-qfdx")
    write_files(root, {"unrelated": "mine"})
    branch(workspace, "side")
    assert (root / "unrelated").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["-m", "--delete", "a..b", "a b", "x.lock", "@{-1}", "HEAD", "a\0b", "/a", "a/"]
)
def test_a_name_that_is_no_branch_is_refused(make: Make, name: str) -> None:
    workspace = make({"a": "1"})
    before = git(workspace.root, "for-each-ref")
    for create in (False, True):
        with pytest.raises((BadArguments, NotFound)):
            branch(workspace, name, create=create)
    assert git(workspace.root, "for-each-ref") == before


def test_a_start_that_is_an_option_is_refused(make: Make) -> None:
    workspace = make({"a": "1"})
    with pytest.raises(BadArguments):
        branch(workspace, "x", create=True, start="--force")
