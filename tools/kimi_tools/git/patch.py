"""A patch, read as git prints it: its statistics whole, of its lines only the asked ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kimi_tools.clip import clip_line, weight
from kimi_tools.gitcommand import Repository
from kimi_tools.policy import Request
from kimi_tools.protected import names_secret
from kimi_tools.tool import Data
from kimi_tools.visible import reveal_line

OPTIONS = (
    *(
        "--numstat",
        "--patch",
        "-z",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=dirty",
    ),
    *("--src-prefix=a/", "--dst-prefix=b/", "--find-renames", "--no-relative", "--submodule=short"),
    *("--output-indicator-new=+", "--output-indicator-old=-", "--output-indicator-context= ", "-O/dev/null"),
)
"""What every diff is made with: nothing of it depends on configuration, no program of the repository runs."""

_LINE_BYTES = 4_000
_LINES_KEPT = 2_000
_STAT_BYTES = 8 * 1024 * 1024


class ChangedFile(Data):
    """Lines added and removed in a file; -1 for a binary one. `origin`: its former path when renamed."""

    path: str
    added: int
    removed: int
    origin: str


@dataclass(slots=True)
class PatchReader:
    """Takes git's output as it arrives; memory is bounded however long the patch is."""

    offset: int
    stat: bytearray = field(default_factory=bytearray)
    lines: list[bytes] = field(default_factory=list[bytes])
    total: int = 0
    _in_patch: bool = False
    _rest: bytearray = field(default_factory=bytearray)

    def add(self, piece: bytes) -> None:
        """The next piece of output: statistics, an empty record, then the patch."""
        if not self._in_patch:
            self.stat += piece
            end = self.stat.find(b"\0\0")
            if end < 0:
                del self.stat[_STAT_BYTES:]
                return
            piece = bytes(self.stat[end + 2 :])
            del self.stat[end + 1 :]
            self._in_patch = True
        self._rest += piece
        *whole, rest = self._rest.split(b"\n")
        for line in whole:
            self._line(line)
        self._rest = rest[: 2 * _LINE_BYTES]

    def end(self) -> None:
        """No more output comes."""
        if self._rest:
            self._line(self._rest)
            self._rest.clear()

    def _line(self, line: bytes | bytearray) -> None:
        if self.offset <= self.total < self.offset + _LINES_KEPT:
            self.lines.append(bytes(line[:_LINE_BYTES]))
        self.total += 1

    def files(self) -> list[tuple[str, str, int, int]]:
        """Path, former path, lines added and removed, as git names them."""
        found: list[tuple[str, str, int, int]] = []
        records = iter(bytes(self.stat).decode("utf-8", "surrogateescape").split("\0"))
        for record in records:
            parts = record.split("\t", 2)
            if len(parts) < 3:
                continue
            added, removed = (int(part) if part.isdigit() else -1 for part in parts[:2])
            origin = "" if parts[2] else next(records, "")
            found.append((parts[2] or next(records, ""), origin, added, removed))
        return found


async def read_patch(
    repository: Repository, command: Sequence[str], paths: Sequence[str], offset: int
) -> tuple[PatchReader, list[str]]:
    """Run a command that prints a patch. Files of secrets are left out and named, unless there is leave.

    A secret file named by the caller itself needs leave. Raises `NeedsLeave` and as git does.
    """
    for path in paths:
        if names_secret(path):
            repository.workspace.policy.require(
                Request("secrets", path, f"Show changes of '{path}', a file of secrets, to the model.")
            )
    reader = await _read(repository, [*command, "--", *paths], offset, {})
    if "secrets" in repository.workspace.policy.allowed:
        return reader, []
    secret = [
        name
        for path, origin, _, _ in reader.files()
        for name in dict.fromkeys((path, origin))
        if name and name not in paths and names_secret(name)
    ]
    if secret:
        wanted = [f":(top,literal){path}" for path in paths]
        left_out = [f":(top,exclude,literal){path}" for path in secret]
        magic = {"GIT_LITERAL_PATHSPECS": "0"}
        reader = await _read(repository, [*command, "--", *wanted, *left_out], offset, magic)
    return reader, sorted(secret)


async def _read(
    repository: Repository, arguments: Sequence[str], offset: int, environment: dict[str, str]
) -> PatchReader:
    reader = PatchReader(offset)
    await repository.run(*arguments, environment=environment, on_output=reader.add, refreshed=True)
    reader.end()
    return reader


def changed_files(reader: PatchReader) -> list[ChangedFile]:
    """The statistics, in the order of the patch."""
    return [
        ChangedFile(path=reveal_line(path), added=added, removed=removed, origin=reveal_line(origin))
        for path, origin, added, removed in reader.files()
    ]


def totals(files: Sequence[ChangedFile]) -> str:
    """`3 files, +10 -2`."""
    added = sum(max(0, one.added) for one in files)
    removed = sum(max(0, one.removed) for one in files)
    return f"{len(files):,} file{'s' if len(files) != 1 else ''}, +{added:,} -{removed:,}"


def lay_out(
    head: Sequence[str], reader: PatchReader, secret: Sequence[str], room: int
) -> tuple[str, str, int]:
    """The whole text, the shown part of the patch, and the number of its last shown line.

    The first page starts with a line per file, of which a third of the room is used at most.
    """
    files = changed_files(reader)
    lines = list(head)
    if reader.offset == 0:
        lines += _stat_lines(files, room // 3)
    if secret:
        lines.append(f"[files of secrets left out: {', '.join(map(reveal_line, secret))}]")
    room -= sum(weight(line) + 2 for line in lines) + 150
    shown: list[str] = []
    for raw in reader.lines:
        line = clip_line(reveal_line(raw.decode("utf-8", "replace")))
        room -= weight(line) + 2
        if room < 0 and shown:
            break
        shown.append(line)
    end = reader.offset + len(shown)
    lines += shown
    if reader.offset or end < reader.total:
        more = f"; next: offset={end}, or name fewer paths" if end < reader.total else ""
        first = min(reader.offset + 1, reader.total)
        lines.append(f"[shown lines {first}-{end} of {reader.total:,} of the patch{more}]")
    return "\n".join(lines), "\n".join(shown), end


def _stat_lines(files: Sequence[ChangedFile], room: int) -> list[str]:
    lines: list[str] = []
    for number, one in enumerate(files):
        change = "binary" if one.added < 0 else f"+{one.added} -{one.removed}"
        line = f"  {one.origin + ' -> ' if one.origin else ''}{one.path} | {change}"
        room -= weight(line) + 2
        if room < 0 and lines:
            return [*lines, f"  … and {len(files) - number} more files"]
        lines.append(line)
    return lines
