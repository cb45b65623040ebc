"""Where a search looks, from what the caller said."""

import re
from collections.abc import Sequence

from kimi_tools.errors import BadArguments, NotFound, ToolError
from kimi_tools.ripgrep import Scope
from kimi_tools.visible import reveal_line
from kimi_tools.workspace import Workspace


def scope_of(workspace: Workspace, path: str, globs: Sequence[str], ignored: bool) -> Scope:
    """The checked scope: a path that really is beneath the root. Raises `NotFound`, `PathRefused`."""
    real = workspace.real_path(path)
    kind = workspace.stat(real).kind
    if kind not in ("file", "directory"):
        raise NotFound(f"'{path}' is neither a file nor a directory; name one of these.")
    return Scope(real, tuple(pattern for pattern in globs if pattern), ignored)


def refusal(complaints: Sequence[str]) -> ToolError:
    """The sentence for what rg complained about: a pattern or a glob."""
    reasons = [line.removeprefix("error: ") for line in complaints if line.startswith("error: ")]
    reason = reveal_line((reasons or list(complaints))[0])
    if (
        "look-around" in reason or "backreferences" in reason
    ):  # then PCRE2, where it is there, knows what is wrong
        told = (re.search(r"PCRE2: error compiling pattern at offset \d+: (.+)", line) for line in complaints)
        reason = next((reveal_line(found[1]) for found in told if found), reason)
    if "glob" in reason:
        return BadArguments(f"A glob is not valid: {reason.removeprefix('error parsing glob ')}.")
    if "look-around" in reason or "backreferences" in reason:
        return BadArguments("This rg has no look-around and backreferences; write the pattern without them.")
    return BadArguments(
        f"The pattern is not a valid regex: {reason}; correct it, or set literal=true for plain text."
    )
