"""The system-call filter that confined commands run under, as a classic BPF program.

It stands behind the namespaces: what they leave open to the kernel's rarely used corners is refused here.
Format: Linux `Documentation/userspace-api/seccomp_filter.rst`; numbers: `syscall_64.tbl` and
`asm-generic/unistd.h`.
"""

import errno
import platform
import struct
from collections.abc import Sequence
from functools import cache

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4
_X32 = 0x40000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64)
_REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
}
_SOCKET = (41, 198)
_IOCTL = (16, 29)
_UNSHARE = (272, 97)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
# chmod family, with the argument that holds the mode
_MODES = (((90, None), 1), ((91, 52), 1), ((268, 53), 2), ((452, 452), 2))

_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, and NEWTIME for unshare."""

_SET_USER_ID = 0o4000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
UNIX, INET, INET6, NETLINK = 1, 2, 10, 16

Instruction = tuple[int, int, int, int]


def _errno(code: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | code)


def _argument(index: int) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * index)  # the low half, on a little-endian machine


def _when(number: int | None, body: Sequence[Instruction]) -> list[Instruction]:
    """Run `body` for one system call; it ends in a return, or falls through with the number loaded again."""
    if number is None:
        return []
    whole = [*body, (_LOAD, 0, 0, _NUMBER)]
    return [(_JUMP_EQUAL, 0, len(whole), number), *whole]


def program(families: Sequence[int], machine: str = "") -> list[Instruction]:
    """The filter's instructions; sockets may be made of the given address families only.

    Raises `KeyError` for a machine other than x86_64 and aarch64.
    """
    machine = machine or platform.machine()
    column = list(_ARCHITECTURES).index(machine) if machine in _ARCHITECTURES else -1
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += [(_JUMP_ABOVE, 0, 1, _X32), _errno(errno.ENOSYS)]
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            code += [(_JUMP_EQUAL, 0, 1, number), _errno(errno.EPERM)]
    allowed = [(_JUMP_EQUAL, len(families) - place, 0, family) for place, family in enumerate(families)]
    code += _when(_SOCKET[column], [_argument(0), *allowed, _errno(errno.EAFNOSUPPORT)])
    for request in (_TIOCSTI, _TIOCLINUX):
        code += _when(_IOCTL[column], [_argument(1), (_JUMP_EQUAL, 0, 1, request), _errno(errno.EPERM)])
    for call in (_UNSHARE, _CLONE):
        flags = _NEW_NAMESPACES if call is _UNSHARE else _NEW_NAMESPACES & ~0x80  # clone: 0xff is a signal
        code += _when(call[column], [_argument(0), (_JUMP_BITS, 0, 1, flags), _errno(errno.EPERM)])
    # clone3's flags lie in memory, out of the filter's sight; the C library falls back to clone.
    code += _when(_CLONE3[column], [_errno(errno.ENOSYS)])
    for numbers, index in _MODES:
        code += _when(
            numbers[column],
            [_argument(index), (_JUMP_BITS, 0, 1, _SET_USER_ID), _errno(errno.EPERM)],
        )
    return [*code, (_RETURN, 0, 0, _ALLOW)]


@cache
def compiled(families: tuple[int, ...], machine: str = "") -> bytes:
    """The filter as the kernel and bubblewrap's `--seccomp` take it: 8 bytes an instruction."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program(families, machine))


def supported() -> bool:
    """Whether there is a filter for this machine."""
    return platform.system() == "Linux" and platform.machine() in _ARCHITECTURES
