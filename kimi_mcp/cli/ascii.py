"""Output on a terminal or in a file whose encoding is not UTF-8: one plain letter for each mark, else a `?`."""

import codecs
import io
import sys

PLAIN = dict(zip("●✗✎↩⇣▌·…—–✓○◐█░→", "*x~<v|-~--+o>#.>", strict=True))


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter, "?") for letter in text), error.end


def use() -> None:
    """Let the output streams replace what they cannot encode instead of failing."""
    codecs.register_error("kimi-mcp", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="kimi-mcp")
