"""Patches: what they say (`hunks`), how they are written (`unified`, `begin`), where they go (`placing`)."""

import re

from kimi_tools.edit.patch import begin, unified
from kimi_tools.edit.patch.hunks import FilePatch
from kimi_tools.errors import BadArguments

_FENCE = re.compile(r"\A\s*(```|~~~)[^\n]*\n(.*?)\n?\1\s*\Z", re.DOTALL)


def parse(text: str) -> list[FilePatch]:
    """The files of a patch in either form; a Markdown fence around it is taken off.

    Raises `BadArguments` with the line that is wrong.
    """
    if fenced := _FENCE.match(text):
        text = fenced[2] + "\n"
    if all(line.endswith("\r") for line in text.split("\n") if line):
        text = text.replace("\r\n", "\n")  # the whole patch came with CRLF: that says nothing of the files
    files = begin.parse(text) if begin.is_begin_form(text) else unified.parse(text)
    if not files:
        raise BadArguments(
            "There is no patch in this text; give a unified diff ('--- a/path', '+++ b/path', '@@ … @@') or "
            "'*** Begin Patch' with '*** Update File: path'."
        )
    return files
