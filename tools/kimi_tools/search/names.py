"""`find_files`: paths by glob, or by a name that is only roughly known, best first."""

import difflib
import re
from collections.abc import Sequence

from kimi_tools.clip import weight
from kimi_tools.errors import BadArguments, ToolError
from kimi_tools.ripgrep import Remarks, ripgrep
from kimi_tools.search.scope import refusal, scope_of
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

SECONDS = 30.0
_FOOT = 200
_SCATTERED = 6
"""The tier from which on only the letters' order fits; no answer beside names that really hold the query."""
_CLOSE_NAMES = 20_000
"""Names above this number are not compared for spelling; it would take seconds."""


class FindFilesParams(Params):
    query: str = Param("Glob (**/test_*.py) or part of a name; empty: all", default="", max_length=500)
    path: str = Param("Directory", default=".")
    ignored: bool = Param("Ignored files too", default=False)
    offset: int = Param("Paths to skip", default=0, ge=0)
    limit: int = Param("At most", default=100, ge=1, le=1000)


class FoundPath(Data):
    """A path, its kind (`file`, `directory`) and a file's size in bytes."""

    path: str
    kind: str
    size: int


class FoundPaths(Data):
    """The paths `offset` + 1 to `end` of `total`."""

    total: int
    offset: int
    end: int
    paths: list[FoundPath]


@tool("Find files", "Find files by glob or fuzzy name, best first.", toolset="search", effect="reads")
async def find_files(workspace: Workspace, params: FindFilesParams) -> Result:
    scope = scope_of(workspace, params.path, _globs(params.query), params.ignored)
    done = await ripgrep(
        workspace, ["--files", "--null", *scope.arguments(), "--", scope.target], timeout=SECONDS
    )
    if done.exit_code > 1 and (complaints := Remarks.of(done.stderr).complaints):
        raise refusal(complaints)
    files = [
        name.removeprefix("./") for name in done.stdout.decode("utf-8", "surrogateescape").split("\0") if name
    ]
    by_glob = bool(scope.globs) or not params.query
    found = sorted(files) if by_glob else rank(params.query, [*files, *_folders(files)])
    if not found:
        return _nothing(params, files)
    if params.offset >= len(found):
        raise BadArguments(f"There are {len(found):,} paths; an offset of {params.offset:,} is behind them.")
    return _page(workspace, params, found)


def _globs(query: str) -> list[str]:
    return [query] if re.search(r"[*?\[{]", query) else []


def _folders(files: Sequence[str]) -> set[str]:
    folders: set[str] = set()
    for path in files:
        while path := path.rpartition("/")[0]:
            if path in folders:
                break
            folders.add(path)
    return folders


def rank(query: str, paths: Sequence[str]) -> list[str]:
    """The paths that fit a rough name, best first.

    Equal name, equal stem, start of the name, part of the name, part of the path (for several words: all of
    them); ties by length, then by path. Only where none of these fits: letters in this order in the name, then
    in the path.
    """
    words = query.casefold().replace("\\", "/").split()
    whole = "".join(words).strip("/")
    letters = re.compile("".join(f"[^{re.escape(letter)}]*{re.escape(letter)}" for letter in whole))
    scored: list[tuple[int, int, str]] = []
    for path in paths:
        tier = _tier(path.casefold(), words, whole, letters)
        if tier is not None:
            scored.append((tier, len(path), path))
    scored.sort()
    if scored and scored[0][0] < _SCATTERED:
        scored = [one for one in scored if one[0] < _SCATTERED]
    return [path for _, _, path in scored]


def _tier(path: str, words: Sequence[str], whole: str, letters: re.Pattern[str]) -> int | None:
    name = path.rpartition("/")[2]
    if whole in (path, name):
        return 0
    if name.partition(".")[0] == whole:
        return 1
    if path.endswith(f"/{whole}"):
        return 2
    if name.startswith(whole):
        return 3
    if whole in name:
        return 4
    if all(word in path for word in words):
        return 5
    if letters.match(name):
        return _SCATTERED
    return _SCATTERED + 1 if letters.match(path) else None


def _page(workspace: Workspace, params: FindFilesParams, found: Sequence[str]) -> Result:
    head = f"{len(found):,} path{'s' if len(found) != 1 else ''}"
    lines = [head]
    paths: list[FoundPath] = []
    room = workspace.result_chars - weight(head) - _FOOT
    for path in found[params.offset : params.offset + params.limit]:
        one = _described(workspace, path)
        row = f"{one.path}/" if one.kind == "directory" else f"{one.path}  {_size(one.size)}"
        room -= weight(row) + 2
        if room < 0 and paths:
            break
        lines.append(row)
        paths.append(one)
    end = params.offset + len(paths)
    if params.offset or end < len(found):
        more = f"; next: offset={end}" if end < len(found) else ""
        lines.append(f"[shown {params.offset + 1}-{end} of {head}{more}]")
    return Result("\n".join(lines), FoundPaths(total=len(found), offset=params.offset, end=end, paths=paths))


def _described(workspace: Workspace, path: str) -> FoundPath:
    try:
        entry = workspace.stat(path, follow=False)
    except ToolError:
        return FoundPath(path=reveal_line(path), kind="file", size=0)
    return FoundPath(path=reveal_line(path), kind=entry.kind, size=entry.size)


def _size(size: int) -> str:
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:,.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MB"


def _nothing(params: FindFilesParams, files: Sequence[str]) -> Result:
    lines = [f"0 paths for '{params.query}' among {len(files):,} files"]
    if _globs(params.query):
        lines = [f"0 paths for the glob '{params.query}'; '**/' in front matches at any depth."]
    elif len(files) <= _CLOSE_NAMES:
        names = {path.rpartition("/")[2] for path in files}
        if close := difflib.get_close_matches(params.query, sorted(names), n=5, cutoff=0.6):
            lines.append("Names like it: " + ", ".join(reveal_line(name) for name in close))
    if not params.ignored:
        lines.append("Ignored files were left out; ignored=true includes them.")
    return Result("\n".join(lines), FoundPaths(total=0, offset=0, end=0, paths=[]))
