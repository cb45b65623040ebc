"""Where the repository of a work tree is, believed only as far as it can be checked.

`.git` may be a file or a symlink that names another repository's directory (GitPython 3.2.1 follows it, measured
2026-11-21). A directory outside the root is accepted only when it points back: a linked worktree lists its work
tree in `gitdir`, a submodule in `core.worktree`. Who sends a repository cannot write there.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.errors import NotFound, PathRefused

_LINKED = ("HEAD", "config", "config.worktree", "objects", "refs", "packed-refs", "index", "info", "logs")
_POINTER_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Place:
    """A work tree, its git directory, and the directory with what its worktrees share; all absolute."""

    root: Path
    git_dir: Path
    common_dir: Path


def find(root: Path) -> Place:
    """The repository whose work tree is `root`. Raises `NotFound`, `PathRefused`."""
    dot_git = root / ".git"
    try:
        status = os.lstat(dot_git)
    except FileNotFoundError:
        raise NotFound(_nothing_here(root)) from None
    if stat.S_ISREG(status.st_mode):
        git_dir = _pointer(dot_git, "gitdir: ", root)
    elif stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode):
        git_dir = Path(os.path.realpath(dot_git))
    else:
        raise PathRefused("'.git' is neither a directory nor a file; this is no git repository.")
    if not git_dir.is_dir():
        raise NotFound(
            "'.git' leads to a directory that is not there; run 'git worktree repair' or clone again."
        )
    if not git_dir.is_relative_to(root):
        return _outside(root, git_dir)
    common_dir = git_dir
    if (git_dir / "commondir").is_file():
        common_dir = _pointer(git_dir / "commondir", "", git_dir)
        if not common_dir.is_relative_to(root):
            raise PathRefused(
                f"'.git/commondir' leads to the repository {common_dir}, outside the root; open that one instead."
            )
    for folder in {git_dir, common_dir}:
        _refuse_links(folder, root)
    return Place(root, git_dir, common_dir)


def _nothing_here(root: Path) -> str:
    if (root / "HEAD").is_file() and (root / "objects").is_dir():
        return "The root looks like a bare repository; open a work tree of it instead (git worktree add)."
    above = next((parent for parent in root.parents if (parent / ".git").exists()), None)
    if above is not None:
        return (
            f"The root is a part of the repository {above}; start with that directory as the root to use git."
        )
    return "The root is not a git repository; 'git init' makes it one."


def _pointer(path: Path, prefix: str, beside: Path) -> Path:
    """The directory that a file of one line names, every symlink followed."""
    with open(path, "rb") as file:
        line = os.fsdecode(file.read(_POINTER_BYTES)).rstrip("\n")
    if not line.startswith(prefix) or "\0" in line or "\n" in line:
        raise PathRefused(
            f"'{path.name}' of the repository cannot be read as a pointer; this is no git repository."
        )
    return Path(os.path.realpath(beside / line.removeprefix(prefix)))


def _outside(root: Path, git_dir: Path) -> Place:
    """A linked worktree or a submodule: its git directory names this root."""
    if (git_dir / "gitdir").is_file() and (git_dir / "commondir").is_file():
        back = _pointer(git_dir / "gitdir", "", git_dir)
        common_dir = _pointer(git_dir / "commondir", "", git_dir)
        if back in (root / ".git", root) and git_dir.parent == common_dir / "worktrees":
            return Place(root, git_dir, common_dir)
    elif _worktree_of(git_dir) == root:
        return Place(root, git_dir, git_dir)
    raise PathRefused(
        f"'.git' leads to the repository {git_dir}, which does not name this directory as its work tree; "
        f"open the directory that it belongs to, or say so there: git config core.worktree '{root}'."
    )


def _worktree_of(git_dir: Path) -> Path | None:
    """`core.worktree` of a git directory that has no work tree beside it."""
    section = ""
    try:
        text = (git_dir / "config").read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    found: Path | None = None
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.lower()
        name, _, value = line.partition("=")
        if section == "[core]" and name.strip().lower() == "worktree":
            found = Path(os.path.realpath(git_dir / value.strip().strip('"')))
    return found


def _refuse_links(folder: Path, root: Path) -> None:
    """No part of a git directory in the root may be another repository's."""
    for name in _LINKED:
        path = folder / name
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
            raise PathRefused(
                f"'.git/{name}' is a symlink that leads out of the root; open that repository instead."
            )
