"""Gets the clients from npm into a cache directory: Node 24 first, because older ones get older clients."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tests.clients.drivers import Client

NODE = "24"
"""npm gives a Node that is too old an old version of the client, and says nothing."""


@dataclass(frozen=True)
class Installed:
    """Where a client's programs are, and which version it is."""

    binaries: Path
    version: str


def cache() -> Path:
    """Where everything is installed; `KIMI_MCP_TEST_CLIENTS` names another directory."""
    named = os.environ.get("KIMI_MCP_TEST_CLIENTS")
    return Path(named) if named else platformdirs.user_cache_path("kimi-mcp") / "test-clients"


def node() -> Path:
    """The directory of the `node` program, installed when it is not there."""
    install_package(cache() / "node", f"node@{NODE}")
    return cache() / "node" / "node_modules" / "node" / "bin"


def install(client: Client, node: Path) -> Installed:
    """Install a client when it is not there; the newest version, unless one is there already."""
    if not client.package:
        from importlib.metadata import version

        return Installed(Path(), version("mcp"))
    folder = cache() / client.package.replace("/", "+")
    install_package(folder, client.package, node)
    package = json.loads((folder / "node_modules" / client.package / "package.json").read_text())
    return Installed(folder / "node_modules" / ".bin", package["version"])


def install_package(folder: Path, package: str, node: Path | None = None) -> None:
    """Install a package from npm into a folder, unless something is installed there."""
    if (folder / "node_modules").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    path = os.environ["PATH"] if node is None else f"{node}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", package],
        cwd=folder,
        env={**os.environ, "PATH": path},
        check=True,
    )
