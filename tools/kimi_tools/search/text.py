"""`search_text`: the lines that match a pattern, grouped by file, in pages.

Two runs of rg. The first counts matches per file over the whole scope, in parallel, so that totals are exact
and the order (by path) is the same every time. The second reads only the files of the asked page.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from kimi_tools.clip import weight
from kimi_tools.errors import BadArguments, TimedOut, ToolError
from kimi_tools.policy import Request
from kimi_tools.protected import SECRET_GLOBS, names_secret
from kimi_tools.ripgrep import OUTPUT_BYTES, Remarks, Scope, ripgrep
from kimi_tools.search.page import FileHits, Window, collect
from kimi_tools.search.scope import refusal, scope_of
from kimi_tools.tool import Data, Param, Params, Result, tool
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace

SECONDS = 30.0
_HINT_SECONDS = 5.0
_FOOT = 500
"""JSON characters kept for what stands below the matches."""


class SearchTextParams(Params):
    pattern: str = Param("Regex (Rust/PCRE2)")
    path: str = Param("File or directory", default=".")
    globs: list[str] = Param("e.g. *.py, !tests/**", default=[])
    literal: bool = Param("Plain text, no regex", default=False)
    case: Literal["smart", "sensitive", "insensitive"] = Param("Case", default="smart")
    context: int = Param("Lines around", default=0, ge=0, le=20)
    multiline: bool = Param("Match across lines", default=False)
    ignored: bool = Param("Ignored files too", default=False)
    offset: int = Param("Matches to skip", default=0, ge=0)
    limit: int = Param("At most", default=100, ge=1, le=500)


class TextHits(Data):
    """The matches `offset` + 1 to `end` of `matches`, in `files_matched` files."""

    matches: int
    files_matched: int
    offset: int
    end: int
    files: list[FileHits]
    binary_skipped: int
    secret_skipped: int
    huge_skipped: list[str]
    problems: list[str]


class Survey:
    """What the counting run found: matches per file in order of path, and rg's remarks."""

    def __init__(self, stdout: bytes, stderr: bytes) -> None:
        text = stdout.decode("utf-8", "surrogateescape")
        self.counts = sorted(
            (name.removeprefix("./"), int(count)) for name, count in re.findall(r"([^\0]*)\0(\d+)\n", text)
        )
        self.remarks = Remarks.of(stderr)
        self.matches = sum(count for _, count in self.counts)


@tool("Search text", "Find lines matching a regex; grouped by file.", toolset="search", effect="reads")
async def search_text(workspace: Workspace, params: SearchTextParams) -> Result:
    if not params.pattern:
        raise BadArguments("The pattern is empty; give the text or regex to look for.")
    if "\n" in params.pattern and not params.multiline:
        raise BadArguments("The pattern spans lines; set multiline=true for it.")
    scope = scope_of(workspace, params.path, params.globs, params.ignored)
    if names_secret(scope.path):
        workspace.policy.require(
            Request("secrets", scope.path, f"Search in '{scope.path}', a file of secrets.", params.pattern)
        )
    elif "secrets" not in workspace.policy.allowed:
        scope = replace(scope, excluded=SECRET_GLOBS)
    survey = await _survey(workspace, params, scope)
    if not survey.matches:
        return await _nothing(workspace, params, scope, survey)
    if params.offset >= survey.matches:
        raise BadArguments(
            f"There are {survey.matches:,} matches; an offset of {params.offset:,} is behind them."
        )
    head = f"{_count(survey.matches, 'match', 'matches')} in {_count(len(survey.counts), 'file')}"
    window = Window(
        survey.counts,
        params.offset,
        params.limit,
        params.context,
        params.multiline,
        workspace.result_chars - weight(head) - _FOOT,
    )
    page = await collect(workspace, window, _match_options(params), SECONDS)
    data = _data(survey, params.offset, page.end, page.files)
    lines = [head, *page.lines, *_remarks(survey.remarks)]
    if params.offset or page.end < survey.matches:
        more = f"; next: offset={page.end}" if page.end < survey.matches else ""
        lines.append(f"[shown {params.offset + 1}-{page.end} of {head}{more}]")
    return Result("\n".join(lines), data)


def _match_options(params: SearchTextParams) -> list[str]:
    options = {"smart": ["--smart-case"], "sensitive": ["--case-sensitive"]}.get(
        params.case, ["--ignore-case"]
    )
    if params.literal:
        options.append("--fixed-strings")
    if params.multiline:
        options.append("--multiline")
    return [*options, f"--regexp={params.pattern}"]


