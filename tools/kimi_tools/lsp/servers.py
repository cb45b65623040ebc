"""The language servers that are known, and where they are."""

import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.errors import Unavailable
from kimi_tools.process import program


@dataclass(frozen=True, slots=True)
class Known:
    """One server: its program and arguments, and its languages, each with the protocol's identifier.

    `confined`: it runs in the workspace's sandbox, because it may run build programs of the repository.
    `reads_all`: it answers from all files, not only from those that it was shown.
    """

    name: str
    argv: tuple[str, ...]
    languages: dict[str, str]
    confined: bool = True
    reads_all: bool = False


KNOWN = (
    Known("ty", ("ty", "server"), {"python": "python"}, confined=False, reads_all=True),
    Known("pyright", ("pyright-langserver", "--stdio"), {"python": "python"}),
    Known("gopls", ("gopls",), {"go": "go"}),
    Known(
        "clangd",
        ("clangd", "--background-index=false", "--log=error"),
        {"c": "c", "cpp": "cpp", "objc": "objective-c"},
    ),
    Known("rust-analyzer", ("rust-analyzer",), {"rust": "rust"}),
    Known(
        "typescript-language-server",
        ("typescript-language-server", "--stdio"),
        {"typescript": "typescript", "tsx": "typescriptreact", "javascript": "javascript"},
    ),
)
"""In order of preference. `ty` only reads; it answered references on Django in 13 ms warm, with 121 MB."""


def server_for(language: str) -> tuple[Known, str] | None:
    """The first known server of a language that is installed, with its program's path."""
    for known in KNOWN:
        if language in known.languages:
            beside = Path(sysconfig.get_path("scripts"), known.argv[0])
            if beside.is_file() and os.access(beside, os.X_OK):
                return known, str(beside)
            try:
                return known, program(known.argv[0])
            except Unavailable:
                continue
    return None
