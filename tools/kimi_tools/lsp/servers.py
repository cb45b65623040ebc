"""The language servers that are known, and where they are."""

import os
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kimi_tools.errors import Unavailable
from kimi_tools.process import program

Ready = Literal["answers", "quiescent", "serving", "diagnosed"]


@dataclass(frozen=True, slots=True)
class Known:
    """One server: its program and arguments, and its languages, each with the protocol's identifier.

    `{cache}` in an argument is a directory of the server's own, which stays. `options`: what it is told first.
    `environment`: variables that it gets besides the usual ones, when it is confined.
    `confined`: it runs in the workspace's sandbox, which it cannot write to, because it may run build programs
    of the repository. `reads_all`: it answers from all files, not only from those that it was shown.
    `needs_project`: it is shown a project that `java` makes of the sources, instead of the repository itself.
    `ready`: when its answers are to be believed: always, for it answers when it has read the repository
    (`answers`), or when `Activity` says so.
    """

    name: str
    argv: tuple[str, ...]
    languages: dict[str, str]
    confined: bool = True
    reads_all: bool = False
    needs_project: bool = False
    ready: Ready = "answers"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


_SCRIPTS = {"typescript": "typescript", "tsx": "typescriptreact", "javascript": "javascript"}

KNOWN = (
    Known("ty", ("ty", "server"), {"python": "python"}, confined=False, reads_all=True),
    Known("pyright", ("pyright-langserver", "--stdio"), {"python": "python"}),
    Known("gopls", ("gopls",), {"go": "go"}, reads_all=True),
    Known(
        "clangd",
        ("clangd", "--background-index=false", "--log=error"),
        {"c": "c", "cpp": "cpp", "objc": "objective-c"},
        ready="diagnosed",
    ),
    Known(
        "rust-analyzer",
        ("rust-analyzer",),
        {"rust": "rust"},
        reads_all=True,
        ready="quiescent",
        options={
            "cargo": {"buildScripts": {"enable": False}},
            "procMacro": {"enable": False},
            "checkOnSave": False,
        },
    ),
    Known("typescript-language-server", ("typescript-language-server", "--stdio"), _SCRIPTS),
    Known(
        "jdtls",
        ("jdtls", "-data", "{cache}/workspace"),
        {"java": "java"},
        reads_all=True,
        needs_project=True,
        ready="serving",
        options={
            "settings": {
                "java": {
                    "import": {"maven": {"enabled": False}, "gradle": {"enabled": False}},
                    "autobuild": {"enabled": False},
                    "references": {"includeDecompiledSources": False},
                }
            }
        },
        environment={"JAVA_TOOL_OPTIONS": "-Xmx1g -XX:+UseSerialGC"},
    ),
)
"""In order of preference. `ty` only reads; it answered references on Django in 13 ms warm, with 121 MB.

rust-analyzer would else run build scripts, and `cargo check` whenever it has read the repository.
"""


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
