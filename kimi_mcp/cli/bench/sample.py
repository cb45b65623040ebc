"""What the tasks ask for: a file, a symbol and a test of the repository, found in its index."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.errors import NotFound
from kimi_tools.index import Index, index_of
from kimi_tools.index.names import is_test
from kimi_tools.workspace import Workspace

_SECONDS = 300.0
_FILES = 300
_LINE = range(12, 100)


@dataclass(frozen=True, slots=True)
class Sample:
    """`path` defines `symbol`, a name that is defined once; `line` is a line that stands in it once. `test` is a file
    of tests, empty when there is none. `git`: whether there are commits. `files`: how many the index knows."""

    path: str
    symbol: str
    line: str
    test: str
    git: bool
    files: int


async def take_sample(workspace: Workspace) -> Sample:
    """Choose. Raises `NotFound` where there is no code, or where the index is not ready in time."""
    index = index_of(workspace)
    if not (await index.complete(_SECONDS)).complete:
        raise NotFound("The index is still being built; run 'kimi-mcp index' first.")
    return await asyncio.to_thread(_choose, workspace, index)


def _choose(workspace: Workspace, index: Index) -> Sample:
    files = index.files()
    code = _main_language([path for path in files if not is_test(path)] or files)[:_FILES]
    by_size = sorted(code, key=lambda path: (-len(index.outline(path) or []), path))
    for path in by_size[:20]:
        symbol = _symbol(index, path)
        line = _line(workspace, path)
        if symbol and line:
            tests = (
                one
                for one in files
                if is_test(one)
                and Path(one).suffix == Path(path).suffix
                and re.match(r"test_|.*[._-](test|spec)$", Path(one).stem)
            )
            return Sample(path, symbol, line, next(tests, ""), (workspace.root / ".git").exists(), len(files))
    raise NotFound("No code was found here; name a repository with --repo.")


def _main_language(files: Sequence[str]) -> list[str]:
    """The files with the ending that most of them have."""
    endings = Counter(Path(path).suffix for path in files)
    return [path for path in files if Path(path).suffix == endings.most_common(1)[0][0]]


def _symbol(index: Index, path: str) -> str:
    """The longest name in a file that nothing else in the repository has."""
    names = {one.name for one in index.outline(path) or [] if one.kind in ("function", "class", "method")}
    for name in sorted(names, key=lambda name: (-len(name), name))[:30]:
        if name.isidentifier() and len(index.symbols(name)) == 1:
            return name
    return ""


def _line(workspace: Workspace, path: str) -> str:
    text = workspace.read_bytes(path).decode("utf-8", "replace")
    lines = text.splitlines()
    return next((line for line in lines if len(line) in _LINE and text.count(line) == 1), "")
