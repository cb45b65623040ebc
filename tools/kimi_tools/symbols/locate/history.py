"""What the repository's past says: its recent commits as documents, read once for each state of it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import anyio.to_thread

from kimi_tools.errors import ToolError
from kimi_tools.gitcommand import Repository
from kimi_tools.store.terms import terms_of
from kimi_tools.symbols.locate.fits import rarity
from kimi_tools.workspace import Workspace

_COMMITS = 3_000
_SECONDS = 10.0
_BODY_CHARS = 600
_MOST_PATHS = 12
"""A commit that touches more says little about each of them."""

_WORD = re.compile(r"[^\W\d]\w+")
_TRAILER = re.compile(r"^[A-Za-z][\w-]*(?:-by|-Id|-id): .*$", re.M)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the past: its message and the files it touched."""

    subject: str
    body: str
    paths: tuple[str, ...]


@dataclass(slots=True)
class History:
    """The commits that touch few files, the newest first.

    `touching`: for each file its commits, by number. `holding`: for each term of the messages, in how many of a
    file's commits it stands. `sizes`: the words of a file's commits.
    """

    commits: Sequence[Commit] = ()
    touching: dict[str, list[int]] = field(default_factory=lambda: dict[str, list[int]]())
    holding: dict[str, Counter[str]] = field(default_factory=lambda: dict[str, Counter[str]]())
    sizes: Counter[str] = field(default_factory=lambda: Counter[str]())

    @staticmethod
    def of(commits: Iterable[Commit]) -> "History":
        """Count what the commits say."""
        history = History([commit for commit in commits if 0 < len(commit.paths) <= _MOST_PATHS])
        for number, commit in enumerate(history.commits):
            terms = terms_in(f"{commit.subject}\n{commit.body}")
            for path in commit.paths:
                history.touching.setdefault(path, []).append(number)
                history.sizes[path] += len(terms)
            for term in terms:
                history.holding.setdefault(term, Counter()).update(commit.paths)
        return history

    def fit(self, asked: Mapping[str, float], k: float = 1.2, b: float = 0.4) -> dict[str, float]:
        """BM25 of weighted terms over the messages of each file's commits."""
        total = len(self.sizes)
        mean = sum(self.sizes.values()) / total if total else 1.0
        scores: dict[str, float] = {}
        for term, weight in asked.items():
            found = self.holding.get(term, Counter[str]())
            rare = rarity(total, len(found))
            for path, count in found.items():
                length = k * (1 - b + b * self.sizes[path] / mean)
                scores[path] = scores.get(path, 0.0) + weight * rare * count * (k + 1) / (count + length)
        return scores


def terms_in(text: str) -> frozenset[str]:
    """The terms of a message."""
    return frozenset(term for word in _WORD.findall(text) for term in terms_of(word))


_known: WeakKeyDictionary[Workspace, tuple[str, History]] = WeakKeyDictionary()


async def history_of(workspace: Workspace) -> History:
    """The last commits before the work tree's, merges left out; empty where there is no repository to read."""
    try:
        repository = await Repository.open(workspace)
        head = await repository.head()
        if head is None:
            return History()
        known = _known.get(workspace)
        if known is None or known[0] != head:
            done = await repository.run(
                "log",
                "-z",
                f"--max-count={_COMMITS}",
                "--no-merges",
                "--no-renames",
                "--no-ext-diff",
                "--name-only",
                "--no-show-signature",
                "--format=%x01%s%x02%b%x02",
                head,
                timeout=_SECONDS,
            )
            output = done.stdout.decode("utf-8", "replace")
            known = _known[workspace] = (
                head,
                await anyio.to_thread.run_sync(_read, output, abandon_on_cancel=True),
            )
    except ToolError:
        return History()
    return known[1]


def _read(output: str) -> History:
    return History.of(_parsed(output))


def _parsed(output: str) -> Iterable[Commit]:
    for record in output.split("\x01")[1:]:
        subject, _, rest = record.partition("\x02")
        body, _, paths = rest.partition("\x02")
        touched = (path.strip("\n") for path in paths.split("\0"))
        yield Commit(
            subject.strip(),
            _TRAILER.sub("", body[:_BODY_CHARS]).strip(),
            tuple(path for path in touched if path),
        )
