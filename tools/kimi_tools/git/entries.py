"""What `git status` says, parsed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kimi_tools.gitcommand import Repository, fields


@dataclass(frozen=True, slots=True)
class Entry:
    """One changed path, as git names it: `staged` and `unstaged` are git's letters, `.` for no change.

    `?` for untracked, `U` on either side for unmerged. `origin`: the former path of a rename.
    """

    path: str
    staged: str
    unstaged: str
    origin: str = ""

    @property
    def untracked(self) -> bool:
        """A file that git does not know."""
        return self.staged == "?"

    @property
    def unmerged(self) -> bool:
        """A file with a conflict that is not resolved."""
        return "U" in (self.staged, self.unstaged) or f"{self.staged}{self.unstaged}" in ("AA", "DD")


@dataclass(frozen=True, slots=True)
class Status:
    """The branch (empty when HEAD is detached), its commit (empty when there is none), and what changed."""

    branch: str
    head: str
    upstream: str
    ahead: int
    behind: int
    entries: tuple[Entry, ...]


async def read_status(
    repository: Repository, paths: Sequence[str] = (), *, every_file: bool = False
) -> Status:
    """The status; of untracked directories only the directory unless `every_file`."""
    done = await repository.run(
        *("status", "--porcelain=v2", "-z", "--branch", "--ignore-submodules=dirty"),
        f"--untracked-files={'all' if every_file else 'normal'}",
        *("--", *paths),
        refreshed=True,
    )
    records = iter(fields(done.stdout))
    headers: dict[str, str] = {}
    entries: list[Entry] = []
    for record in records:
        if record.startswith("# "):
            name, _, value = record[2:].partition(" ")
            headers[name] = value
        else:
            entries.append(_entry(record, records))
    ahead, _, behind = headers.get("branch.ab", "+0 -0").partition(" ")
    branch, head = headers.get("branch.head", ""), headers.get("branch.oid", "")
    return Status(
        branch="" if branch == "(detached)" else branch,
        head="" if head == "(initial)" else head,
        upstream=headers.get("branch.upstream", ""),
        ahead=int(ahead),
        behind=-int(behind or 0),
        entries=tuple(sorted(entries, key=lambda entry: entry.path)),
    )


def _entry(record: str, rest: Iterator[str]) -> Entry:
    """One record of porcelain v2: a letter for its kind, fixed fields, then the path."""
    kind, _, after = record.partition(" ")
    if kind == "?":
        return Entry(after, "?", "?")
    before_path = {"1": 7, "2": 8, "u": 9}[kind]
    parts = after.split(" ", before_path)
    origin = next(rest, "") if kind == "2" else ""
    return Entry(parts[before_path], parts[0][0], parts[0][1], origin)
