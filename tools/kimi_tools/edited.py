"""What an edit's result tells: the new hash, syntax errors that the edit introduced, the diff."""

from kimi_tools.visible import reveal
from kimi_tools.workspace.content import digest
from kimi_tools.workspace.diff import unified


def introduced_errors(path: str, before: bytes | None, after: bytes) -> list[str]:
    """The syntax errors that `after` has and `before` had not, as sentences with their lines."""
    return []


def describe(path: str, before: bytes | None, after: bytes, done: str) -> str:
    """One edited file for a model: `done` (what happened, one phrase), hash, new errors, diff."""
    lines = [f"{done}; hash {digest(after)}."]
    if problems := introduced_errors(path, before, after):
        lines.append("This edit introduced syntax errors:")
        lines += [f"  {problem}" for problem in problems]
    if before is not None:
        lines.append(reveal(unified(path, before, after)))
    return "\n".join(lines)
