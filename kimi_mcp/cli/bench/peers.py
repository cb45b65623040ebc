"""Other MCP servers that are installed here, each started on the private copy as its documentation says."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kimi_mcp.cli.bench.sample import Sample
from kimi_mcp.cli.demo.client import Client

_LANGUAGES = {
    ".py": "python",
    ".ts": "typescript",
    ".js": "typescript",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
}
_PREPARE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Peer:
    """One server. `program` is looked for on PATH; `command` gets it, the copy and the sample, and is empty where the
    server cannot be used; `ready` is called after the handshake."""

    name: str
    program: str
    command: Callable[[str, Path, Sample], tuple[str, ...]]
    needs: str = ""
    before: Callable[[str, Path, Sample, dict[str, str]], None] | None = None
    ready: Callable[[Client, Path], None] | None = None


def environment(folder: Path) -> dict[str, str]:
    """Where a peer keeps its settings and caches: not among the user's."""
    return {**os.environ, "SERENA_HOME": str(folder / "serena"), "SERENA_USAGE_REPORTING": "false"}


def found() -> dict[str, str]:
    """The programs of the peers that are on PATH, by the peer's name."""
    there = {peer.name: shutil.which(peer.program) for peer in PEERS}
    return {name: program for name, program in there.items() if program}


def _serena_project(program: str, root: Path, sample: Sample, environment: dict[str, str]) -> None:
    language = _LANGUAGES.get(Path(sample.path).suffix)
    subprocess.run(
        [program, "project", "create", str(root), *(["--language", language] if language else [])],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=_PREPARE_SECONDS,
    )


def _agent_lsp(program: str, root: Path, sample: Sample) -> tuple[str, ...]:
    fits = Path(sample.path).suffix == ".py" and shutil.which("pyright-langserver")
    return (program, "python:pyright-langserver,--stdio") if fits else ()


def _start_lsp(client: Client, root: Path) -> None:
    client.call("start_lsp", {"root_dir": str(root), "language_id": "python"})


_SERENA = ("start-mcp-server", "--agent-interface", "tools", "--enable-web-dashboard", "false")

PEERS = (
    Peer(
        "Serena",
        "serena",
        lambda program, root, _: (program, *_SERENA, "--context", "desktop-app", "--project", str(root)),
        before=_serena_project,
    ),
    Peer("server-filesystem", "mcp-server-filesystem", lambda program, root, _: (program, str(root))),
    Peer("mcp-server-git", "mcp-server-git", lambda program, root, _: (program, "--repository", str(root))),
    Peer(
        "agent-lsp",
        "agent-lsp",
        _agent_lsp,
        needs="pyright-langserver and Python code",
        ready=_start_lsp,
    ),
)
