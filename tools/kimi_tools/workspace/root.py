"""The workspace: its root, its door, its state directory and the limits of a result."""

import asyncio
import os
import shlex
import stat
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.clip import RESULT_CHARS
from kimi_tools.errors import NotFound, PathRefused, ToolError
from kimi_tools.policy import NeedsLeave, Policy, Request, current_ask
from kimi_tools.process import Finished, program
from kimi_tools.protected import holds_secret
from kimi_tools.sandbox import UNPROTECTED, Place, Sandbox, run_confined
from kimi_tools.usage import Limits
from kimi_tools.workspace import door
from kimi_tools.workspace.content import Content, digest

MAX_FILE_BYTES = 32 * 1024 * 1024
"""Files above this are not read into memory by any tool."""

_O_PATH = getattr(os, "O_PATH", os.O_RDONLY)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory, or one path's status. `kind` is file, directory, symlink or other."""

    path: str
    kind: str
    size: int
    mode: int
    mtime_ns: int
    inode: int
    links: int


class Workspace:
    """One repository root.

    `root`: canonical absolute path. `state`: a private directory outside the root, of this root alone
    (journal, spilled output). `result_chars`: what a result's text may weigh in JSON characters. `sandbox`:
    what commands run in. `at`: the path at which commands see the root; a private copy is seen at its
    original's path, where the sandbox can do that, so that absolute paths and editable installs lead to the
    copy. `policy`: the leave that the session has for effects that are not safe by themselves. `limits`: what
    one command may use, by default a share of the machine.

    Raises `NotFound` when the root is not a directory.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        state: Path | str,
        result_chars: int = RESULT_CHARS,
        sandbox: Sandbox = UNPROTECTED,
        at: Path | None = None,
        policy: Policy | None = None,
        limits: Limits | None = None,
    ) -> None:
        try:
            self.root = Path(root).resolve(strict=True)
            self.descriptor = os.open(self.root, _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise NotFound(
                f"The root '{root}' is not a directory that can be opened: {error.strerror}."
            ) from None
        self._closing: list[Callable[[], None]] = []
        self.state = Path(state)
        self.result_chars = result_chars
        self.sandbox = sandbox
        self.policy = policy or Policy()
        self.limits = Limits.default() if limits is None else limits
        self.at = at if at is not None and sandbox.mounts else self.root
        self.watch: Callable[[bytes], None] | None = None
        """Sees what commands print, as it arrives."""
        self.unsaved: dict[str, bytes] = {}
        """By relative path: what an editor shows of a file and has not saved. Reads give that; the disk, and
        so commands and searches, have the older text."""

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have something that stands on this workspace ended before the workspace is."""
        self._closing.append(callback)

    def close(self) -> None:
        """End what stands on the workspace, and give the root's descriptor back."""
        while self._closing:
            self._closing.pop()()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def relative(self, path: str) -> str:
        """The path as the tools write it: relative to the root, `/`, no `.` or `..`; `.` for the root.

        An absolute path is accepted when it lies in the root, in whatever spelling. No expansion of `~` or
        `$NAME`. Raises `PathRefused`.
        """
        if "\0" in path or any("\ud800" <= character <= "\udc7f" for character in path):
            raise PathRefused("A path cannot hold a NUL character or half of a surrogate pair.")
        if not path.strip():
            raise PathRefused("The path is empty; give one relative to the root, '.' for the root itself.")
        if any(len(os.fsencode(part)) > 255 for part in path.split("/")):
            raise PathRefused("A part of the path is longer than 255 bytes; shorten it.")
        if path.startswith("/"):
            path = self._from_absolute(path)
        parts: list[str] = []
        for part in path.split("/"):
            if part in ("", "."):
                continue
            if part == "..":
                if not parts:
                    raise PathRefused(f"'{path}' leads out of the workspace; paths are relative to its root.")
                parts.pop()
            else:
                parts.append(part)
        return "/".join(parts) or "."

    def _from_absolute(self, path: str) -> str:
        normal = os.path.normpath(path)
        for spelling in (
            normal,
            os.path.join(os.path.realpath(os.path.dirname(normal)), os.path.basename(normal)),
        ):
            if spelling == str(self.root):
                return "."
            if spelling.startswith(f"{self.root}/"):
                return spelling[len(str(self.root)) + 1 :]
        raise PathRefused(f"'{path}' is outside the workspace {self.root}; give a path relative to it.")

    def real_path(self, path: str) -> str:
        """Where a path really is beneath the root, every symlink followed. Raises as the door does."""
        return door.real_path(self.descriptor, self.relative(path))

    def stat(self, path: str, *, follow: bool = True) -> Entry:
        """The status of a path. Raises `NotFound`, `PathRefused`."""
        path = self.relative(path)
        if follow or path == ".":
            with door.opened(self.descriptor, path, _O_PATH) as descriptor:
                return _entry(path, os.fstat(descriptor))
        parent, _, name = path.rpartition("/")
        with door.opened(self.descriptor, parent or ".", _O_PATH | os.O_DIRECTORY) as descriptor:
            try:
                return _entry(path, os.stat(name, dir_fd=descriptor, follow_symlinks=False))
            except OSError as error:
                raise door.explain(error, path) from None

    def exists(self, path: str) -> bool:
        """Whether something is there that can be reached inside the root."""
        try:
            self.stat(path)
        except (NotFound, PathRefused):
            return False
        return True

    def list_directory(self, path: str = ".") -> list[Entry]:
        """A directory's entries, by name, symlinks not followed. Raises `NotFound`, `PathRefused`."""
        path = self.relative(path)
        with door.opened(self.descriptor, path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            return sorted(_entries(path, descriptor), key=lambda entry: entry.path)

    def read_bytes(self, path: str, *, limit: int = MAX_FILE_BYTES) -> bytes:
        """A regular file's bytes.

        Those of `unsaved` where the user has changed it in an editor and not saved. Raises `NotFound`,
        `PathRefused` for other things and above `limit`, and `NeedsLeave` for a file of secrets, by whatever
        name or link it was reached.
        """
        path = self.relative(path)
        with door.opened(self.descriptor, path, os.O_RDONLY) as descriptor:
            status = door.require_regular(descriptor, path)
            if status.st_size > limit:
                raise PathRefused(
                    f"'{path}' has {status.st_size:,} bytes, "
                    f"more than the {limit:,} that tools read; search in it."
                )
            real = door.name_of(descriptor, path)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                data = file.read(limit + 1)
        if len(data) > limit:
            raise PathRefused(f"'{path}' has more than the {limit:,} bytes that tools read; search in it.")
        self._require_leave_to_read(path, real, data)
        return self.unsaved.get(path, data)

    def _require_leave_to_read(self, path: str, real: str, data: bytes) -> None:
        if any(holds_secret(name, data) for name in (path, real)):
            self.policy.require(
                Request("secrets", path, f"Show '{path}', a file of secrets, to the model.", digest(data))
            )

    def read(self, path: str) -> Content:
        """A text file. Raises as `read_bytes` does, and `PathRefused` for binary files."""
        path = self.relative(path)
        return Content.decode(path, self.read_bytes(path))

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """A new private directory outside the root, gone after the block, for what a command reads or writes.

        A command sees it when it is named in `run(writable=...)`. What a command has put there is a
        stranger's: open it through `door`, beneath the directory's own descriptor.
        """
        with tempfile.TemporaryDirectory(prefix="kimi-mcp-", ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()

    def _asker(self, argv: Sequence[str]) -> Callable[[str], bool] | None:
        """How the sandbox asks whether a command may reach a host; None where nobody can be asked."""
        ask = current_ask()
        if ask is None:
            return None
        loop = asyncio.get_running_loop()

        async def may_reach(host: str) -> bool:
            request = Request("network", host, f"Let a command reach {host}.", shlex.join(argv))
            try:
                self.policy.require(request)
            except NeedsLeave as need:
                try:
                    await self.policy.settle(need, ask)
                except ToolError:
                    return False
            return True

        return lambda host: asyncio.run_coroutine_threadsafe(may_reach(host), loop).result()

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ".",
        timeout: float,
        environment: Mapping[str, str] | None = None,
        writable: Sequence[Path] = (),
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """Run a command of the project or of the model in the sandbox, standard error merged into output.

        The one place where such commands start. `cwd` is a directory inside the root; `environment` is added
        to the allowed names; `writable` directories outside the root are open to it too.

        Raises `PathRefused`, `NotFound`, `Unavailable`, `NotAllowed`.
        """
        folder = self.relative(cwd)
        if self.stat(folder).kind != "directory":
            raise PathRefused(f"'{cwd}' is not a directory; name a directory inside the root.")
        folder = self.real_path(folder)
        cache = self.state / "cache"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        show = "secrets" in self.policy.allowed
        place = Place(self.root, self.at, folder, writable, cache, self._asker(argv), show, self.limits)
        return await run_confined(
            self.sandbox,
            argv,
            place,
            timeout=timeout,
            environment=environment,
            on_output=self._heard(on_output),
        )

    def program(self, name: str) -> str:
        """A program to `run`: its path here, or its mere name where commands have programs of their own.

        Raises `Unavailable` where it is not installed here.
        """
        return name if self.sandbox.own_programs else program(name)

    def _heard(self, on_output: Callable[[bytes], None] | None) -> Callable[[bytes], None] | None:
        watch = self.watch
        if watch is None or on_output is None:
            return on_output or watch

        def both(piece: bytes) -> None:
            on_output(piece)
            watch(piece)

        return both


_KINDS = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symlink"))


def _entry(path: str, status: os.stat_result) -> Entry:
    mode = status.st_mode
    kind = next((name for test, name in _KINDS if test(mode)), "other")
    return Entry(
        path, kind, status.st_size, stat.S_IMODE(mode), status.st_mtime_ns, status.st_ino, status.st_nlink
    )


def _entries(path: str, descriptor: int) -> Iterator[Entry]:
    prefix = "" if path == "." else f"{path}/"
    with os.scandir(descriptor) as listing:
        for item in listing:
            try:
                yield _entry(prefix + item.name, item.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue
