"""Give up rights with Landlock and seccomp, run a command, end all that it started.

Run as a script: `python -I -S confined.py DESCRIPTOR COMMAND …`; the descriptor holds JSON with the paths to
`read` and to `write` and the system-call `filter` in hex. Exit code 125 with a sentence when the confinement
cannot be made. Numbers: Linux `include/uapi/linux/landlock.h`, `prctl.h`.
"""

import ctypes
import json
import os
import signal
import struct
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION, _PATH_BENEATH = 1, 1
_PARENT_DEATH_SIGNAL, _SUBREAPER, _NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 1, 36, 38, 22, 2
_DROP_CAPABILITY = 24
_READ = 0b1101  # execute, read file, read directory
_ON_FILES = 0b1100000000000111  # execute, write file, read file, truncate, device control
_BITS_OF_VERSION = (0, 13, 14, 15, 15, 16, 16)  # how many access rights each version knows

_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result = _libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)


def version() -> int:
    """The kernel's Landlock version; raises `OSError` where there is none."""
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_GET_VERSION))


def restrict(read: list[str], write: list[str]) -> None:
    """Allow reading and running below `read`, everything below `write`, nothing else; for good."""
    known = version()
    every = (1 << _BITS_OF_VERSION[min(known, len(_BITS_OF_VERSION) - 1)]) - 1
    attributes = struct.pack("=QQQ", every, 0b11, 0b11)[: 8 if known < 4 else 16 if known < 6 else 24]
    rules = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for paths, rights in ((read, _READ), (write, every)):
        for path in paths:
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            allowed = rights if os.path.isdir(path) else rights & _ON_FILES
            rule = struct.pack("=Qi", allowed & every, descriptor)
            _call(_ADD_RULE, rules, _PATH_BENEATH, rule, ctypes.c_uint32(0))
            os.close(descriptor)
    _call(_RESTRICT_SELF, rules, ctypes.c_uint32(0))
    os.close(rules)


def install(program: bytes) -> None:
    """Put the system-call filter in force, for this process and all that it starts."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    if _libc.prctl(_SECCOMP, _FILTER, header) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def main(descriptor: int, command: list[str]) -> int:
    """Confine a child, wait for it, and end whatever it has left behind."""
    with os.fdopen(descriptor) as file:
        rules = json.load(file)
    _libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    _libc.prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _terminated)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(command, rules)
    while True:
        done, status = os.wait()
        if done == child:
            code = os.waitstatus_to_exitcode(status)
            _end(code if code >= 0 else 128 - code)


def _terminated(number: int, frame: object) -> None:
    _end(128 + number)


def _become(command: list[str], rules: dict[str, object]) -> None:
    try:
        for capability in range(64):  # root's would reach around Landlock, into /proc/*/environ for one
            _libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)
        _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        restrict(list(rules["read"]), list(rules["write"]))  # type: ignore[call-overload]
        install(bytes.fromhex(str(rules["filter"])))
    except OSError as error:
        sys.stderr.write(f"cannot confine: {error}\n")
        os._exit(125)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(127)


def _end(code: int) -> None:
    """Kill every descendant (orphans are ours: we are their subreaper) and exit."""
    while children := _children():
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            except OSError:
                pass
    os._exit(code)


def _children() -> list[int]:
    own = os.getpid()
    found: list[int] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == own and fields[0] != "Z":
                found.append(int(name))
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
