"""Gets the clients into a cache directory: from npm with Node 24, because older ones get older clients; from PyPI."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tests.clients.drivers import Client

NODE = "24"
"""npm gives a Node that is too old an old version of the client, and says nothing."""

PYTHON = ">=3.12"
"""What the clients from PyPI want."""


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
    folder = folder_of(client.package)
    if client.package.startswith("pypi:"):
        return _from_pypi(folder, client.package.removeprefix("pypi:"))
    install_package(folder, client.package, node)
    package = json.loads((folder / "node_modules" / client.package / "package.json").read_text())
    return Installed(folder / "node_modules" / ".bin", package["version"])


def folder_of(package: str) -> Path:
    """Where a package is installed, or would be."""
    return cache() / package.replace("/", "+").replace("pypi:", "pypi+")


def _from_pypi(folder: Path, package: str) -> Installed:
    """A package from PyPI in an environment of its own, with the newest Python that uv finds."""
    info = f"lib/*/site-packages/{package.replace('-', '_')}-*.dist-info"
    if not list(folder.glob(info)):
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", PYTHON, str(folder)], check=True)
        python = str(folder / "bin" / "python")
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, package], check=True)
    (found,) = folder.glob(info)
    return Installed(folder / "bin", found.name.removesuffix(".dist-info").rpartition("-")[2])


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
