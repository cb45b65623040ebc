"""Linked git worktrees: where the repository is that a `.git` file points to."""

from pathlib import Path


def git_directories(root: Path) -> list[Path]:
    """The directories outside the root that git needs in a linked worktree; nothing for other roots.

    A `.git` file is a stranger's word (it may name any repository of the user), so it counts only when the
    directory that it names points back at it, as git's own worktrees do.
    """
    pointer = root / ".git"
    try:
        if pointer.is_symlink() or not pointer.is_file():
            return []
        named = Path(pointer.read_text().removeprefix("gitdir:").strip())
        private = (root / named).resolve(strict=True)
        if Path((private / "gitdir").read_text().strip()).resolve() != pointer.resolve():
            return []
        common = (private / (private / "commondir").read_text().strip()).resolve(strict=True)
    except (OSError, UnicodeDecodeError, ValueError):
        return []
    return [common] if private.parent.parent == common else [common, private]
