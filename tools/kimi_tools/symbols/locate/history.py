"""The repository's recent commits, read once for each state of it."""

from weakref import WeakKeyDictionary

from kimi_tools.errors import ToolError
from kimi_tools.gitcommand import Repository
from kimi_tools.symbols.locate.evidence import Commit
from kimi_tools.workspace import Workspace

_COMMITS = 2_000
_SECONDS = 10.0
_DAY = 86_400

_known: WeakKeyDictionary[Workspace, tuple[str, list[Commit]]] = WeakKeyDictionary()


async def commits_of(workspace: Workspace) -> list[Commit]:
    """The last commits before the work tree's, merges left out; none where there is no repository to read."""
    try:
        repository = await Repository.open(workspace)
        head = await repository.head()
        if head is None:
            return []
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
                "--format=%x01%ct %s",
                head,
                timeout=_SECONDS,
            )
            known = _known[workspace] = head, _parsed(done.stdout.decode("utf-8", "replace"))
    except ToolError:
        return []
    return known[1]


def _parsed(output: str) -> list[Commit]:
    found: list[Commit] = []
    newest = 0
    for record in output.split("\x01")[1:]:
        head, *paths = record.strip("\0").split("\0")
        time, _, subject = head.partition(" ")
        newest = newest or int(time)
        paths = tuple(path.strip("\n") for path in paths if path.strip("\n"))
        found.append(Commit((newest - int(time)) / _DAY, subject.strip(), paths))
    return found
