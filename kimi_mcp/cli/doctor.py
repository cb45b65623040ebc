"""`kimi-mcp doctor`: what protects the user on this machine, what is missing, and how to get it."""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kimi_mcp.cli import choice, host, setup
from kimi_mcp.config import Settings, command_limits, config_file, find_root, state_directory
from kimi_tools import ripgrep
from kimi_tools.errors import Unavailable
from kimi_tools.process import program
from kimi_tools.sandbox.choice import candidates, try_out
from kimi_tools.sandbox.layout import machine_layout
from kimi_tools.sandbox.place import Sandbox
from kimi_tools.syntax import LANGUAGES, Unparsed
from kimi_tools.syntax.grammar import grammar
from kimi_tools.usage import size_text, watched

_SAFE_GIT = (2, 50, 1)
"""The first version without CVE-2025-48384 and its neighbours (submodule paths, bundle URIs)."""

_APPARMOR = """\
This system's AppArmor keeps bubblewrap from making namespaces (Ubuntu 24.04 does). As root, write this to
/etc/apparmor.d/bwrap and run `apparmor_parser -r /etc/apparmor.d/bwrap`:
  abi <abi/4.0>,
  include <tunables/global>
  profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `grade`: `good`, `weak` (works with less) or `bad` (does not work)."""

    grade: str
    about: str
    said: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    choice.add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Print every finding; 1 when one is bad."""
    settings = choice.settings(options)
    worst = 0
    marks = {"good": "ok  ", "weak": "weak", "bad": "BAD "}
    for look in LOOKS:
        for finding in look(settings):
            print(f"{marks[finding.grade]}  {finding.about}: {finding.said}")
            for line in finding.advice.splitlines():
                print(f"        {line}")
            worst = max(worst, finding.grade == "bad")
    return int(worst)


def sandbox(settings: Settings) -> Iterator[Finding]:
    """Which sandbox commands run in, what it leaves open, and what it costs."""
    if settings.switch("no_sandbox"):
        yield Finding("bad", "sandbox", "lifted by your settings: commands can do all that you can.")
    best: Sandbox | None = None
    for candidate in candidates(network=()):
        reason = try_out(candidate)
        if reason is None:
            best = candidate
            break
        yield Finding("weak", candidate.level, f"does not work here: {reason}", _sandbox_advice(reason))
    if best is None:
        yield Finding("bad", "sandbox", "none works, so commands are refused.", "Install bubblewrap.")
        return
    times: list[float] = []
    for _ in range(7):
        started = time.perf_counter()
        try_out(best)
        times.append(time.perf_counter() - started)
    cost = f"{1000 * statistics.median(times):.0f} ms a command"
    if best.gaps:
        yield Finding(
            "weak", "sandbox", f"{best.level} ({cost}); open: {'; '.join(best.gaps)}.", "Install bubblewrap."
        )
    else:
        yield Finding("good", "sandbox", f"{best.level} ({cost}).")
    readable = [Path(path).expanduser().absolute() for path in settings.words("sandbox_read")]
    for path in machine_layout(readable).left_out:
        yield Finding("weak", "sandbox", f"{path} cannot be shown to commands: no permission to read it.")
    if os.geteuid() == 0:
        yield Finding(
            "weak",
            "user",
            "you are root; the sandbox keeps root's powers out, but a hole in it would give them.",
            "Work as an ordinary user where you can.",
        )


def _sandbox_advice(reason: str) -> str:
    if "not installed" in reason:
        return "Install it: apt install bubblewrap, dnf install bubblewrap, pacman -S bubblewrap."
    if "uid map" in reason or "RTM_NEWADDR" in reason:
        return _APPARMOR
    if "proc" in reason:
        return "A container forbids a new /proc; start it with --security-opt systempaths=unconfined."
    return ""


def limits(settings: Settings) -> Iterator[Finding]:
    """What one command may use of this machine."""
    allowed = command_limits(settings)
    memory = f"{size_text(allowed.memory)} of memory" if allowed.memory else "any amount of memory"
    tasks = f"{allowed.tasks:,} processes" if allowed.tasks else "any number of processes"
    said = f"a command may use {memory} and {tasks}"
    if not watched():
        yield Finding("weak", "limits", f"{said}, but this system does not let us see what it uses.")
    elif not (allowed.memory and allowed.tasks):
        yield Finding("weak", "limits", f"{said}.", "Leave out --max-memory 0 and --max-processes 0.")
    else:
        yield Finding("good", "limits", f"{said} (--max-memory, --max-processes).")


def permissions(settings: Settings) -> Iterator[Finding]:
    """Leave that was given beforehand, and who can read what we keep."""
    given = [*settings.words("allow"), *(f"network to {name}" for name in settings.words("allow_network"))]
    if given:
        yield Finding("weak", "leave", f"given beforehand: {', '.join(given)}.")
    else:
        yield Finding(
            "good", "leave", "none given beforehand; what is not safe by itself is asked for or refused."
        )
    folder = state_directory()
    if os.access(folder, os.W_OK):
        yield Finding("good", "state", f"{folder}, for you only.")
    else:
        yield Finding("bad", "state", f"{folder} cannot be written.", "Name another with KIMI_MCP_STATE.")
    file = config_file()
    if file.is_file() and file.stat().st_mode & 0o022:
        yield Finding("bad", "settings", f"others can write {file}.", f"chmod go-w {file}")


def programs(settings: Settings) -> Iterator[Finding]:
    """The programs that the tools start."""
    root = find_root(settings.text("root"))
    yield Finding("good", "python", f"{platform.python_version()} ({sys.executable}).")
    for name, find in (("git", lambda: program("git", root)), ("rg", ripgrep.binary)):
        try:
            path = find()
            said = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=10
            ).stdout.split("\n")[0]
        except (Unavailable, OSError, subprocess.TimeoutExpired) as error:
            yield Finding("bad", name, str(error))
            continue
        number = tuple(int(part) for part in re.findall(r"\d+", said)[:3])
        if name == "git" and number < _SAFE_GIT:
            yield Finding(
                "weak",
                name,
                f"{said} ({path}); unless it is patched, CVE-2025-48384 is open in clones.",
                "Our tools never clone or fetch; update git for your own sake.",
            )
        else:
            yield Finding("good", name, f"{said} ({path}).")


def languages(settings: Settings) -> Iterator[Finding]:
    """The grammars that outlines, symbols and syntax checks are made with."""
    missing: list[str] = []
    for language in LANGUAGES:
        try:
            grammar(language)
        except (Unparsed, ImportError):
            missing.append(language.name)
    if missing:
        yield Finding("weak", "languages", f"no grammar for {', '.join(missing)}.", "Install kimi-mcp again.")
    else:
        yield Finding("good", "languages", f"{len(LANGUAGES)} can be parsed.")


def model(settings: Settings) -> Iterator[Finding]:
    """The key for the agent."""
    from kimi_mcp.model.connect import address
    from kimi_mcp.model.keys import advice, find_key

    where = address(host.host(settings))
    found = find_key(where, os.environ, config_file().parent / "key")
    for warning in found.warnings:
        yield Finding("weak", "key", warning)
    if found.key is None:
        yield Finding(
            "weak", "key", f"none for {where}; the tools work without, the agent does not.", advice(where)
        )
    else:
        yield Finding("good", "key", f"there is one for {where}.")


def clients(settings: Settings) -> Iterator[Finding]:
    """The editors and agents that use us."""
    connected: list[str] = []
    waiting: list[str] = []
    unreadable = False
    for client, state, seen in setup.states():
        if state == "unreadable":
            unreadable = True
            yield Finding("weak", "clients", f"the settings of {client.name} cannot be read: {seen}")
        elif state == "connected":
            connected.append(client.name)
        elif state == "installed":
            waiting.append(client.name)
    if connected:
        yield Finding("good", "clients", f"connected: {', '.join(connected)}.")
    if waiting:
        yield Finding(
            "weak", "clients", f"not connected: {', '.join(waiting)}.", f"kimi-mcp setup {waiting[0]}"
        )
    if not (connected or waiting or unreadable):
        yield Finding("weak", "clients", "none found on this machine.")


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    sandbox,
    limits,
    permissions,
    programs,
    languages,
    model,
    clients,
)
