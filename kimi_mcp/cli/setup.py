"""`kimi-mcp setup CLIENT`: connect a client to the tools (and to the agent, where it speaks ACP)."""

import argparse
import difflib
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from kimi_mcp.cli import offered
from kimi_mcp.clients.entry import Edit, added, removed
from kimi_mcp.clients.known import CLIENTS, Client, Place, Server
from kimi_tools.errors import BadArguments, Conflict

TIMES = 3
"""That a change is tried while another program writes to the same file."""

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
    files = _files(places, options.project)
    if options.show:
        for path, group in files.items():
            print(_diff(_edit(path, group, options.remove)), end="")
    elif _change(files, options) and not options.remove:
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


def _change(files: Mapping[Path, Sequence[Place]], options: argparse.Namespace) -> bool:
    """Write all files, or none where one of them cannot be understood; whether anything changed."""
    if options.scope == "project":
        _keep_within(files, options.project)
    if len(files) > 1:
        for path, places in files.items():
            _edit(path, places, options.remove)
    changed = False
    for path, places in files.items():
        keys = " and ".join(".".join(place.keys) for place in places if place.keys)
        where = f"{path}{f' ({keys})' if keys else ''}"
        if _written(path, places, options.remove):
            print(f"{'Removed from' if options.remove else 'Written to'} {where}.")
            changed = True
        else:
            print(f"Nothing to do in {where}.")
    return changed


def _keep_within(files: Iterable[Path], project: Path) -> None:
    """A link in a repository from a stranger could lead anywhere. Raises `Conflict`."""
    for path in files:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(project)):
            raise Conflict(
                f"{path} is a link that leads out of the project; put in by hand what --print shows."
            )


def _edit(path: Path, places: Sequence[Place], remove: bool) -> Edit:
    return removed(places, path, _kept(path), _server()) if remove else added(places, path, _server())


def _backup(path: Path) -> Path:
    return path.with_name(path.name + BACKUP)


def _kept(path: Path) -> str | None:
    """The file as it was before our entry came, where that is known."""
    try:
        return _backup(path).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _written(path: Path, places: Sequence[Place], remove: bool) -> bool:
    """Make the change, again where another program wrote in between; whether there was one to make."""
    for _ in range(TIMES):
        edit = _edit(path, places, remove)
        if edit.changes and not _write(edit, _backup(path), keep=not remove):
            continue
        if remove and not _backup(path).is_symlink():
            _backup(path).unlink(missing_ok=True)
        return edit.changes
    raise Conflict(f"{path} is being changed by another program; nothing was written, try again.")


def _write(edit: Edit, backup: Path, *, keep: bool) -> bool:
    """Replace the file as a whole, at the end of its symlinks, its mode kept; the first backup stays.

    False, and nothing is changed, where the file has changed since it was read. Raises `Conflict` where it cannot
    be written.
    """
    path = Path(os.path.realpath(edit.path))
    try:
        now = path.read_bytes() if path.exists() else None
        if now != (None if edit.before is None else edit.before.encode()):
            return False
        if now is not None and not path.stat().st_mode & 0o222:
            raise Conflict(f"{path} is read-only; make it writable, or put in by hand what --print shows.")
        path.parent.mkdir(parents=True, exist_ok=True)
        if keep and now is not None and not os.path.lexists(backup):
            _replace(backup, now, like=path)
        if edit.after is None:
            path.unlink(missing_ok=True)
        else:
            _replace(path, edit.after.encode(), like=path)
    except OSError as error:
        raise Conflict(f"{path} cannot be written: {error.strerror}; --print shows the change.") from None
    return True


def _replace(path: Path, data: bytes, like: Path) -> None:
    """A whole new file in the place of one, never half of it, with the mode of `like` where that is there."""
    mode = like.stat().st_mode & 0o7777 if like.exists() else 0o666
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if like.exists():
            part.chmod(mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
    """Each client, whether it is `connected`, `installed`, `unreadable` or `-`, and by what that was seen."""
    server = _server()
    for client in CLIENTS:
        seen = _installed(client)
        try:
            connected = any(
                (edit := added(places, path, server)).before and not edit.changes
                for path, places in _files(client.places.get("user", ()), Path()).items()
            )
        except Conflict as error:
            yield client, "unreadable", str(error)
        else:
            yield client, "connected" if connected else "installed" if seen else "-", seen


def _server() -> Server:
    return Server(_program(), tuple(tool.name for tool in offered.all_tools() if tool.effect == "reads"))


def _installed(client: Client) -> str:
    for sign in client.signs:
        if sign.startswith(("~", "%")):
            place = Place({"all": sign}, (), lambda server: {})
            path = place.file(Path.home(), Path())
            if path is not None and os.path.exists(path):  # also where one may not look
                return str(path)
        elif found := shutil.which(sign):
            return found
    return ""
