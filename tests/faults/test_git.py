"""Repositories that lie about where they are, hold strange things or are damaged; arguments that are options."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.catalog import TOOLS
from kimi_tools.clip import RESULT_CHARS, weight
from kimi_tools.errors import BadArguments, Conflict, NotFound, PathRefused, ToolError
from kimi_tools.git import git_blame, git_branch, git_commit, git_diff, git_log, git_show, git_status
from kimi_tools.policy import KINDS, Policy
from kimi_tools.sandbox import Sandbox
from kimi_tools.shell import run_command
from kimi_tools.tool import Result, Tool
from kimi_tools.workspace import Workspace
from tests.conftest import GIT_ENVIRONMENT, git, write_files

GIT_TOOLS = [tool for tool in TOOLS if tool.toolset == "git"]

CALLS: dict[str, dict[str, Any]] = {
    "git_blame": {"path": "a"},
    "git_commit": {"message": "Change", "paths": ["a"]},
}
"""What a tool is called with, where its defaults are not enough."""

each_tool = pytest.mark.parametrize("tool", GIT_TOOLS, ids=[tool.name for tool in GIT_TOOLS])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".gitconfig").write_text("[user]\n\tname = Bob\n\temail = bob@example.org\n")
    monkeypatch.setenv("HOME", str(folder))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one commit and one changed file."""
    return make(tmp_path / "root")


def make(root: Path) -> Path:
    write_files(root, {"a": "1\n", "b": "1\n"})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    (root / "a").write_text("2\n")
    return root


def open_at(root: Path) -> Workspace:
    return Workspace(root, state=root.parent / "state", policy=Policy.allowing(KINDS))


def call(tool: Tool, root: Path, **arguments: Any) -> Result:
    result = anyio.run(tool, open_at(root), {**CALLS.get(tool.name, {}), **arguments})
    assert weight(result.text) <= RESULT_CHARS
    return result


