"""The journal's own files: one per step, in the workspace's private state directory.

A step's file is a header (one line of JSON) and behind it the bytes of every file as it was before. Its name
says how far the step came: `.intent` while it is being made, `.done`, or `.back` when it was cut off and taken
back. An intent is complete and on the disk before the first file is touched.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from kimi_tools.errors import Conflict
from kimi_tools.journal import system

KEEP_STEPS = 200
KEEP_BYTES = 128 * 1024 * 1024
"""The newest steps that are kept, by number and by total size; the very newest always is."""

LOCK_SECONDS = 20.0
"""How long to wait for another process's edit; one takes milliseconds."""

State = Literal["intent", "done", "back"]


@dataclass(frozen=True, slots=True)
class Version:
    """A file's state: the SHA-256 of its bytes, their number, and its permission bits (None: any)."""

    sha256: str
    size: int
    mode: int | None

    @staticmethod
    def of(data: bytes, mode: int | None) -> "Version":
        """The version with these bytes and permissions."""
        return Version(hashlib.sha256(data).hexdigest(), len(data), mode)


def same(one: Version | None, other: Version | None) -> bool:
    """Whether both are the same state of a file; None is a file that is not there."""
    if one is None or other is None:
        return one is other
    return one.sha256 == other.sha256 and (one.mode == other.mode or one.mode is None or other.mode is None)


@dataclass(frozen=True, slots=True)
class FileStep:
    """What a step does to one file. `path`: as the caller named it; `real`: with symlinks followed."""

    path: str
    real: str
    temporary: str
    before: Version | None
    after: Version | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step's header. `folders`: directories that it makes, outermost first. `undoes`: numbers of steps."""

    number: int
    state: State
    tool: str
    time: float
    files: tuple[FileStep, ...]
    folders: tuple[str, ...]
    undoes: tuple[int, ...]


class Store:
    """The journal of one workspace, below its state directory (0700, files 0600), locked.

    `folder`: its directory's descriptor.
    """

    def __init__(self, folder: int) -> None:
        self.folder = folder

    @staticmethod
    @contextlib.contextmanager
    def locked(state: Path) -> Generator["Store"]:
        """Hold the journal for this process and thread.

        One lock for the whole workspace: a step takes milliseconds, and with the lock held any intent that
        is found is known to be cut off. Raises `Conflict` when another process holds it too long, OSError.
        """
        path = state / "journal"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            held = os.open(
                "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
            )
            try:
                _wait_for(held)
                yield Store(folder)
            finally:
                os.close(held)
        finally:
            os.close(folder)

    def names(self) -> list[tuple[int, State]]:
        """Number and state of every step, newest first."""
        found: list[tuple[int, State]] = []
        for name in os.listdir(self.folder):
            number, _, state = name.partition(".")
            if number.isdigit() and state in ("intent", "done", "back"):
                found.append((int(number), state))
        return sorted(found, reverse=True)

    def steps(self, state: State | None = None) -> list[Step]:
        """All steps, or those of one state, newest first; one whose file is damaged is passed over."""
        named = [one for one in self.names() if state in (None, one[1])]
        return [step for number, now in named if (step := self._read(number, now))]

    def _read(self, number: int, state: State) -> Step | None:
        try:
            descriptor = os.open(
                _name(number, state), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder
            )
            with os.fdopen(descriptor, "rb") as file:
                header: dict[str, Any] = json.loads(file.readline())
            return Step(
                number=number,
                state=state,
                tool=header["tool"],
                time=header["time"],
                files=tuple(_files(header["files"])),
                folders=tuple(header["folders"]),
                undoes=tuple(header["undoes"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, step: Step, images: Sequence[bytes | None]) -> None:
        """Put the intent on the disk. `images`: the bytes of each file before, None where there was none."""
        name = _name(step.number, "intent")
        temporary = f"{name}.new"
        header = json.dumps({"format": 1, **_as_json(step)}, separators=(",", ":")).encode() + b"\n"
        with contextlib.suppress(FileNotFoundError):
            system.unlink(self.folder, temporary)
        descriptor = system.create(self.folder, temporary, 0o600)
        try:
            system.write(descriptor, b"".join([header, *(image for image in images if image is not None)]))
            system.sync(descriptor)
        finally:
            os.close(descriptor)
        system.replace(self.folder, temporary, name)
        system.sync(self.folder)

    def finish(self, number: int, state: State) -> None:
        """Say how the step ended. On a network a call can do its work and still report an error."""
        try:
            system.replace(self.folder, self._name_of(number), _name(number, state))
        except OSError:
            if self._name_of(number) != _name(number, state):
                raise

    def images(self, step: Step) -> list[bytes | None]:
        """The bytes of each of the step's files before it. Raises `Conflict` when they are damaged."""
        descriptor = os.open(self._name_of(step.number), os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.folder)
        images: list[bytes | None] = []
        with os.fdopen(descriptor, "rb") as file:
            file.readline()
            for one in step.files:
                image = None if one.before is None else file.read(one.before.size)
                if image is not None and not same(Version.of(image, None), one.before):
                    raise Conflict(f"The journal's copy of '{one.path}' is damaged; restore it from git.")
                images.append(image)
        return images

    def _name_of(self, number: int) -> str:
        """The name that the step's file has now: a call that failed may have done its work all the same."""
        names = os.listdir(self.folder)
        states: tuple[State, ...] = ("intent", "done", "back")
        return next(
            (name for state in states if (name := _name(number, state)) in names), _name(number, "intent")
        )

    def prune(self) -> None:
        """Forget the oldest steps beyond what is kept, and the leftovers of a crash."""
        total = 0
        for index, (number, state) in enumerate(self.names()):
            name = _name(number, state)
            total += os.stat(name, dir_fd=self.folder).st_size
            if state != "intent" and index and (index >= KEEP_STEPS or total > KEEP_BYTES):
                system.unlink(self.folder, name)
        for name in os.listdir(self.folder):
            if name.endswith(".new"):
                system.unlink(self.folder, name)


def _wait_for(descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    pause = 0.001
    while not system.lock(descriptor):
        if time.monotonic() > deadline:
            raise Conflict("Another process is editing this workspace and does not finish; try again later.")
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def _name(number: int, state: State) -> str:
    return f"{number:08d}.{state}"


def _as_json(step: Step) -> dict[str, Any]:
    return {key: value for key, value in asdict(step).items() if key not in ("number", "state")}


def _files(listed: list[dict[str, Any]]) -> Iterator[FileStep]:
    for one in listed:
        before = Version(**one["before"]) if one["before"] else None
        after = Version(**one["after"]) if one["after"] else None
        yield FileStep(one["path"], one["real"], one["temporary"], before, after)
