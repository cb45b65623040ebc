"""Faults at each system call of a write: it fails, it fails after its work, a write is torn, the process dies.

Every public function of `kimi_tools.journal.system` is one system call; they are wrapped from outside, so the
product holds no code for this. As a program it runs one scenario once and kills itself at the given call:
`python -m tests.faults.disk SCENARIO ROOT STATE FIRST LAST` forks a child per call number.
"""

import errno
import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from kimi_tools import journal
from kimi_tools.journal import Change, system
from kimi_tools.workspace import Workspace

How = Literal["before", "after", "torn"]
HOWS: tuple[How, ...] = ("before", "after", "torn")

START: dict[str, bytes] = {
    "a.txt": b"one\n" * 3000,
    "b.txt": b"two\n",
    "d/c.txt": b"three\n",
    "run.sh": b"#!/bin/sh\n",
}


def one_edit(workspace: Workspace) -> None:
    """A file's bytes are replaced."""
    journal.apply(workspace, "t", [Change("a.txt", START["a.txt"], b"ONE\n" * 4000)])


def new_file(workspace: Workspace) -> None:
    """A file is made, with folders."""
    journal.apply(workspace, "t", [Change("x/y/new.txt", None, b"new\n")])


def many_files(workspace: Workspace) -> None:
    """Five files at once: changed, made, deleted, made executable."""
    journal.apply(
        workspace,
        "t",
        [
            Change("a.txt", START["a.txt"], b"ONE\n"),
            Change("x/new.txt", None, b"new\n"),
            Change("b.txt", START["b.txt"], None),
            Change("d/c.txt", START["d/c.txt"], b"THREE\n"),
            Change("run.sh", START["run.sh"], START["run.sh"], mode=0o755),
        ],
    )


SCENARIOS: dict[str, Callable[[Workspace], None]] = {
    "one edit": one_edit,
    "new file": new_file,
    "many files": many_files,
}


@contextmanager
def struck(strike: Callable[[int, str], How | None], act: Callable[[], None]) -> Iterator[None]:
    """Within the block, `strike` is asked at each call (its number from 1, its name) how it goes wrong."""
    real = {
        name: function
        for name, function in vars(system).items()
        if inspect.isfunction(function) and not name.startswith("_")
    }
    count = 0

    def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal count
            count += 1
            how = strike(count, name)
            if how == "torn":
                os.write(arguments[0], arguments[1][: len(arguments[1]) // 2])
            if how in ("before", "torn"):
                act()
            result = function(*arguments)
            if how == "after":
                act()
            return result

        return call

    for name, function in real.items():
        setattr(system, name, wrap(name, function))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(system, name, function)


def faults_of(scenario: str, workspace: Workspace) -> list[tuple[int, How]]:
    """Every way in which one system call of the scenario can go wrong: the call's number, and how."""
    names: list[str] = []

    def note(number: int, name: str) -> None:
        names.append(name)

    with struck(note, lambda: None):
        SCENARIOS[scenario](workspace)
    return [
        (number, how)
        for number, name in enumerate(names, 1)
        for how in HOWS
        if how != "torn" or name == "write"
    ]


@contextmanager
def not_waiting_for_the_disk() -> Iterator[None]:
    """Within the block fsync returns at once: what a killed process wrote is in the page cache all the same."""
    real = os.fsync
    os.fsync = lambda fd: None
    try:
        yield
    finally:
        os.fsync = real


def fail() -> None:
    """What a full disk says."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die() -> None:
    """kill -9, from inside, at exactly this place."""
    os.kill(os.getpid(), signal.SIGKILL)


def lay_out(root: Path) -> None:
    """Put the files of the start below an empty root."""
    for name, data in START.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / ".git").mkdir(exist_ok=True)
    (root / ".git/config").write_bytes(b"[core]\n")


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a root: permission bits, and bytes of files."""
    found: dict[str, tuple[int, bytes]] = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode & 0o7777
        found[str(path.relative_to(root))] = (mode, path.read_bytes() if path.is_file() else b"")
    return found


def main(scenario: str, root: Path, state: Path, number: int, how: How) -> int:
    """Run the scenario in a child that dies at a call; gives the child's wait status."""
    child = os.fork()
    if child == 0:
        try:
            workspace = Workspace(root, state=state)
            with struck(lambda at, _: how if at == number else None, die):
                SCENARIOS[scenario](workspace)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    name, root_, state_, number_, how_ = sys.argv[1:]
    sys.exit(main(name, Path(root_), Path(state_), int(number_), how_) != 0)  # type: ignore[arg-type]