def whole(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, to see whether anything changed."""
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


# Where the repository really is


def _gitfile(root: Path, other: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").write_text(f"gitdir: {other}/.git\n")


def _symlink(root: Path, other: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").symlink_to(other / ".git")


def _commondir(root: Path, other: Path) -> None:
    (root / ".git/commondir").write_text(f"{other}/.git\n")


def _linked(name: str) -> Callable[[Path, Path], None]:
    def arm(root: Path, other: Path) -> None:
        part = root / ".git" / name
        shutil.rmtree(part) if part.is_dir() else part.unlink()
        part.symlink_to(other / ".git" / name)

    return arm


def _false_worktree(root: Path, other: Path) -> None:
    """A directory like a linked worktree's, made by the attacker, that names the other repository as common."""
    shutil.rmtree(root / ".git")
    pretended = root / "pretended/worktrees/x"
    write_files(
        pretended,
        {"HEAD": "ref: refs/heads/main\n", "commondir": f"{other}/.git\n", "gitdir": f"{root}/.git\n"},
    )
    (root / ".git").write_text(f"gitdir: {pretended}\n")


@pytest.mark.parametrize(
    "arm",
    [_gitfile, _symlink, _commondir, _linked("objects"), _linked("refs"), _linked("config"), _false_worktree],
)
@each_tool
def test_a_repository_elsewhere_is_refused(root: Path, tmp_path: Path, arm: Any, tool: Tool) -> None:
    other = make(tmp_path / "other")
    before = whole(other)
    arm(root, other)
    with pytest.raises(PathRefused):
        call(tool, root)
    assert whole(other) == before


@each_tool
def test_a_work_tree_elsewhere_is_ignored(root: Path, tmp_path: Path, tool: Tool) -> None:
    other = make(tmp_path / "other")
    (other / "outside").write_text("canary\n")
    git(root, "config", "core.worktree", str(other))
    before = whole(other)
    assert "outside" not in call(tool, root).text
    assert whole(other) == before


def _linked_worktree(tmp_path: Path) -> Path:
    main = make(tmp_path / "main")
    git(main, "worktree", "add", "-q", "-b", "side", "../linked")
    return tmp_path / "linked"


def _submodule(tmp_path: Path) -> Path:
    inner, outer = make(tmp_path / "inner"), make(tmp_path / "outer")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    git(outer / "sub", "checkout", "-q", "-b", "side")
    return outer / "sub"


def _sparse(tmp_path: Path) -> Path:
    root = make(tmp_path / "sparse")
    git(root, "checkout", "-q", "-b", "side")
    write_files(root, {"d/x": "1\n", "e/x": "1\n"})
    git(root, "add", "d", "e")
    git(root, "commit", "-q", "-m", "Folders")
    git(root, "sparse-checkout", "set", "d")
    return root


def _bare_inside(tmp_path: Path) -> Path:
    """The layout in which `.git` is a file that names a bare repository beside it."""
    root = make(tmp_path / "layout")
    (root / ".git").rename(root / ".bare")
    (root / ".git").write_text("gitdir: ./.bare\n")
    git(root, "checkout", "-q", "-b", "side")
    (root / ".bare/info").mkdir(exist_ok=True)
    (root / ".bare/info/exclude").write_text(".bare\n")
    return root


@pytest.mark.parametrize("kind", [_linked_worktree, _submodule, _sparse, _bare_inside])
def test_real_worktrees_submodules_and_sparse_checkouts_work(
    tmp_path: Path, kind: Callable[[Path], Path]
) -> None:
    root = kind(tmp_path)
    (root / "a").write_text("3\n")
    assert call(git_status, root).text.startswith("On branch side: 1 unstaged")
    assert "+3" in call(git_diff, root).text
    assert "Committed" in call(git_commit, root).text
    assert "Change" in call(git_log, root).text
    assert "not committed" not in call(git_blame, root).text
    assert "fix" in call(git_branch, root, name="fix", create=True).text
    assert git(root, "log", "-1", "--format=%s", "fix") == "Change\n"


def test_a_path_outside_the_sparse_cone_is_not_committed_away(tmp_path: Path) -> None:
    root = _sparse(tmp_path)
    assert "Sparse checkout" in call(git_status, root).text
    with pytest.raises(NotFound):
        call(git_commit, root, paths=["e/x"])
    (root / "e").mkdir()
    (root / "e/y").write_text("1\n")
    with pytest.raises(ToolError, match="sparse"):
        call(git_commit, root, paths=["e/y"])
    assert git(root, "log", "-1", "--format=%s") == "Folders\n"


def test_a_bare_repository_is_told_what_to_do(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", "root", "bare.git")
    with pytest.raises(NotFound, match="git worktree add"):
        call(git_status, tmp_path / "bare.git")


def test_borrowed_objects_and_included_configuration_are_reported(root: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    (root / ".git/objects/info").mkdir(exist_ok=True)
    (root / ".git/objects/info/alternates").write_text(f"{other}/.git/objects\n")
    (tmp_path / "outside").write_text("[core]\n\tabbrev = 5\n")
    git(root, "config", "include.path", str(tmp_path / "outside"))
    text = call(git_status, root).text
    assert "Objects are borrowed from another repository" in text
    assert "includes other files" in text


def test_a_file_named_in_the_configuration_is_not_quoted(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-secret\n")
    for name in (
        "blame.ignoreRevsFile",
        "mailmap.file",
        "diff.orderFile",
        "commit.template",
        "core.excludesFile",
    ):
        git(root, "config", name, str(tmp_path / "secret"))
    for tool in GIT_TOOLS:
        try:
            assert "canary" not in call(tool, root).text
        except ToolError as error:
            assert "canary" not in str(error)


# Arguments


def hostile_arguments(tool: Tool, target: Path) -> Iterator[dict[str, Any]]:
    values = (f"--output={target}", f"-o{target}", "--format=x", "-f", "--no-index", "--exec=touch x", "-S")
    for name, declared in tool.input_schema()["properties"].items():
        for value in values:
            if declared["type"] == "string":
                yield {name: value}
            elif declared["type"] == "array":
                yield {name: [value]}


@each_tool
def test_an_option_in_an_argument_is_never_one(root: Path, tmp_path: Path, tool: Tool) -> None:
    target = tmp_path / "written"
    for name in (f"--output={target}", "-f"):  # files and branches of that name make it look right
        (root / ".git/refs/heads" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / ".git/refs/heads/main", root / ".git/refs/heads" / name)
    for arguments in hostile_arguments(tool, target):
        try:
            call(tool, root, **arguments)
        except ToolError:
            continue
    assert not target.exists()
    assert not (root / "x").exists()


@each_tool
def test_another_repository_cannot_be_named(root: Path, tmp_path: Path, tool: Tool) -> None:
    other = make(tmp_path / "other")
    (tmp_path / "link").symlink_to(other)
    (root / "link").symlink_to(other)
    assert not {"repo_path", "repository", "root", "cwd"} & set(tool.params.model_fields)
    if "path" in tool.params.model_fields:
        for path in (str(other), "../other/a", f"{root}/../other/a"):
            with pytest.raises(PathRefused):
                call(tool, root, path=path)
        with contextlib.suppress(NotFound, PathRefused):
            assert call(tool, root, path="link/a").text.startswith("No commit")
    if "paths" in tool.params.model_fields:
        for path in (str(other), "../other/a"):
            with pytest.raises(PathRefused):
                call(tool, root, paths=[path])


# The server's own environment


@each_tool
def test_git_variables_of_the_server_do_not_count(
    root: Path, tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make(tmp_path / "other")
    before = whole(other)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    trap.chmod(0o755)
    for name, value in {
        "GIT_DIR": f"{other}/.git",
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": f"{other}/.git/index",
        "GIT_OBJECT_DIRECTORY": f"{other}/.git/objects",
        "GIT_EXTERNAL_DIFF": str(trap),
        "GIT_SSH_COMMAND": str(trap),
        "GIT_PAGER": str(trap),
        "GIT_EDITOR": str(trap),
        "EDITOR": str(trap),
        "PAGER": str(trap),
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(trap),
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={trap}'",
        "GIT_TRACE": str(tmp_path / "canary"),
    }.items():
        monkeypatch.setenv(name, value)
    call(tool, root)
    assert not (tmp_path / "canary").exists()
    assert whole(other) == before


def test_a_git_in_the_repository_is_never_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("git", "rg", "bash", "sh"):
        (root / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
        (root / name).chmod(0o755)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", f":.:{root}:{os.environ['PATH']}")
    for tool in GIT_TOOLS:
        call(tool, root)
    assert not (tmp_path / "canary").exists()


# States and damage


def test_a_lock_left_behind_is_told_and_not_removed(root: Path) -> None:
    lock = root / ".git/index.lock"
    lock.touch()
    os.utime(lock, (time.time() - 500, time.time() - 500))
    with pytest.raises(Conflict, match=r"index\.lock' exists, made 50\d s ago"):
        call(git_commit, root)
    assert lock.exists()
    assert "1 unstaged" in call(git_status, root).text
    lock.unlink()
    assert "Committed" in call(git_commit, root).text


def _unborn(root: Path) -> None:
    git(root, "checkout", "-q", "--orphan", "new")


def _detached(root: Path) -> None:
    git(root, "checkout", "-q", "--detach")


def _shallow(root: Path) -> None:
    (root / ".git/shallow").write_text(git(root, "rev-parse", "HEAD"))


@pytest.mark.parametrize("arm", [_unborn, _detached, _shallow])
def test_unusual_states_are_told_and_nothing_fails_with_a_traceback(
    root: Path, arm: Callable[[Path], None]
) -> None:
    arm(root)
    text = call(git_status, root).text
    assert {_unborn: "no commit yet", _detached: "Detached at", _shallow: "Shallow clone"}[arm] in text
    for tool in GIT_TOOLS:
        try:
            call(tool, root)
        except ToolError as error:
            assert "Traceback" not in str(error)


def _empty_object(root: Path) -> None:
    name = git(root, "rev-parse", "HEAD:a").strip()
    path = root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"")


def _empty_commit(root: Path) -> None:
    name = git(root, "rev-parse", "HEAD").strip()
    path = root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"")


def _garbage_head(root: Path) -> None:
    (root / ".git/HEAD").write_bytes(b"\x00garbage\xff")


def _corrupt_pack(root: Path) -> None:
    git(root, "repack", "-q", "-a", "-d")
    for pack in (root / ".git/objects/pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(b"PACK" + os.urandom(200))


def _garbage_index(root: Path) -> None:
    (root / ".git/index").write_bytes(b"DIRC" + os.urandom(200))


def _garbage_config(root: Path) -> None:
    (root / ".git/config").write_bytes(b"[core\n\xff garbage")


@pytest.mark.parametrize(
    "arm", [_empty_object, _empty_commit, _garbage_head, _corrupt_pack, _garbage_index, _garbage_config]
)
def test_damage_is_told_in_one_sentence_and_quickly(root: Path, arm: Callable[[Path], None]) -> None:
    arm(root)
    told: list[str] = []
    for tool in GIT_TOOLS:
        started = time.monotonic()
        try:
            call(tool, root)
        except ToolError as error:
            told.append(str(error))
        assert time.monotonic() - started < 10
    assert any("The repository is damaged" in sentence for sentence in told), told
    assert all(len(sentence) < 500 and "\n" not in sentence for sentence in told)
    search = next(tool for tool in TOOLS if tool.name == "search_text")
    assert "b" in call(search, root, pattern="1").text


def test_a_missing_object_of_a_partial_clone_is_not_fetched(root: Path) -> None:
    name = git(root, "rev-parse", "HEAD:b").strip()
    (root / ".git/objects" / name[:2] / name[2:]).unlink()
    for setting in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ssh://127.0.0.1:9/x"),
    ):
        git(root, "config", *setting)
    with pytest.raises(ToolError, match=r"partial clone|damaged|could not get object"):
        call(git_show, root, path="b")


def test_control_characters_in_history_are_shown_and_not_sent(root: Path) -> None:
    evil = "x\x1b]0;t\x07\x1b[2J\x1b]8;;http://e\x07\x1b]52;c;YQ==\x07a\rb\x9b1m\u202e"
    (root / "a").write_text(f"{evil}\n")
    subprocess.run(
        ["git", "commit", "-q", "-a", "--cleanup=verbatim", "-F", "-", f"--author={evil} <e@example.org>"],
        cwd=root,
        env=GIT_ENVIRONMENT,
        input=f"{evil}\n\n{evil}\n".encode(),
        check=True,
    )
    (root / "a").write_text(f"{evil}2\n")
    for tool in GIT_TOOLS:
        text = call(tool, root).text
        assert not set(text) & set(map(chr, (*range(9), *range(11, 32), *range(127, 160), 0x202E))), tool.name


def test_a_commit_leaves_the_configuration_as_it_was(root: Path) -> None:
    before = (root / ".git/config").read_bytes()
    call(git_commit, root, message="x\n[core]\n\tfsmonitor=evil")
    call(git_branch, root, name="b", create=True)
    assert (root / ".git/config").read_bytes() == before


def test_a_repository_of_another_user_can_be_read(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository away")
    for path in [root, *root.rglob("*")]:
        os.lchown(path, 12345, 12345)
    assert "1 unstaged" in call(git_status, root).text


def test_an_old_git_is_refused(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin"
    old.mkdir()
    (old / "git").write_text("#!/bin/sh\necho git version 2.30.9\n")
    (old / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{old}:{os.environ['PATH']}")
    from kimi_tools.process import program

    program.cache_clear()
    try:
        with pytest.raises(ToolError, match=r"git 2\.30 is too old"):
            call(git_status, root)
    finally:
        program.cache_clear()


def test_bad_dates_and_long_arguments_do_no_harm(root: Path) -> None:
    for since in ("'; touch x", "never", "9" * 5000):
        call(git_log, root, since=since)
    with pytest.raises(BadArguments):
        call(git_log, root, text="a\0b")
    for revision in ("x" * 100_000, "HEAD" + "^" * 5000, "HEAD~" + "9" * 50):
        with pytest.raises(ToolError):
            call(git_show, root, revision=revision)
    with pytest.raises(ToolError):
        call(git_log, root, text="x" * 300_000)


URLS = [
    *(
        "ext::sh -c 'touch {mark}'",
        "file:///etc",
        "-u./trap",
        "--upload-pack={trap}",
        "-c core.fsmonitor={trap}",
    ),
    *("ssh://-oProxyCommand=touch {mark}/x", "git@-oProxyCommand=touch {mark}:x", "fd::17/x"),
    "https://ada:" + "ghp_" + "a1B2" * 9 + "@127.0.0.1:9/r.git",
]


@each_tool
@pytest.mark.parametrize("url", URLS, ids=range(len(URLS)))
def test_an_address_in_any_argument_reaches_nothing_and_its_password_is_not_told(
    root: Path, tool: Tool, url: str
) -> None:
    trap, mark = root / "trap", root.parent / "mark"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\n")
    trap.chmod(0o755)
    address = url.format(mark=mark, trap=trap)
    workspace = open_at(root)
    properties = tool.input_schema()["properties"]
    for name in (name for name, declared in properties.items() if declared["type"] in ("string", "array")):
        value = [address] if properties[name]["type"] == "array" else address
        try:
            told = anyio.run(tool, workspace, {**CALLS.get(tool.name, {}), name: value}).text
        except ToolError as error:
            told = str(error)
        assert "a1B2a1B2" not in told or name == "message"
        assert not mark.exists()
    workspace.close()


@each_tool
def test_a_remote_that_wants_a_password_is_not_asked_for_one(root: Path, tool: Tool) -> None:
    """No tool talks to a remote: with one that asks, hangs or runs a program, all answer at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it accepts and never says a word
        for name in ("origin", "upstream"):
            git(root, "config", f"remote.{name}.url", f"http://127.0.0.1:{listening.getsockname()[1]}/r.git")
            git(root, "config", f"remote.{name}.uploadpack", str(root / "trap"))
        git(root, "config", "branch.main.remote", "origin")
        git(root, "config", "branch.main.merge", "refs/heads/main")
        git(root, "config", "fetch.recurseSubmodules", "yes")
        workspace = open_at(root)
        anyio.run(tool, workspace, CALLS.get(tool.name, {}))
        workspace.close()
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_command_that_is_asked_for_a_password_fails_and_does_not_wait(
    root: Path, bubblewrap: Sandbox
) -> None:
    (root / "asks.py").write_text(
        "import http.server, subprocess, threading\n"
        "class Asks(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(401); self.send_header('WWW-Authenticate', 'Basic realm=x')\n"
        "        self.send_header('Content-Length', '0'); self.end_headers()\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), Asks)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "url = f'http://127.0.0.1:{server.server_port}/r.git'\n"
        "print('ended', subprocess.run(['git', 'ls-remote', url]).returncode)\n"
    )
    workspace = open_at(root)
    workspace.sandbox = bubblewrap
    told = anyio.run(run_command, workspace, {"command": "python3 asks.py", "timeout": 50}).text
    workspace.close()
    assert "timed out" not in told and "ended 128" in told, told
