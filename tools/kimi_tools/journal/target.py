"""One file of a step: its present version, its new bytes beside it, and the moment when they take its place.

`real` is a path with every symlink followed, as the workspace's `real_path` gave it; it is opened without
following any, so that what was judged is what is written. An atomic rename breaks hard links on purpose: the
other name, which may lie outside the root, keeps the old bytes.
"""

import contextlib
import os
import stat
from collections.abc import Generator

from kimi_tools.errors import Conflict, NotFound, PathRefused
from kimi_tools.journal import system
from kimi_tools.journal.store import FileStep, Version, same
from kimi_tools.workspace import door
from kimi_tools.workspace.root import MAX_FILE_BYTES

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_MOST_HELD = 128


class Folders:
    """The directories that a step works in, opened by name once and then held.

    A directory that is renamed or swapped meanwhile is still the one in which the step began, so a step
    finishes, or cleans up, where it began. Beyond 128 they are opened anew each time.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._held: dict[str, int] = {}

    def __enter__(self) -> "Folders":
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    @contextlib.contextmanager
    def of(self, real: str) -> Generator[tuple[int, str]]:
        """The descriptor of the directory that holds `real`, and the last part of the name."""
        folder, _, name = real.rpartition("/")
        if folder in self._held:
            yield self._held[folder], name
            return
        descriptor = door.open_beneath(self._root, folder or ".", _DIRECTORY, follow=False)
        if len(self._held) < _MOST_HELD:
            self._held[folder] = descriptor
            yield descriptor, name
            return
        try:
            yield descriptor, name
        finally:
            os.close(descriptor)

    def missing(self, real: str) -> list[str]:
        """The directories above `real` that are not there, outermost first."""
        parts = real.split("/")[:-1]
        missing: list[str] = []
        while parts:
            path = "/".join(parts)
            try:
                with self.of(f"{path}/."):
                    break
            except NotFound:
                missing.append(path)
                parts.pop()
        return missing[::-1]


def present(folders: Folders, real: str, path: str) -> tuple[Version, bytes] | None:
    """The file's version and bytes; None when nothing is there. Raises `PathRefused` for other things."""
    try:
        with folders.of(real) as (folder, name):
            return _present(folder, name, path)
    except NotFound:
        return None


def _present(folder: int, name: str, path: str) -> tuple[Version, bytes] | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise door.explain(error, path) from None
    try:
        status = door.require_regular(descriptor, path)
        if status.st_size > MAX_FILE_BYTES:
            raise PathRefused(f"'{path}' has {status.st_size:,} bytes, more than file tools change.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read()
    finally:
        os.close(descriptor)
    return Version.of(data, stat.S_IMODE(status.st_mode)), data


def make_folders(folders: Folders, paths: tuple[str, ...]) -> None:
    """Make directories, outermost first; one that has appeared meanwhile is let be."""
    for path in paths:
        with folders.of(path) as (folder, name):
            with contextlib.suppress(FileExistsError):
                system.make_directory(folder, name)
            system.sync(folder)


def remove_folders(folders: Folders, paths: tuple[str, ...]) -> None:
    """Remove directories, innermost first; one that holds something is let be."""
    for path in reversed(paths):
        with contextlib.suppress(OSError, NotFound, PathRefused), folders.of(path) as (folder, name):
            system.remove_directory(folder, name)


def prepare(folders: Folders, file: FileStep, data: bytes, mode: int | None) -> None:
    """Write the new bytes, safe on the disk, under the step's temporary name beside the file.

    They get the owner, attributes and permissions of the file that they will replace; `mode` sets the
    permissions. A new file without `mode` gets what the umask gives.
    """
    with folders.of(file.real) as (folder, name):
        source = _open_existing(folder, name)
        try:
            descriptor = system.create(folder, file.temporary, 0o666 if source is None else 0o600)
            try:
                if source is not None:
                    system.copy_metadata(source, descriptor)
                if mode is not None:
                    system.change_mode(descriptor, mode)
                system.write(descriptor, data)
                system.sync(descriptor)
            finally:
                os.close(descriptor)
        finally:
            if source is not None:
                os.close(source)


def _open_existing(folder: int, name: str) -> int | None:
    try:
        return os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder
        )
    except FileNotFoundError:
        return None


def swap(folders: Folders, file: FileStep, old: Version | None, new: Version | None) -> None:
    """Put version `new` (prepared, or None: nothing) in the place of version `old` of the file.

    Looks once more just before. Raises `Conflict` when the file is not `old` any more.
    """
    with folders.of(file.real) as (folder, name):
        now = _present(folder, name, file.path)
        if not same(now[0] if now else None, old):
            raise Conflict(f"'{file.path}' was changed by another program in this moment; read it again.")
        if new is None:
            if old is not None:
                system.unlink(folder, name)
        elif old is None:
            try:
                system.place(folder, file.temporary, name)
            except FileExistsError:
                raise Conflict(f"'{file.path}' was made by another program in this moment.") from None
        else:
            system.replace(folder, file.temporary, name)
        system.sync(folder)


def discard(folders: Folders, file: FileStep) -> None:
    """Remove the step's temporary file, if it is there: a read-only system refuses even to miss it."""
    with contextlib.suppress(FileNotFoundError, NotFound), folders.of(file.real) as (folder, _):
        os.stat(file.temporary, dir_fd=folder, follow_symlinks=False)
        system.unlink(folder, file.temporary)
