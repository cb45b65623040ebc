"""From a symbol's name to its lines."""

from kimi_tools.errors import NotFound
from kimi_tools.syntax import definitions
from kimi_tools.visible import reveal_line


def lines_of(symbol: str, path: str, data: bytes) -> tuple[int, int]:
    """The first and last line (1-based) of the definition of `symbol` (`name` or `Class.method`) in a file.

    Raises `NotFound`, which says what the file defines.
    """
    found = definitions(path, data)
    exact = [one for one in found if one.qualified == symbol]
    fitting = exact or [one for one in found if one.name == symbol or one.qualified.endswith(f".{symbol}")]
    if fitting:
        return fitting[0].first_line, fitting[0].last_line
    names = ", ".join(reveal_line(one.qualified) for one in found[:20]) or "nothing that can be read"
    raise NotFound(f"'{path}' does not define '{reveal_line(symbol)}'; it defines {names}.")
