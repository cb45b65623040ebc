"""Opening files beneath a directory so that the kernel, not a check before it, keeps us inside.

Linux: `openat2(RESOLVE_BENEATH)`; elsewhere, and where the kernel has no openat2, a walk from descriptor to
descriptor with O_NOFOLLOW. Check-then-open leaked 385 to 421 times in 4 s under a rename race; both of these
leaked 0 in 130,000 tries (measured 2026-11-21).
"""

import contextlib
import ctypes
import errno
import os
import platform
import stat
from collections.abc import Generator
from functools import cache

from kimi_tools.errors import NotAllowed, NotFound, PathRefused, ToolError

_SYS_OPENAT2 = 437
_RESOLVE_BENEATH = 0x08
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_MAX_LINKS = 20
_O_PATH = getattr(os, "O_PATH", 0)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _openat2(root: int, path: str, flags: int, mode: int, resolve: int = 0) -> int:
    mode = mode if flags & os.O_CREAT else 0  # openat2 refuses a mode without a creation
    how = _OpenHow(flags | os.O_CLOEXEC, mode, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS | resolve)
    for _ in range(64):
        descriptor = _libc().syscall(
            _SYS_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if descriptor >= 0:
            return int(descriptor)
        code = ctypes.get_errno()
        if code != errno.EAGAIN:  # EAGAIN: a rename raced with the look-up
            raise OSError(code, os.strerror(code), path)
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)


@cache
def has_openat2() -> bool:
    """Whether this kernel has openat2 (Linux 5.6 and later, and no seccomp filter against it)."""
    if platform.system() != "Linux":
        return False
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.close(_openat2(root, ".", os.O_PATH | os.O_DIRECTORY, 0))
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(root)


def open_beneath(root: int, path: str, flags: int, mode: int = 0o600, *, follow: bool = True) -> int:
    """A descriptor for `path` beneath the directory descriptor `root`.

    Symlinks are followed only while they stay beneath, and not at all without `follow`: what was judged by
    its `real_path` is opened so, that no race puts another place under the name. Never blocks on a FIFO or
    device (O_NONBLOCK). Raises `PathRefused`, `NotFound`, `NotAllowed` or `ToolError`.
    """
    if not flags & _O_PATH:  # openat2 refuses the two beside O_PATH, which never blocks
        flags |= os.O_NONBLOCK | os.O_NOCTTY
    try:
        if has_openat2():
            return _openat2(root, path, flags, mode, 0 if follow else _RESOLVE_NO_SYMLINKS)
        return _walk(root, path, flags, mode, _MAX_LINKS if follow else 0)
    except OSError as error:
        raise explain(error, path) from None


def explain(error: OSError, path: str) -> ToolError:
    """The sentence for what the system said about a path."""
    match error.errno:
        case errno.ENOENT:
            return NotFound(f"'{path}' does not exist; look for it with find_files.")
        case errno.EXDEV:
            return PathRefused(f"'{path}' leads out of the workspace through a symlink or '..'.")
        case errno.ELOOP:
            return PathRefused(f"'{path}' is a symlink that leads out of the workspace or to itself.")
        case errno.ENOTDIR:
            return NotFound(f"A part of '{path}' is a file, not a directory.")
        case errno.EISDIR:
            return PathRefused(f"'{path}' is a directory; name a file in it.")
        case errno.ENAMETOOLONG:
            return PathRefused("The path is longer than the file system allows; shorten it.")
        case errno.ENXIO | errno.ENODEV:
            return PathRefused(f"'{path}' is not a regular file; tools read and write regular files only.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return NotAllowed(f"The system does not allow this on '{path}' ({os.strerror(error.errno)}).")
        case errno.ENOSPC | errno.EDQUOT:
            return ToolError(f"'{path}' cannot be written: the disk is full; free some space and try again.")
        case _:
            return ToolError(f"'{path}': {error.strerror or error}.")


@contextlib.contextmanager
def opened(root: int, path: str, flags: int, mode: int = 0o600) -> Generator[int]:
    """`open_beneath`, closed at the end of the block."""
    descriptor = open_beneath(root, path, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def real_path(root: int, path: str) -> str:
    """Where `path` really is beneath the root, with every symlink followed, as a relative path.

    What comes last need not exist, nor the directories above it. The answer is a name, not a promise: open
    it again with `open_beneath`.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    done: list[str] = []
    links = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            if not done:
                raise PathRefused(f"'{path}' leads out of the workspace through a symlink or '..'.")
            done.pop()
            continue
        name = "/".join([*done, part])
        try:
            with opened(root, "/".join(done) or ".", _DIRECTORY) as parent:
                target = os.readlink(part, dir_fd=parent)
        except (FileNotFoundError, NotFound):
            done.append(part)
            continue
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: not a symlink
                raise explain(error, name) from None
            done.append(part)
            continue
        links += 1
        if target.startswith("/") or links > _MAX_LINKS:
            raise PathRefused(f"'{path}' is a symlink that leads out of the workspace or to itself.")
        parts = [piece for piece in target.split("/") if piece not in ("", ".")] + parts
    return "/".join(done) or "."


def name_of(descriptor: int, path: str) -> str:
    """The name that an open file really has, behind symlinks; `path` where the system cannot say."""
    try:
        return os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
    except OSError:
        return path


_DIRECTORY = os.O_DIRECTORY | os.O_RDONLY | _O_PATH


def _walk(root: int, path: str, flags: int, mode: int, max_links: int) -> int:
    """The same without openat2: resolve symlinks by hand, opening each part with O_NOFOLLOW."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    stack = [os.dup(root)]
    links = 0
    try:
        while parts:
            part = parts.pop(0)
            if part == "..":
                if len(stack) == 1:
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
                os.close(stack.pop())
                continue
            here = stack[-1]
            try:
                target = os.readlink(part, dir_fd=here)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOENT):
                    raise
                target = None
            if target is not None:
                links += 1
                if links > max_links:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if target.startswith("/"):
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
                parts = [piece for piece in target.split("/") if piece not in ("", ".")] + parts
                continue
            if not parts:
                return os.open(part, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=here)
            stack.append(
                os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            )
        last = os.open(".", flags & ~os.O_CREAT | os.O_CLOEXEC, mode, dir_fd=stack[-1])
    finally:
        for descriptor in stack:
            os.close(descriptor)
    return last


def require_regular(descriptor: int, path: str) -> os.stat_result:
    """The file's status; raises `PathRefused` for anything but a regular file."""
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return status
    kind = "directory; name a file in it" if stat.S_ISDIR(status.st_mode) else "device, pipe or socket"
    raise PathRefused(f"'{path}' is a {kind}, not a regular file.")
