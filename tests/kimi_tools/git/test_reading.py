"""Status, diff, log, show and blame, through the tools, on real repositories."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.clip import RESULT_CHARS, weight
from kimi_tools.errors import BadArguments, NotAllowed, NotFound, PathRefused, ToolError
from kimi_tools.git import git_blame, git_diff, git_log, git_show, git_status
from kimi_tools.policy import Policy
from kimi_tools.tool import Tool
from kimi_tools.workspace import Workspace
from tests.conftest import git, write_files

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

CODE = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"


def call(tool: Tool, workspace: Workspace, **arguments: Any) -> tuple[str, Any]:
    result = anyio.run(tool, workspace, arguments)
    assert weight(result.text) <= RESULT_CHARS
    return result.text, result.data


def commit(workspace: Workspace, files: dict[str, str | bytes], message: str, *arguments: str) -> None:
    write_files(workspace.root, files)
    git(workspace.root, "add", "-A")
    git(workspace.root, "commit", "-q", "-m", message, *arguments)


def test_status_groups_what_changed(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {name: name * 9 + "\n" for name in ("gone", "moved", "staged", "both", "un staged")}
    )
    assert call(git_status, workspace)[0] == "On branch main: clean"
    git(workspace.root, "mv", "moved", "new name")
    git(workspace.root, "rm", "-q", "gone")
    write_files(workspace.root, {"staged": "x", "both": "x"})
    git(workspace.root, "add", "staged", "both")
    write_files(workspace.root, {"both": "y", "un staged": "y", "é\n1": "", "folder/a": "", "folder/b": ""})
    text, data = call(git_status, workspace)
    assert text == (
        "On branch main: 4 staged, 2 unstaged, 2 untracked\n"
        "staged:\n  M both\n  D gone\n  R moved -> new name\n  M staged\n"
        "unstaged:\n  M both\n  M un staged\n"
        "untracked:\n  folder/\n  é⟨U+000A⟩1"
    )
    assert (data.branch, data.total) == ("main", 7)


def test_status_pages_many_changes(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({})
    write_files(workspace.root, {f"a-rather-long-file-name-{n:04}.txt": "" for n in range(500)})
    seen: list[str] = []
    offset = 0
    while offset < 500:
        text, data = call(git_status, workspace, offset=offset)
        seen += [entry.path for entry in data.entries]
        offset = len(seen)
        assert f"of 500 changes{f'; next: offset={offset}' if offset < 500 else ''}]" in text
    assert len(set(seen)) == 500


def test_status_says_how_far_the_upstream_is(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace({"a": "1"})
    git(tmp_path, "clone", "-q", "--bare", str(workspace.root), "upstream.git")
    git(workspace.root, "remote", "add", "origin", str(tmp_path / "upstream.git"))
    git(workspace.root, "fetch", "-q", "origin")
    git(workspace.root, "branch", "-q", "--set-upstream-to=origin/main")
    assert call(git_status, workspace)[0] == "On branch main, level with origin/main: clean"
    commit(workspace, {"a": "2"}, "Two")
    assert call(git_status, workspace)[0] == "On branch main, 1 ahead of origin/main: clean"


def test_diff_is_of_everything_that_is_not_committed(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": CODE, "b.py": CODE})
    assert call(git_diff, workspace)[0].startswith("No changes.")
    write_files(workspace.root, {"a.py": CODE.replace("return 1", "return 11"), "b.py": CODE + "three = 3\n"})
    git(workspace.root, "add", "b.py")
    text, data = call(git_diff, workspace)
    assert text.startswith("2 files, +2 -1\n  a.py | +1 -1\n  b.py | +1 -0\ndiff --git a/a.py b/a.py\n")
    assert "\n-    return 1\n+    return 11\n" in text
    assert [one.path for one in call(git_diff, workspace, target="staged")[1].files] == ["b.py"]
    assert [one.path for one in call(git_diff, workspace, target="unstaged")[1].files] == ["a.py"]
    assert [one.path for one in call(git_diff, workspace, paths=["b.py"])[1].files] == ["b.py"]
    assert "\n def two():" in data.patch
    assert "\n def two():" not in call(git_diff, workspace, context=0)[1].patch


def test_diff_compares_any_revisions(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "1\n"})
    git(workspace.root, "checkout", "-q", "-b", "side")
    commit(workspace, {"side": "1\n"}, "Side")
    git(workspace.root, "checkout", "-q", "main")
    commit(workspace, {"a": "2\n"}, "Main")
    paths = lambda target: [one.path for one in call(git_diff, workspace, target=target)[1].files]  # noqa: E731
    assert paths("side..main") == ["a", "side"]
    assert paths("side...main") == ["a"]
    assert paths("HEAD~1..") == ["a"]
    assert paths("HEAD~1") == ["a"]


def test_pages_of_a_patch_cover_every_line(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": ""})
    lines = [f"line {n} " + "x" * 50 for n in range(400)]
    write_files(workspace.root, {"a": "\n".join(lines) + "\n"})
    seen: list[str] = []
    offset = 0
    while True:
        text, data = call(git_diff, workspace, offset=offset)
        seen += data.patch.split("\n")
        assert f"[shown lines {offset + 1}-{data.end} of {data.total} of the patch" in text
        if data.end == data.total:
            break
        offset = data.end
    assert [line[1:] for line in seen if line.startswith("+line")] == lines
    with pytest.raises(BadArguments, match="is behind them"):
        call(git_diff, workspace, offset=data.total)


def test_a_diff_shows_renames_binaries_and_modes(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"old": CODE * 5, "image": b"\0\1", "script": "x\n"})
    git(workspace.root, "mv", "old", "new")
    write_files(workspace.root, {"image": b"\0\2"})
    (workspace.root / "script").chmod(0o755)
    text, data = call(git_diff, workspace)
    assert text.startswith("3 files, +0 -0\n  image | binary\n  old -> new | +0 -0\n  script | +0 -0\n")
    assert "new mode 100755" in text
    assert [(one.path, one.origin) for one in data.files][1] == ("new", "old")


def test_secrets_are_left_out_of_diffs_and_need_leave_when_named(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({".env": "KEY=old\n", "a b/.env.local": "KEY=old\n", "a": "1\n"})
    write_files(workspace.root, {".env": "KEY=new\n", "a b/.env.local": "KEY=new\n", "a": "2\n"})
    text, data = call(git_diff, workspace)
    assert "KEY=" not in text
    assert "[files of secrets left out: .env, a b/.env.local]" in text
    assert [one.path for one in data.files] == ["a"]
    with pytest.raises(NotAllowed, match="--allow secrets"):
        call(git_diff, workspace, paths=[".env"])
    with pytest.raises(NotAllowed, match="--allow secrets"):
        call(git_show, workspace, path=".env")
    assert "KEY=" not in call(git_show, workspace)[0]
    workspace.policy = Policy.allowing(["secrets"])
    assert "+KEY=new" in call(git_diff, workspace)[0]


def test_log_lists_commits_newest_first_in_pages(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "0"})
    for number in range(5):
        commit(workspace, {"a": str(number + 1)}, f"Change {number}\n\nBody")
    text, data = call(git_log, workspace, limit=2)
    assert re.match(r"[0-9a-f]{10} \d{4}-\d\d-\d\d Ada Author: Change 4\n", text)
    assert text.endswith("[shown commits 1-2; there are more; next: offset=2]")
    assert [one.subject for one in data.commits] == ["Change 4", "Change 3"]
    text, data = call(git_log, workspace, offset=4)
    assert [one.subject for one in data.commits] == ["Change 0", "Start"]
    assert text.endswith("[shown commits 5-6; no more]")
    assert call(git_log, workspace, revision="HEAD~2..HEAD~1")[1].commits[0].subject == "Change 3"


def test_log_by_path_follows_a_file_through_renames(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"old.py": CODE, "b": "1"})
    git(workspace.root, "mv", "old.py", "new.py")
    commit(workspace, {}, "Rename")
    commit(workspace, {"b": "2"}, "Other")
    subjects = lambda **arguments: [one.subject for one in call(git_log, workspace, **arguments)[1].commits]  # noqa: E731
    assert subjects(path="new.py") == ["Rename", "Start"]
    assert subjects(path="old.py") == ["Rename", "Start"]
    assert subjects(path="b") == ["Other", "Start"]
    assert subjects(path=".") == ["Other", "Rename", "Start"]
    assert subjects(path="absent") == []


def test_log_finds_text_authors_and_dates(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "1\n"})
    commit(workspace, {"a": "1\nneedle(x)\n"}, "Add", "--author=Grace <g@example.org>")
    commit(workspace, {"a": "1\nneedle(xy)\n"}, "Change")
    commit(workspace, {"a": "1\n"}, "Remove", "--date=2001-01-01T00:00:00")
    subjects = lambda **arguments: [one.subject for one in call(git_log, workspace, **arguments)[1].commits]  # noqa: E731
    assert subjects(text="needle") == ["Remove", "Add"]
    assert subjects(text=r"needle\(x.?\)", regex=True) == ["Remove", "Change", "Add"]
    assert subjects(author="grace") == ["Add"]
    assert subjects(since="2090-01-01") == []
    assert subjects(text="--output=x") == []


def test_log_of_a_symbol_is_of_its_lines(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": CODE})
    commit(workspace, {"a.py": "import x\n\n\n" + CODE}, "Import")
    commit(workspace, {"a.py": "import x\n\n\n" + CODE.replace("return 2", "return 22")}, "Two")
    _, data = call(git_log, workspace, path="a.py", symbol="two")
    assert [one.subject for one in data.commits] == ["Two", "Start"]
    with pytest.raises(NotFound, match="it defines one, two"):
        call(git_log, workspace, path="a.py", symbol="three")
    with pytest.raises(BadArguments, match="needs the path"):
        call(git_log, workspace, symbol="two")


def test_show_gives_a_commit_with_message_statistics_and_patch(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "1\n"})
    commit(workspace, {"a": "2\n"}, "Subject\n\nBody line")
    text, data = call(git_show, workspace)
    assert re.match(r"commit [0-9a-f]{10} \S+ Ada Author <ada@example.org>, 1 file, \+1 -1\n", text)
    assert "    Subject\n    \n    Body line\n  a | +1 -1\ndiff --git a/a b/a\n" in text
    assert (data.message, len(data.parents)) == ("Subject\n\nBody line", 1)
    assert call(git_show, workspace, revision="HEAD~1")[1].files[0].path == "a"


def test_show_compares_a_merge_with_its_first_parent(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "1\n"})
    git(workspace.root, "checkout", "-q", "-b", "side")
    commit(workspace, {"side": "1\n"}, "Side")
    git(workspace.root, "checkout", "-q", "main")
    commit(workspace, {"a": "2\n"}, "Main")
    git(workspace.root, "merge", "-q", "--no-edit", "side")
    text, data = call(git_show, workspace)
    assert [one.path for one in data.files] == ["side"]
    assert "compared with the first" in text


def test_show_gives_a_file_or_directory_as_it_was(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": CODE, "d/x": "1", "d/e/y": "1", "image": b"\0"})
    commit(workspace, {"a.py": "new\n"}, "New")
    text, data = call(git_show, workspace, revision="HEAD~1", path="a.py", offset=4)
    assert text.endswith("\n    5  def two():\n    6      return 2\n[shown 5-6 of 6]")
    assert (data.total, data.end) == (6, 6)
    assert call(git_show, workspace, path="d")[1].text == "e/\nx"
    assert call(git_show, workspace, path=".")[1].text == "a.py\nd/\nimage"
    with pytest.raises(PathRefused, match="binary"):
        call(git_show, workspace, path="image")
    with pytest.raises(NotFound, match="'absent' is not in the commit"):
        call(git_show, workspace, path="absent")


def test_blame_names_the_commit_of_each_run_of_lines(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": CODE})
    commit(
        workspace, {"a.py": CODE.replace("return 2", "return 22")}, "Two", "--author=Grace <g@example.org>"
    )
    write_files(workspace.root, {"a.py": CODE.replace("return 2", "return 22") + "three = 3\n"})
    text, data = call(git_blame, workspace, path="a.py")
    assert [(run.subject, run.first, run.last) for run in data.runs[:2]] == [("Start", 1, 5), ("Two", 6, 6)]
    assert data.runs[2].commit == "0" * 40
    assert re.search(
        r"\n[0-9a-f]{10} \S+ Grace: Two\n     6      return 22\nnot committed\n     7  three = 3$", text
    )
    assert call(git_blame, workspace, path="a.py", symbol="two")[1].first == 5
    assert call(git_blame, workspace, path="a.py", start=6, count=1)[1].runs[0].subject == "Two"
    assert call(git_blame, workspace, path="a.py", revision="HEAD~1")[1].total == 6
    with pytest.raises(BadArguments, match="there is no line 99"):
        call(git_blame, workspace, path="a.py", start=99)
    write_files(workspace.root, {"new.py": "x\n"})
    with pytest.raises(NotFound, match="not committed"):
        call(git_blame, workspace, path="new.py")


def test_blame_pages_long_ranges(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "".join(f"line {n} {'x' * 60}\n" for n in range(300))})
    text, data = call(git_blame, workspace, path="a", count=300)
    assert data.last < 300
    assert text.endswith(f"next: start={data.last + 1}]")


def test_unknown_and_malformed_revisions_are_told_apart(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "1"})
    for revision in ("absent", "HEAD~99", "deadbeef" * 5, "main^{tree}:x"):
        with pytest.raises(NotFound, match="There is no commit"):
            call(git_show, workspace, revision=revision)
    for revision in ("--output=x", "-1", ":/x", "a\nb", "a\0b"):
        with pytest.raises(BadArguments, match="not a revision"):
            call(git_show, workspace, revision=revision)


def test_a_directory_without_a_repository_is_told(tmp_path: Path) -> None:
    for tool in (git_status, git_diff, git_log, git_show):
        with pytest.raises(NotFound, match="not a git repository"):
            call(tool, Workspace(tmp_path, state=tmp_path / "state"))
    git(tmp_path, "init", "-q")
    (tmp_path / "sub").mkdir()
    with pytest.raises(NotFound, match="start with that directory as the root"):
        call(git_status, Workspace(tmp_path / "sub", state=tmp_path / "state"))


def test_a_branch_without_commits_can_be_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    workspace = Workspace(root, state=tmp_path / "state")
    write_files(root, {"a": "1\n"})
    git(root, "add", "a")
    assert call(git_status, workspace)[0] == "On branch main, no commit yet: 1 staged\nstaged:\n  A a"
    assert call(git_diff, workspace)[1].files[0].path == "a"
    assert call(git_log, workspace)[0] == "No commit yet on this branch."
    with pytest.raises(ToolError):
        call(git_show, workspace)
