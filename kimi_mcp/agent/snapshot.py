"""The files' state as git trees in a private git directory that the repository knows nothing of.

The patch of a run is the difference between the tree before it and the tree now. Git runs with our own
directory, configuration and attributes only: nothing of the repository's own `.git` is executed or trusted,
no filter, no end-of-line conversion, no submodule is entered.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kimi_mcp.agent.events import Touched
from kimi_tools.errors import ToolError
from kimi_tools.process import program, run

_CONFIG = """\
[core]
	repositoryformatversion = 0
	bare = false
	autocrlf = false
	safecrlf = false
	symlinks = true
	fsmonitor = false
	untrackedCache = false
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	compression = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[diff]
	ignoreSubmodules = all
	renames = true
[submodule]
	recurse = false
[protocol]
	allow = never
[advice]
	addEmbeddedRepo = false
"""

_ATTRIBUTES = "* -text -eol -filter -ident -!diff -working-tree-encoding -export-subst\n"

_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv", "-M")

_NEVER_SOURCE = (
    "__pycache__/ *.py[co] .pytest_cache/ .mypy_cache/ .ruff_cache/ .hypothesis/ .tox/ .nox/ .venv/ "
    "node_modules/ .coverage *.egg-info/ .eggs/ .gradle/ .DS_Store"
)
"""What tools leave behind and no one means to commit; new files of these names are not part of a patch."""

_TEST_PATH = re.compile(
    r"(^|/)(tests?|testing|__tests__|specs?|testdata|fixtures)/|(^|/)(test_[^/]*|conftest)\.py$|"
    r"(_test|_spec|\.test|\.spec|Tests?|IT|Spec)\.\w+$"
)

_GLOB = re.compile(r"([*?[\\])")
_ESCAPED = r"\\\1"

MAX_PATCH_CHARS = 400_000
"""Patches above this are kept in `patch.diff` and the git directory, not in events."""


def is_test_path(path: str) -> bool:
    """Whether a file is test code, by its folder or name."""
    return _TEST_PATH.search(path) is not None


class Snapshot:
    """Trees of the files below `root`, kept in the git directory `store` (made where it is missing)."""

    def __init__(self, root: Path, store: Path) -> None:
        self.root = root
        self.store = store
        self._seen = ""

    async def begin(self) -> str:
        """Prepare the store and return the tree of the files as they are."""
        (self.store / "index.lock").unlink(missing_ok=True)  # left by a run that was killed
        if not (self.store / "HEAD").exists():
            await self._make()
        return await self.tree()

    async def tree(self) -> str:
        """The id of the tree of the files as they are now."""
        await self._git("add", "-A", "--ignore-errors", "--", ".", codes=(0, 1))
        tree = (await self._git("write-tree")).strip()
        if tree != self._seen:
            tree = await self._without_nested(tree)
            self._seen = tree
        return tree

    async def _without_nested(self, tree: str) -> str:
        """The tree without nested repositories, which are forgotten for good.

        Once one is in the index, git would look into it with that repository's own configuration.
        """
        listing = await self._git("ls-tree", "-r", "-z", tree)
        nested = [entry.split("\t", 1)[1] for entry in listing.split("\0") if entry.startswith("160000 ")]
        if not nested:
            return tree
        with (self.store / "info" / "exclude").open("a", errors="surrogateescape") as file:
            file.writelines(f"\n/{_GLOB.sub(_ESCAPED, name)}/\n" for name in nested)
        removals = "".join(f"0 {'0' * len(tree)}\t{name}\0" for name in nested)
        await self._git("update-index", "-z", "--index-info", stdin=removals)
        return (await self._git("write-tree")).strip()

    async def patch(self, base: str, tree: str) -> bytes:
        """The difference as a patch that `git apply` takes; empty for equal trees."""
        if base == tree:
            return b""
        text = await self._git("diff", "--binary", *_PLAIN, base, tree)
        return text.encode("utf-8", "surrogateescape")

    async def touched(self, base: str, tree: str) -> tuple[Touched, ...]:
        """The files in which two trees differ, by path."""
        if base == tree:
            return ()
        counts = (await self._git("diff", "--numstat", "-z", *_PLAIN, base, tree)).split("\0")
        kinds = (await self._git("diff", "--name-status", "-z", *_PLAIN, base, tree)).split("\0")
        return tuple(sorted(_touched(counts, kinds), key=lambda touched: touched.path))

    async def differing(self, base: str, tree: str) -> list[str]:
        """The paths in which two trees differ, both names of a renamed file."""
        listing = await self._git("diff", "--name-only", "--no-renames", "-z", base, tree)
        return sorted(name for name in listing.split("\0") if name)

    async def files(self, tree: str, paths: Iterable[str]) -> dict[str, tuple[bytes, int]]:
        """The bytes and permission bits of those paths that are files in `tree`."""
        found: dict[str, tuple[bytes, int]] = {}
        for path in paths:
            entry = await self._git("ls-tree", "-z", "--full-tree", tree, "--", path)
            mode, _, rest = entry.partition(" ")
            if mode.startswith("100"):
                blob = await self._git("cat-file", "blob", rest.split()[1])
                found[path] = blob.encode("utf-8", "surrogateescape"), int(mode[-3:], 8)
        return found

    async def merged(self, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
        """A text with the changes of both sides since `base`; None where they meet, or where it is no text."""
        with tempfile.TemporaryDirectory(dir=self.store) as folder:
            names = [os.path.join(folder, name) for name in ("ours", "base", "theirs")]
            for name, data in zip(names, (ours, base, theirs), strict=True):
                Path(name).write_bytes(data)
            try:
                text = await self._git("merge-file", "-p", *names)
            except ToolError:
                return None
        return text.encode("utf-8", "surrogateescape")

    async def restore(self, tree: str) -> None:
        """Make the files those of `tree`; files that are not part of trees (ignored ones) stay."""
        await self.tree()
        await self._git("read-tree", "--reset", "-u", tree)

    async def combine(self, base: str, tree: str, paths: list[str]) -> str:
        """The tree `base` with the given paths taken from `tree`."""
        index = self.store / "combine.index"
        environment = {"GIT_INDEX_FILE": str(index)}
        await self._git("read-tree", base, environment=environment)
        if paths:
            listing = await self._git("ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths)
            await self._git("update-index", "-z", "--index-info", stdin=listing, environment=environment)
        combined = (await self._git("write-tree", environment=environment)).strip()
        index.unlink(missing_ok=True)
        return combined

    async def _make(self) -> None:
        for folder in ("objects", "refs", "info"):
            (self.store / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.store / "config").write_text(_CONFIG)
        (self.store / "info" / "attributes").write_text(_ATTRIBUTES)
        own = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            own = (self.root / ".git" / "info" / "exclude").read_text()
        (self.store / "info" / "exclude").write_text("\n".join([*_NEVER_SOURCE.split(), own]))
        (self.store / "HEAD").write_text("ref: refs/heads/none\n")
        await self.tree()
        await self._add_tracked_but_ignored()

    async def _add_tracked_but_ignored(self) -> None:
        """Files that the repository tracks although an ignore rule names them are part of patches too."""
        index = self.root / ".git" / "index"
        if not index.is_file() or index.is_symlink():
            return
        copy = self.store / "theirs.index"
        with contextlib.suppress(OSError, ToolError):
            shutil.copyfile(index, copy)
            listing = await self._git(
                "ls-files", "-z", "-ci", "--exclude-standard", environment={"GIT_INDEX_FILE": str(copy)}
            )
            there = [name for name in listing.split("\0") if name and self._there(name)]
            if there:
                names = "\0".join(f":(literal){name}" for name in there)
                await self._git(
                    "add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names, codes=(0, 1)
                )
        copy.unlink(missing_ok=True)

    def _there(self, name: str) -> bool:
        return os.path.lexists(self.root / name)

    async def _git(
        self,
        *arguments: str,
        stdin: str | None = None,
        codes: tuple[int, ...] = (0,),
        environment: dict[str, str] | None = None,
    ) -> str:
        done = await run(
            [program("git"), f"--git-dir={self.store}", f"--work-tree={self.root}", *arguments],
            cwd=self.root,
            timeout=300,
            environment={**_environment(), **(environment or {})},
            stdin=stdin.encode("utf-8", "surrogateescape") if stdin is not None else None,
            head_limit=256 * 1024 * 1024,
        )
        if done.exit_code not in codes:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ToolError(f"The files' state could not be recorded: {said[0] if said else 'git failed'}.")
        return done.stdout.decode("utf-8", "surrogateescape")


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "0",
    }


_STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "modified", "C": "added"}


def _touched(counts: list[str], kinds: list[str]) -> list[Touched]:
    """Read `--numstat -z` and `--name-status -z`; a rename has an empty name and then two."""
    lines: dict[str, tuple[int, int]] = {}
    pieces = iter(counts)
    for piece in pieces:
        if not piece:
            continue
        added, removed, path = piece.split("\t", 2)
        if not path:
            next(pieces)
            path = next(pieces)
        lines[path] = (int(added) if added != "-" else -1, int(removed) if removed != "-" else -1)
    found: list[Touched] = []
    pieces = iter(kinds)
    for kind in pieces:
        if not kind:
            continue
        path = next(pieces)
        if kind[0] in "RC":
            path = next(pieces)
        added, removed = lines.get(path, (-1, -1))
        found.append(
            Touched.model_validate(
                {
                    "path": path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
                    "status": _STATUS.get(kind[0], "modified"),
                    "added": added,
                    "removed": removed,
                    "test": is_test_path(path),
                }
            )
        )
    return found
