"""`search_text`: the lines that match a pattern, grouped by file, in pages.

The first run of rg counts matches per file over the whole scope (`survey`), so that totals are exact and the order
(by path) is the same every time. The second reads only the files of the asked page.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from kimi_tools.clip import weight
from kimi_tools.errors import BadArguments, TimedOut
from kimi_tools.grams.tree import tree_of
from kimi_tools.policy import Request
from kimi_tools.protected import SECRET_GLOBS, names_secret
from kimi_tools.ripgrep import Remarks, Scope
from kimi_tools.search.page import FileHits, Window, collect
from kimi_tools.search.scope import scope_of
from kimi_tools.search.survey import Case, Query, Survey, count_files, is_plain, may_hold_more, take_survey
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
    case: Case = Param("Case", default="smart")
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
    query = Query(params.pattern, params.literal, params.case, params.multiline)
    try:
        return await _answer(workspace, params, query, scope)
    finally:
        tree_of(workspace).renew()


async def _answer(workspace: Workspace, params: SearchTextParams, query: Query, scope: Scope) -> Result:
    survey = await take_survey(workspace, query, scope, SECONDS)
    if not survey.matches:
        return await _nothing(workspace, query, scope, survey)
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
    page = await collect(workspace, window, query.options(), SECONDS)
    data = _data(survey, params.offset, page.end, page.files)
    lines = [head, *page.lines, *_remarks(survey.remarks)]
    if params.offset or page.end < survey.matches:
        more = f"; next: offset={page.end}" if page.end < survey.matches else ""
        lines.append(f"[shown {params.offset + 1}-{page.end} of {head}{more}]")
    return Result("\n".join(lines), data)


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


async def _nothing(workspace: Workspace, query: Query, scope: Scope, survey: Survey) -> Result:
    """No match: what was searched, and which small change of the call would have found something."""
    where = "the workspace" if scope.path == "." else reveal_line(scope.path)
    globs = f" with globs {', '.join(scope.globs)}" if scope.globs else ""
    skipped = len(survey.remarks.binary) + len(survey.remarks.huge)
    files, hints = await asyncio.gather(
        count_files(workspace, scope, _HINT_SECONDS), _hints(workspace, query, scope)
    )
    searched = files - skipped
    lines = [f"0 matches in {_count(searched, 'searched file')} of {where}{globs}", *hints]
    if not searched:
        lines.append("No file was searched: look at path and globs, or set ignored=true.")
    lines += _remarks(survey.remarks)
    return Result("\n".join(lines), _data(survey, 0, 0, []))


async def _hints(workspace: Workspace, query: Query, scope: Scope) -> list[str]:
    tries: list[tuple[str, Query, Scope]] = []
    pattern = query.pattern
    if not scope.ignored and may_hold_more(workspace, scope):
        tries.append(("ignored=true", query, replace(scope, ignored=True)))
    if query.case == "sensitive" or (query.case == "smart" and pattern != pattern.lower()):
        tries.append(("case=insensitive", replace(query, case="insensitive"), scope))
    if not query.multiline and "\\n" in pattern:
        tries.append(("multiline=true", replace(query, multiline=True), scope))
    if not query.literal and not is_plain(pattern):
        tries.append(("literal=true", replace(query, literal=True), scope))
    if scope.globs:
        tries.append(("no globs", query, replace(scope, globs=())))

    async def attempt(name: str, changed: Query, wider: Scope) -> str:
        try:
            found = await take_survey(workspace, changed, wider, _HINT_SECONDS, remarks=False)
        except TimedOut:
            return ""
        if not found.matches:
            return ""
        files = _few([path for path, _ in found.counts])
        return f"With {name}: {_count(found.matches, 'match', 'matches')} in {files}"

    answers = await asyncio.gather(*(attempt(*one) for one in tries))
    return [answer for answer in answers if answer]
