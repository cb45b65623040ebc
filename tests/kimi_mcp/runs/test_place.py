"""A private copy works as the original does, seen at its path, and the original stays as it was to the byte."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_mcp.runs.place import private_copy
from kimi_tools.errors import NotAllowed
from kimi_tools.git import git_branch, git_commit, git_status
from kimi_tools.sandbox import Sandbox, choose
from kimi_tools.shell import run_command
from kimi_tools.workspace import Workspace
from tests.conftest import git, write_files


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        chosen = choose()
    except NotAllowed as reason:
        pytest.skip(f"no sandbox works here: {reason}")
    if not chosen.mounts:
        pytest.skip(f"{chosen.level} cannot show a copy at another path")
    return chosen


def repository(root: Path) -> Path:
    root.mkdir(parents=True)
    write_files(root, {"a.txt": "a\n", "d/b.txt": "b\n", ".gitignore": "built/\n", "built/x.o": "x"})
    git(root, "init", "-q", "-b", "main")
    sign(root)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    return root


def sign(root: Path) -> None:
    """Say who commits, for tools that do not see the environment of the tests."""
    git(root, "config", "user.name", "Ada Author")
    git(root, "config", "user.email", "ada@example.org")


def worktree(base: Path) -> Path:
    main = repository(base / "main")
    git(main, "worktree", "add", "-q", str(base / "linked"), "-b", "side")
    return base / "linked"


def worktree_of_a_bare_repository(base: Path) -> Path:
    repository(base / "main")
    git(base, "clone", "-q", "--bare", "main", "bare.git")
    sign(base / "bare.git")
    git(base / "bare.git", "worktree", "add", "-q", str(base / "linked"), "-b", "side")
    return base / "linked"


def parent_of_a_submodule(base: Path) -> Path:
    repository(base / "library")
    parent = repository(base / "parent")
    git(parent, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(base / "library"), "sub")
    git(parent, "commit", "-q", "-m", "Submodule")
    sign(parent / "sub")
    return parent


def submodule(base: Path) -> Path:
    return parent_of_a_submodule(base) / "sub"


def odd_names(base: Path) -> Path:
    root = repository(base / "with space\nand é")
    (root / "line\nend").write_text("x")
    os.close(os.open(os.fsencode(root) + b"/\xff\xfe", os.O_CREAT | os.O_WRONLY))
    return root


def name_that_is_no_text(base: Path) -> Path:
    return repository(Path(os.fsdecode(os.fsencode(base) + b"/r\xff")))


def what_is_no_file(base: Path) -> Path:
    root = repository(base / "root")
    os.mkfifo(root / "pipe")
    (root / "out").symlink_to("/etc/passwd")
    (root / "gone").symlink_to("nowhere")
    os.link(root / "a.txt", root / "again.txt")
    (root / "d").chmod(0o555)
    (root / "d/b.txt").chmod(0o444)
    here = Path.cwd()
    os.chdir(root)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("sock")
    finally:
        os.chdir(here)
    return root


def of_another_user(base: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    root = repository(base / "root")
    for path in (root, *root.rglob("*")):
        os.chown(path, 1234, 1234, follow_symlinks=False)
    return root


KINDS: dict[str, Callable[[Path], Path]] = {
    "a repository": lambda base: repository(base / "root"),
    "a linked worktree": worktree,
    "a worktree of a bare repository": worktree_of_a_bare_repository,
    "a parent of a submodule": parent_of_a_submodule,
    "a submodule": submodule,
    "odd names": odd_names,
    "a root whose name is no text": name_that_is_no_text,
    "pipes, sockets, links, read-only": what_is_no_file,
    "another user's": of_another_user,
}


def fingerprint(root: Path) -> str:
    """A hash over everything below a directory: names, kinds, permissions, owners, times, sizes, bytes."""
    whole = hashlib.sha256()
    for folder, folders, files in os.walk(os.fsencode(root)):
        folders.sort()
        for name in (b".", *sorted(folders + files)):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            facts = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_nlink)
            whole.update(b"%b\0%r\0" % (path, str(facts).encode()))
            if os.path.islink(path):
                whole.update(os.readlink(path))
            elif os.path.isfile(path):
                whole.update(Path(os.fsdecode(path)).read_bytes())
    return whole.hexdigest()


async def attempt(root: Path, base: Path, number: int, sandbox: Sandbox) -> list[str]:
    """What an agent does in a copy of its own; the texts that it saw."""
    place = base / f"copy{number}"
    assert await private_copy(root, place) == ""
    workspace = Workspace(place, state=base / f"state{number}", sandbox=sandbox, at=root)
    try:
        command = (
            f"pwd; git log --format=%s -1; test ! -e mark && echo {number} > mark; rm -rf built; cat mark"
        )
        return [
            (await run_command(workspace, {"command": command})).text,
            (await git_status(workspace, {})).text,
            (await git_branch(workspace, {"name": f"kimi/{number}", "create": True})).text,
            (await git_commit(workspace, {"message": "Mark", "paths": ["mark"]})).text,
            (await run_command(workspace, {"command": "git status --short; git log --format=%s -2"})).text,
        ]
    finally:
        workspace.close()


@pytest.mark.parametrize("kind", KINDS)
def test_two_attempts_at_once_work_in_their_copies_and_the_original_is_untouched(
    tmp_path: Path, sandbox: Sandbox, kind: str
) -> None:
    root = KINDS[kind](tmp_path / "all")
    before = fingerprint(tmp_path / "all")

    async def both() -> list[list[str]]:
        return await asyncio.gather(*(attempt(root, tmp_path, number, sandbox) for number in (1, 2)))

    for number, (command, status, branch, commit, after) in enumerate(asyncio.run(both()), 1):
        assert (
            f"\n{root}\n".encode("utf-8", "replace").decode() in command
            or kind == "a root whose name is no text"
        )
        assert command.endswith(f"\n{number}"), command
        assert "mark" in status
        assert f"kimi/{number}" in branch
        assert "Mark" in commit
        assert "fatal" not in after and "\nMark\n" in after, after
    assert fingerprint(tmp_path / "all") == before


def test_an_editable_install_and_an_absolute_path_lead_to_the_copy(tmp_path: Path, sandbox: Sandbox) -> None:
    root = repository(tmp_path / "root")
    write_files(root, {"src/mine.py": "WHERE = 'original'\n", "site/mine.pth": f"{root}/src\n"})
    asyncio.run(private_copy(root, tmp_path / "copy"))
    workspace = Workspace(tmp_path / "copy", state=tmp_path / "state", sandbox=sandbox, at=root)
    script = (
        f"echo \"WHERE = 'copy'\" > {root}/src/mine.py; "
        f"python3 -c \"import site; site.addsitedir('{root}/site'); import mine; print(mine.WHERE)\""
    )
    assert asyncio.run(run_command(workspace, {"command": script})).text.endswith("\ncopy")
    assert (root / "src/mine.py").read_text() == "WHERE = 'original'\n"
    workspace.close()


def test_what_cannot_be_read_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    root = repository(tmp_path / "root")
    (root / "a.txt").chmod(0)
    assert "1 files were not copied" in asyncio.run(private_copy(root, tmp_path / "copy"))
    assert (tmp_path / "copy/d/b.txt").read_text() == "b\n"
