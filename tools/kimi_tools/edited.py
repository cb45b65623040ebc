"""What an edit's result tells: the new hash, syntax errors that the edit introduced, the diff."""

from collections import Counter
from collections.abc import Sequence

from kimi_tools import syntax
from kimi_tools.errors import PathRefused
from kimi_tools.visible import reveal
from kimi_tools.workspace import Content
from kimi_tools.workspace.content import digest
from kimi_tools.workspace.diff import unified


def introduced_errors(path: str, before: bytes | None, after: bytes | None) -> tuple[str, ...]:
    """The syntax errors that `after` has and `before` had not, as `line 3: unexpected ')'`.

    Errors are compared by what they say, because an edit moves lines. Empty where the language is unknown.
    """
    found = syntax.errors(path, _as_utf8(path, after))
    if not found:
        return ()
    old = Counter(problem.message for problem in syntax.errors(path, _as_utf8(path, before)))
    introduced: list[str] = []
    for problem in found:
        if old[problem.message]:
            old[problem.message] -= 1
        else:
            introduced.append(f"line {problem.line}: {problem.message}")
    return tuple(introduced)


def _as_utf8(path: str, data: bytes | None) -> bytes:
    try:
        return Content.decode(path, data or b"").utf8
    except PathRefused:
        return b""


def describe(path: str, before: bytes | None, after: bytes, done: str, errors: Sequence[str]) -> str:
    """One edited file for a model: `done` (what happened, one phrase), hash, new errors, diff."""
    lines = [f"{done}; hash {digest(after)}."]
    if errors:
        lines.append("This edit introduced syntax errors:")
        lines += [f"  {error}" for error in errors]
    if before is not None:
        lines.append(reveal(unified(path, before, after)))
    return "\n".join(lines)
