"""What decides which files a search sees without lying in the folders that are watched.

rg obeys ignore files above the root and the user's own; and a file system that other machines write to tells the
kernel nothing.
"""

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from kimi_tools.errors import ToolError
from kimi_tools.gitcommand import find_place
from kimi_tools.index.listing import IGNORE_FILES

_LOCAL = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "bcachefs", "jfs", "reiserfs"}
)
"""File systems that only this kernel writes to."""


def ignore_files(root: Path) -> list[str]:
    """The ignore files outside a root that rg obeys in it, there or not, and the settings that name them."""
    found = [str(folder / name) for folder in root.parents for name in IGNORE_FILES]
    found += [str(folder / ".git/info/exclude") for folder in (root, *root.parents)]
    with contextlib.suppress(ToolError, OSError):
        found.append(str(find_place(root).common_dir / "info/exclude"))
    home = os.environ.get("HOME", "")
    settings = [f"{home}/.gitconfig", f"{home}/.config/git/config"]
    found += [f"{home}/.config/git/ignore", *settings]
    for path in settings:
        try:
            text = Path(path).read_text("utf-8", "replace")
        except OSError:
            continue
        for named in re.findall(r"(?im)^\s*excludesfile\s*=\s*\"?(.+?)\"?\s*$", text):
            found.append(os.path.join(home, named.removeprefix("~/")))
    return found


def states(paths: Iterable[str]) -> tuple[tuple[int, ...], ...]:
    """What tells one state of these files from another."""
    found: list[tuple[int, ...]] = []
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            found.append(())
            continue
        found.append((status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino))
    return tuple(found)


def is_local(root: Path) -> bool:
    """Whether the root, and all that is mounted in it, is of file systems that only this kernel writes to."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    around, within = ("", ""), set[str]()
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
        kind = right.split(" ", 1)[0]
        if Path(point).is_relative_to(root) and Path(point) != root:
            within.add(kind)
        elif root.is_relative_to(point) and len(point) >= len(around[0]):
            around = (point, kind)
    return {around[1], *within} <= _LOCAL