async def _survey(
    workspace: Workspace,
    params: SearchTextParams,
    scope: Scope,
    timeout: float = SECONDS,
    remarks: bool = True,
) -> Survey:
    """The counting run. Without `remarks` rg does not tell what it passes over, which takes it half as long again."""
    options = ["--count", "--null", "--with-filename", *_match_options(params)]
    if remarks:
        options.append("--debug")
    done = await ripgrep(workspace, [*options, *scope.arguments(), "--", scope.target], timeout=timeout)
    survey = Survey(done.stdout, done.stderr)
    if done.exit_code > 1 and survey.remarks.complaints:
        raise refusal(survey.remarks.complaints)
    if len(done.stdout) > OUTPUT_BYTES:
        raise ToolError("Too many files match to list them; narrow the search with path or globs.")
    return survey


async def _searched(workspace: Workspace, scope: Scope) -> int:
    """How many files the scope holds, binary ones counted too."""
    done = await ripgrep(
        workspace, ["--files", "--null", *scope.arguments(), "--", scope.target], timeout=_HINT_SECONDS
    )
    return done.stdout.count(b"\0")


def _data(survey: Survey, offset: int, end: int, files: list[FileHits]) -> TextHits:
    return TextHits(
        matches=survey.matches,
        files_matched=len(survey.counts),
        offset=offset,
        end=end,
        files=files,
        binary_skipped=len(survey.remarks.binary),
        secret_skipped=len(survey.remarks.secret),
        huge_skipped=[reveal_line(path) for path in survey.remarks.huge],
        problems=list(survey.remarks.problems),
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(reveal_line(name)[:100] for name in names[:3]) + (", …" if len(names) > 3 else "")


def _remarks(remarks: Remarks) -> list[str]:
    """One line on what was not searched, or none."""
    parts: list[str] = []
    if remarks.binary:
        parts.append(_count(len(remarks.binary), "binary file"))
    if remarks.secret:
        parts.append(f"{_count(len(remarks.secret), 'file')} of secrets by name ({_few(remarks.secret)})")
    if remarks.huge:
        parts.append(f"{_count(len(remarks.huge), 'file')} above 32 MB ({_few(remarks.huge)})")
    if remarks.problems:
        parts.append(f"{_count(len(remarks.problems), 'path')} with an error ({_few(remarks.problems)})")
    return [f"[not searched: {'; '.join(parts)}]"] if parts else []


async def _nothing(workspace: Workspace, params: SearchTextParams, scope: Scope, survey: Survey) -> Result:
    """No match: what was searched, and which small change of the call would have found something."""
    where = "the workspace" if scope.path == "." else reveal_line(scope.path)
    globs = f" with globs {', '.join(scope.globs)}" if scope.globs else ""
    skipped = len(survey.remarks.binary) + len(survey.remarks.huge)
    files, hints = await asyncio.gather(_searched(workspace, scope), _hints(workspace, params, scope))
    searched = files - skipped
    lines = [f"0 matches in {_count(searched, 'searched file')} of {where}{globs}", *hints]
    if not searched:
        lines.append("No file was searched: look at path and globs, or set ignored=true.")
    lines += _remarks(survey.remarks)
    return Result("\n".join(lines), _data(survey, 0, 0, []))


async def _hints(workspace: Workspace, params: SearchTextParams, scope: Scope) -> list[str]:
    tries: list[tuple[str, SearchTextParams, Scope]] = []
    if not scope.ignored:
        tries.append(("ignored=true", params, replace(scope, ignored=True)))
    if params.case == "sensitive" or (params.case == "smart" and params.pattern != params.pattern.lower()):
        tries.append(("case=insensitive", params.model_copy(update={"case": "insensitive"}), scope))
    if not params.multiline and "\\n" in params.pattern:
        tries.append(("multiline=true", params.model_copy(update={"multiline": True}), scope))
    if not params.literal and re.escape(params.pattern) != params.pattern:
        tries.append(("literal=true", params.model_copy(update={"literal": True}), scope))
    if scope.globs:
        tries.append(("no globs", params, replace(scope, globs=())))

    async def attempt(name: str, changed: SearchTextParams, wider: Scope) -> str:
        try:
            found = await _survey(workspace, changed, wider, _HINT_SECONDS, remarks=False)
        except TimedOut:
            return ""
        if not found.matches:
            return ""
        files = _few([path for path, _ in found.counts])
        return f"With {name}: {_count(found.matches, 'match', 'matches')} in {files}"

    answers = await asyncio.gather(*(attempt(*one) for one in tries))
    return [answer for answer in answers if answer]
