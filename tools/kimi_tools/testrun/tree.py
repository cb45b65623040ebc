"""The files of a repository as far as finding its tests needs them: names, and the text of manifests."""

from fnmatch import fnmatchcase
from functools import cached_property

from kimi_tools.errors import ToolError
from kimi_tools.workspace import Workspace

MAX_FILES = 60_000
MAX_DEPTH = 12
SKIPPED = frozenset(
    {"node_modules", "site-packages", "bower_components", "vendor", "target", "build", "dist", "out"}
    | {"__pycache__", "venv", "env", "coverage", "htmlcov", "Pods", "DerivedData"}
)
"""Folders that hold other people's code or build products; so does every folder whose name starts with a dot."""


class Tree:
    """A repository's file names, listed once, nearest to the root first; the listing is bounded."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of regular files, by depth and then by name."""
        found: list[str] = []
        level = ["."]
        for _ in range(MAX_DEPTH):
            below: list[str] = []
            for folder in level:
                files, folders = self._list(folder)
                found += files
                below += folders
                if len(found) >= MAX_FILES:
                    return tuple(found[:MAX_FILES])
            level = below
        return tuple(found)

    @cached_property
    def names(self) -> frozenset[str]:
        """The same as a set."""
        return frozenset(self.files)

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        try:
            entries = self.workspace.list_directory(folder)
        except ToolError:
            return [], []
        files = [entry.path for entry in entries if entry.kind == "file"]
        if any(path.endswith("pyvenv.cfg") for path in files):
            return [], []
        folders = [
            entry.path
            for entry in entries
            if entry.kind == "directory"
            and (name := entry.path.rpartition("/")[2]) not in SKIPPED
            and not name.startswith(".")
        ]
        return files, folders

    def has(self, path: str) -> bool:
        """Whether this file is in the listing."""
        return path in self.names

    def named(self, *names: str, depth: int = 4) -> list[str]:
        """Files with one of these names (globs allowed) at most `depth` folders deep."""
        return [
            path
            for path in self.files
            if path.count("/") <= depth and any(fnmatchcase(path.rpartition("/")[2], name) for name in names)
        ]

    def below(self, folder: str, *names: str) -> list[str]:
        """Files below a folder whose name fits one of the globs."""
        prefix = "" if folder == "." else f"{folder}/"
        return [
            path
            for path in self.files
            if path.startswith(prefix) and any(fnmatchcase(path.rpartition("/")[2], name) for name in names)
        ]

    def text(self, path: str) -> str:
        """A file's text; empty when it is missing or cannot be read as text."""
        try:
            return self.workspace.read(path).text
        except ToolError:
            return ""


def parent(path: str) -> str:
    """The folder of a path; `.` for the root."""
    return path.rpartition("/")[0] or "."


def join(folder: str, name: str) -> str:
    """A path inside a folder."""
    return name if folder == "." else f"{folder}/{name}"
