"""The system calls of every write, one function each and no more logic than that.

Everything that changes a file or the journal goes through here, so that a test can fail, or kill the process,
at each of them in turn. Names are single parts, always beside a directory descriptor.
"""

import contextlib
import errno
import fcntl
import os
import stat

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def make_directory(folder: int, name: str) -> None:
    """Make a directory with the permissions that the umask gives."""
    os.mkdir(name, 0o777, dir_fd=folder)


def remove_directory(folder: int, name: str) -> None:
    """Remove an empty directory."""
    os.rmdir(name, dir_fd=folder)


def create(folder: int, name: str, mode: int) -> int:
    """A descriptor for a new file; fails when the name is taken."""
    return os.open(name, _NEW, mode, dir_fd=folder)


def write(descriptor: int, data: bytes) -> None:
    """Write all of the bytes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def copy_metadata(source: int, target: int) -> None:
    """Give `target` the owner, permissions and extended attributes (so also ACLs) of `source`.

    What the system does not let us copy (another's ownership, `security.*`) is left as it is; set-id bits are
    then dropped.
    """
    status = os.fstat(source)
    mode = stat.S_IMODE(status.st_mode)
    own = os.fstat(target)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(target, status.st_uid, status.st_gid)
        except OSError:
            mode &= 0o777
    for name in _attributes(source):
        with contextlib.suppress(OSError):
            os.setxattr(target, name, os.getxattr(source, name))
    if stat.S_IMODE(os.fstat(target).st_mode) != mode:  # FAT has fixed ones and refuses to set them
        os.fchmod(target, mode)


def _attributes(descriptor: int) -> list[str]:
    if not hasattr(os, "listxattr"):  # macOS
        return []
    try:
        return os.listxattr(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM, errno.ENOSYS):
            return []
        raise


def change_mode(descriptor: int, mode: int) -> None:
    """Set the permission bits."""
    os.fchmod(descriptor, mode)


def sync(descriptor: int) -> None:
    """Wait until a file, or a directory's entries, are on the disk; a file system without fsync is let be."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def replace(folder: int, temporary: str, name: str) -> None:
    """Put a file in another's place, at once."""
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def place(folder: int, temporary: str, name: str) -> None:
    """Give a file its name if that is free, at once; raises FileExistsError when it is taken."""
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        _place_without_links(folder, temporary, name)


def _place_without_links(folder: int, temporary: str, name: str) -> None:
    """The same on a file system without hard links; leaves a window of some microseconds."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def unlink(folder: int, name: str) -> None:
    """Remove a file's name."""
    os.unlink(name, dir_fd=folder)


def lock(descriptor: int) -> bool:
    """Try to take the exclusive lock on an open file; false when another holds it.

    Where the file system has no locks (some network mounts) it is given to everyone: the checks just before
    each rename still hold.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
    return True
