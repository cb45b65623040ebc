"""`kimi-mcp setup CLIENT`: connect a client to the tools (and to the agent, where it speaks ACP)."""

import argparse
import difflib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from kimi_mcp.cli import offered
from kimi_mcp.clients.entry import Edit, added, removed
from kimi_mcp.clients.known import CLIENTS, Client, Place, Server
from kimi_tools.errors import BadArguments, Conflict

BACKUP = ".before-kimi-mcp"
"""Added to a settings file's name: the file as it was before our entry came."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    names = ", ".join(client.name for client in CLIENTS)
    parser.add_argument("client", nargs="?", metavar="CLIENT", help=names)
    parser.add_argument("--detect", action="store_true", help="list the clients and which are installed")
    parser.add_argument("--scope", choices=("user", "project"), default="user", help="default user")
    parser.add_argument("--print", action="store_true", dest="show", help="show the change, make none")
    parser.add_argument("--remove", action="store_true", help="take our entry out again")
    parser.add_argument(
        "--rules", action="store_true", help="print rules for the client's model, to be put there"
    )
    parser.add_argument("--project", type=Path, default=Path(), help="the project of --scope project")


def run(options: argparse.Namespace) -> int:
    """Change the client's settings files, or show what would change."""
    if options.detect or not options.client:
        return _detect()
    client = next((client for client in CLIENTS if client.name == options.client), None)
    if client is None:
        names = ", ".join(client.name for client in CLIENTS)
        raise BadArguments(f"There is no client '{options.client}'; there is {names}.")
    if options.rules:
        return _rules(client)
    places = client.places.get(options.scope)
    if not places:
        raise BadArguments(f"{client.title} has no settings per {options.scope}; use the other --scope.")
    changed = [_change(path, group, options) for path, group in _files(places, options.project).items()]
    if not options.show and any(changed) and not options.remove:
        print(client.after)
        if client.rules:
            print(f"Rules for its model: kimi-mcp setup {client.name} --rules > {client.rules}")
    for note in client.notes:
        print(note)
    return 0


def _rules(client: Client) -> int:
    """The rules on standard output, where they belong on standard error."""
    if client.rules:
        print(f"Put this into {client.rules} of your project.", file=sys.stderr)
    print(resources.files("kimi_mcp.clients").joinpath("rules.md").read_text("utf-8"), end="")
    return 0


def _change(path: Path, places: Sequence[Place], options: argparse.Namespace) -> bool:
    server = _server()
    backup = path.with_name(path.name + BACKUP)
    if options.remove:
        edit = removed(places, path, backup.read_bytes().decode() if backup.is_file() else None, server)
    else:
        edit = added(places, path, server)
    if options.show:
        print(_diff(edit), end="")
        return False
    keys = " and ".join(".".join(place.keys) for place in places if place.keys)
    where = f"{path}{f' ({keys})' if keys else ''}"
    if not edit.changes:
        print(f"Nothing to do in {where}.")
        return False
    _write(edit, backup, keep=not options.remove)
    if options.remove:
        backup.unlink(missing_ok=True)
    print(f"{'Removed from' if options.remove else 'Written to'} {where}.")
    return True


def _write(edit: Edit, backup: Path, *, keep: bool) -> None:
    """Replace the file as a whole, at the end of its symlinks, its mode kept; the first backup stays.

    Raises `Conflict`, and changes nothing, where the file is read-only or has changed since it was read.
    """
    path = Path(os.path.realpath(edit.path))
    try:
        now = path.read_bytes() if path.exists() else None
        if now != (None if edit.before is None else edit.before.encode()):
            raise Conflict(
                f"{path} has just been changed by another program; nothing was written, try again."
            )
        if now is not None and not path.stat().st_mode & 0o222:
            raise Conflict(f"{path} is read-only; make it writable, or put in by hand what --print shows.")
        _replace(edit, path, backup, keep=keep)
    except OSError as error:
        raise Conflict(f"{path} cannot be written: {error.strerror}; --print shows the change.") from None


def _replace(edit: Edit, path: Path, backup: Path, *, keep: bool) -> None:
    if edit.after is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if keep and edit.before is not None and not backup.exists():
        backup.write_bytes(edit.before.encode())
        shutil.copymode(path, backup)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(edit.after.encode())
    if path.exists():
        shutil.copymode(path, part)
    part.replace(path)


def _diff(edit: Edit) -> str:
    before, after = (text.splitlines(keepends=True) if text else [] for text in (edit.before, edit.after))
    lines = difflib.unified_diff(before, after, str(edit.path), str(edit.path))
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _files(places: Sequence[Place], project: Path) -> dict[Path, list[Place]]:
    """The settings files of this system, each with our places in it."""
    files: dict[Path, list[Place]] = {}
    for place in places:
        path = place.file(Path.home(), project.absolute())
        if path is None:
            raise BadArguments("This client is not made for this system.")
        files.setdefault(path, []).append(place)
    return files


def _program() -> str:
    """Our own program by its absolute path: clients start servers with a PATH of their own."""
    beside = Path(sys.executable).with_name("kimi-mcp.exe" if sys.platform == "win32" else "kimi-mcp")
    return str(beside) if beside.is_file() else shutil.which("kimi-mcp") or "kimi-mcp"


def _detect() -> int:
    width = max(len(client.name) for client in CLIENTS)
    for client, state, seen in states():
        print(f"{client.name:<{width}}  {state:<10} {client.title}{f' ({seen})' if seen else ''}")
    return 0


def states() -> Iterator[tuple[Client, str, str]]:
    """Each client, whether it is `connected`, `installed` or `-`, and by what it was seen."""
    server = _server()
    for client in CLIENTS:
        seen = _installed(client)
        connected = any(
            not edit.changes
            for path, places in _files(client.places.get("user", ()), Path()).items()
            if path.is_file() and (edit := added(places, path, server)).before
        )
        yield client, "connected" if connected else "installed" if seen else "-", seen


def _server() -> Server:
    return Server(_program(), tuple(tool.name for tool in offered.all_tools() if tool.effect == "reads"))


def _installed(client: Client) -> str:
    for sign in client.signs:
        if sign.startswith(("~", "%")):
            place = Place({"all": sign}, (), lambda server: {})
            path = place.file(Path.home(), Path())
            if path is not None and path.exists():
                return str(path)
        elif found := shutil.which(sign):
            return found
    return ""
