"""The folder of one run: its order, its events, its patch. Private to the user (0700, files 0600)."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kimi_mcp.agent import events as ev
from kimi_mcp.runs.request import Request
from kimi_tools import redact
from kimi_tools.errors import Conflict, NotFound


class Record(BaseModel):
    """What `run.json` holds. `created` in seconds since the epoch; `pid` of the last process at work."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64")

    id: str
    created: float
    request: Request
    pid: int = 0


class RunFolder:
    """One run on disk, below `<state>/runs/`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def tree(self) -> Path:
        """The git directory of the files' states."""
        return self.path / "tree"

    @property
    def place(self) -> Path:
        """The private copy of the repository."""
        return self.path / "place"

    @property
    def state(self) -> Path:
        """The workspace's state: journal, test runs, cut results."""
        return self.path / "state"

    @property
    def patch_file(self) -> Path:
        """The best patch so far, byte for byte."""
        return self.path / "patch.diff"

    @property
    def events_file(self) -> Path:
        """One event per line, only ever added to."""
        return self.path / "events.jsonl"

    def record(self) -> Record:
        """The run's order. Raises `NotFound`."""
        try:
            return Record.model_validate_json((self.path / "run.json").read_bytes())
        except (OSError, ValueError) as error:
            raise NotFound(f"The run {self.id} cannot be read: {error}.") from None

    def write_record(self, record: Record) -> None:
        """Replace `run.json` as a whole."""
        _write(self.path / "run.json", redact.mask(record.model_dump_json(indent=1)).encode())

    def append(self, event: ev.Event) -> None:
        """Add one event. It is the system's before this returns: a killed process loses nothing."""
        descriptor = os.open(self.events_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, redact.mask(ev.to_json(event)).encode() + b"\n")
            if isinstance(event, ev.Ended):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def events(self) -> list[ev.Event]:
        """All recorded events; a torn last line, from a machine that went down, is left out."""
        return [event for event, _ in self.lines_from(0)]

    def lines_from(self, offset: int) -> Iterator[tuple[ev.Event, int]]:
        """The events behind a byte offset, each with the offset behind it."""
        try:
            file = self.events_file.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                yield ev.from_json(line), offset

    def mend(self) -> None:
        """Cut a torn last line off, so that the next event begins a new one."""
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self.events_file, max((end for _, end in self.lines_from(0)), default=0))

    def outcome(self) -> ev.Outcome | None:
        """How the run ended; None while it has not, or when its process died."""
        for event, _ in self.lines_from(self._last_line()):
            return event.outcome if isinstance(event, ev.Ended) else None
        return None

    def _last_line(self) -> int:
        """The offset of the last line of the events."""
        if not self.events_file.exists():
            return 0
        with self.events_file.open("rb") as file:
            size = position = file.seek(0, os.SEEK_END)
            tail = b""
            while position and tail.count(b"\n") < 2:
                step = min(65_536, position)
                position -= step
                file.seek(position)
                tail = file.read(step) + tail
        return size - len(tail[tail.rfind(b"\n", 0, -1) + 1 :])

    def write_patch(self, patch: bytes) -> None:
        """Replace `patch.diff` as a whole."""
        _write(self.patch_file, patch)

    @contextlib.contextmanager
    def at_work(self) -> Generator[None]:
        """Hold the run for this process. Raises `Conflict` while another one works on it."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(f"Run {self.id} is at work in another process; watch or cancel it.") from None
            self.write_record(self.record().model_copy(update={"pid": os.getpid()}))
            yield
        finally:
            os.close(descriptor)

    def is_at_work(self) -> bool:
        """Whether a process works on this run now."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def is_starting(self) -> bool:
        """Whether the process that was started for this run is there, but does not hold it yet."""
        return not (self.path / "lock").exists() and is_alive(self.record().pid)

    def remove(self) -> None:
        """Delete the run and everything of it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def say(self, text: str) -> None:
        """Leave a message for the process at work; it is heard before the next answer."""
        descriptor = os.open(
            self.path / "inbox.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps({"text": text}) + "\n")

    def hear(self) -> list[str]:
        """Take the messages that were left, oldest first."""
        taken = self.path / f"inbox.{os.getpid()}"
        try:
            (self.path / "inbox.jsonl").rename(taken)
        except FileNotFoundError:
            return []
        lines = taken.read_text().splitlines()
        taken.unlink()
        return [str(json.loads(line)["text"]) for line in lines]


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended; 0 is none. One that nobody has waited for yet has ended."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except ProcessLookupError:
        return False
    except OSError:  # another's process, or a system without /proc
        return True
    return status.rpartition(")")[2].split()[0] != "Z"


def create(state: Path, request: Request) -> RunFolder:
    """A new run below `<state>/runs`."""
    runs = state / "runs"
    runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = time.time()
    while True:
        name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{secrets.token_hex(2)}"
        try:
            (runs / name).mkdir(mode=0o700)
            break
        except FileExistsError:
            continue
    folder = RunFolder(runs / name)
    folder.state.mkdir(mode=0o700)
    folder.write_record(Record(id=name, created=now, request=request))
    return folder


def copied(folder: RunFolder) -> RunFolder:
    """A run of its own that has happened as this one has, and may go on otherwise."""
    record = folder.record()
    copy = create(folder.path.parent.parent, record.request)
    shutil.copytree(folder.path, copy.path, dirs_exist_ok=True, symlinks=True, ignore=_NOT_COPIED)
    copy.write_record(copy.record().model_copy(update={"id": copy.id, "created": time.time(), "pid": 0}))
    return copy


_NOT_COPIED = shutil.ignore_patterns("lock", "inbox.*")


def find(state: Path, name: str) -> RunFolder:
    """The run of that name, or whose name ends in it, or the newest for `last`. Raises `NotFound`."""
    names = every(state)
    if name == "last" and names:
        return names[0]
    found = [folder for folder in names if folder.id == name or folder.id.endswith(name)]
    if len(found) == 1 and name:
        return found[0]
    if found and name:
        raise NotFound(f"Several runs end in '{name}': {', '.join(folder.id for folder in found[:8])}.")
    raise NotFound(f"There is no run '{name}'; see `kimi-mcp runs list`.")


def every(state: Path) -> list[RunFolder]:
    """All runs, newest first."""
    try:
        paths = [path for path in (state / "runs").iterdir() if (path / "run.json").is_file()]
    except FileNotFoundError:
        return []
    return [RunFolder(path) for path in sorted(paths, reverse=True)]


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
