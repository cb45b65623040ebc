"""One page of an answer: a first line with the key facts, then as many items as fit, then how to go on."""

from collections.abc import Iterable

from kimi_tools.clip import clip, clip_line, weight
from kimi_tools.errors import ToolError
from kimi_tools.visible import reveal
from kimi_tools.workspace import Workspace

_LINE_CHARS = 240


def page(
    workspace: Workspace,
    head: str,
    items: Iterable[str],
    offset: int,
    total: int,
    notes: Iterable[str] = (),
) -> str:
    """The head, as many items as fit, a line that says how to get the rest, notes.

    `items` are those behind the first `offset` of `total`; no more are asked for than fit.
    """
    ending = "".join(f"\n{note}" for note in notes if note)
    room = workspace.result_chars - weight(head) - weight(ending) - 100
    shown: list[str] = []
    for item in items:
        room -= weight(item) + 2
        if room < 0 and shown:
            break
        shown.append(item)
    end = offset + len(shown)
    if offset and not shown:
        return f"{head}\n[there are {total}; offset={offset} is behind the last]{ending}"
    rest = f"\n[shown {offset + 1}-{end} of {total}; continue with offset={end}]" if end < total else ""
    return clip("\n".join([head, *shown]) + rest + ending, workspace.result_chars)


def lines_of(workspace: Workspace, path: str) -> list[str]:
    """A file's lines, each fit to be shown; none when it cannot be read."""
    try:
        text = workspace.read(path).text
    except ToolError:
        return []
    return text.split("\n")


def shown(line: str) -> str:
    """A line as a result shows it."""
    return reveal(clip_line(line.rstrip(), _LINE_CHARS))


def within(path: str, folder: str) -> bool:
    """Whether a path is a file, or lies in a folder, as the caller named it; '.' holds everything."""
    return folder == "." or path == folder or path.startswith(f"{folder}/")
