"""A private copy of a repository for one run, ignored build products included.

Copied with reflinks where the file system has them. The sandbox mounts the copy at the original path, so that
editable installs, absolute paths and caches resolve to it. The copy is a repository of its own, also where the
original is a linked worktree or a submodule, whose git directory lies elsewhere and names only the original.
"""

import platform
import shutil
from pathlib import Path

from kimi_tools.errors import ToolError
from kimi_tools.gitcommand import find_place
from kimi_tools.process import program, run

COPY_SECONDS = 1800

_SHARED = (
    *("config", "objects", "refs", "packed-refs", "reftable", "info", "shallow", "logs"),
    *("modules", "lfs", "branches", "remotes"),
)
"""What the worktrees of a repository share, `git help repository-layout`; without hooks, which ran elsewhere."""

_POINTERS = ("commondir", "gitdir", "locked")


async def private_copy(root: Path, place: Path) -> str:
    """Copy a tree, and return a warning: what could not be copied, empty when everything was.

    An unfinished copy of an earlier try is replaced. Raises `ToolError` when nothing could be copied.
    """
    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    said = await _copy(f"{root}/.", unfinished)
    if not unfinished.is_dir():
        raise ToolError(f"The private copy of {root} could not be made: {said[:300]}.")
    said += await _own_repository(root, unfinished)
    unfinished.rename(place)
    lines = said.splitlines()
    return f"{len(lines)} files were not copied, the first: {lines[0]}." if lines else ""


async def _copy(source: str, target: Path) -> str:
    """Copy a tree or a file; the copy is ours, whoever owns the original. Gives what went wrong, by lines."""
    mac = platform.system() == "Darwin"
    flags = ["-cRp"] if mac else ["-a", "--no-preserve=ownership", "--reflink=auto"]
    done = await run([program("cp"), *flags, source, str(target)], cwd="/", timeout=COPY_SECONDS)
    if done.timed_out:
        shutil.rmtree(target, ignore_errors=True)
        return f"it took longer than {COPY_SECONDS} s\n"
    return done.stderr.decode("utf-8", "replace") if done.exit_code else ""


async def _own_repository(root: Path, copy: Path) -> str:
    """Give the copy a git directory of its own where `.git` leads out of it. What went wrong, by lines."""
    if not (copy / ".git").is_file():
        return ""
    try:
        found = find_place(root.resolve())
    except ToolError:  # no repository that would work in the original either
        return ""
    if found.git_dir.is_relative_to(root.resolve()):
        return ""
    (copy / ".git").unlink()
    (copy / ".git").mkdir(mode=0o700)
    said = ""
    for name in _SHARED:
        if (found.common_dir / name).exists():
            said += await _copy(str(found.common_dir / name), copy / ".git" / name)
    if found.git_dir != found.common_dir:
        said += await _copy(f"{found.git_dir}/.", copy / ".git")
        for name in _POINTERS:
            (copy / ".git" / name).unlink(missing_ok=True)
    else:  # a submodule: its own state lies beside what is shared
        for name in ("HEAD", "index"):
            if (found.git_dir / name).exists():
                said += await _copy(str(found.git_dir / name), copy / ".git" / name)
    for name in ("config", "config.worktree"):
        await _forget_place(copy / ".git" / name)
    return said


async def _forget_place(configuration: Path) -> None:
    """The settings of a configuration file that say where the work tree is."""
    if configuration.is_symlink() or not configuration.is_file():
        return
    for words in (["--unset-all", "core.worktree"], ["core.bare", "false"]):
        argv = [program("git"), "config", "--file", str(configuration), *words]
        await run(argv, cwd="/", timeout=60)  # reading or writing a named file runs nothing
