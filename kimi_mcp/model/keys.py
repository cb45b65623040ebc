"""Where an API key comes from: the environment, the system's keyring, or a file of the user's own.

A key is never a flag (every user of the machine can read a process's arguments), and it is a `SecretStr`, so
that no log, traceback or crash report shows it. Each host has a variable of its own, so that one host's key
is never sent to another; `KIMI_MCP_API_KEY` goes wherever the user points us.
"""

import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from kimi_mcp.model.profiles import HostName, host_of

ANY_HOST = "KIMI_MCP_API_KEY"

VARIABLES: dict[HostName, tuple[str, ...]] = {
    "moonshot": ("MOONSHOT_API_KEY",),
    "kimi-code": ("KIMI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
}
"""Each host's own variables."""

SERVICE = "kimi-mcp"
"""The name under which a keyring holds the keys; the user name there is the kind of host."""

KEYRING_SECONDS = 3.0
"""How long a keyring may take: a locked one on a machine without a screen waits for ever."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, if there is one, where it was found, and what the user should know of the other places."""

    key: SecretStr | None
    source: str
    warnings: tuple[str, ...] = ()


def find_key(
    base_url: str, environment: Mapping[str, str], file: Path | None, *, keyring: bool = True
) -> FoundKey:
    """The key for a host: its variable, then the keyring, then `file` if only its owner can read it."""
    host = host_of(base_url, {})
    for name in (ANY_HOST, *VARIABLES.get(host, ())):
        if value := environment.get(name, "").strip():
            return FoundKey(SecretStr(value), name)
    warnings: list[str] = []
    if keyring:
        value, warning = _from_keyring(host)
        warnings += [warning] if warning else []
        if value:
            return FoundKey(SecretStr(value), "the keyring", tuple(warnings))
    if file is not None:
        value, warning = _from_file(file)
        warnings += [warning] if warning else []
        if value:
            return FoundKey(SecretStr(value), str(file), tuple(warnings))
    return FoundKey(None, "", tuple(warnings))


def advice(base_url: str) -> str:
    """How to give a key for a host, in one sentence."""
    names = " or ".join((*VARIABLES.get(host_of(base_url, {}), ()), ANY_HOST))
    return f"Set {names}, or keep the key in the keyring: keyring set {SERVICE} {host_of(base_url, {})}."


def _from_keyring(host: str) -> tuple[str, str]:
    """The keyring's key and a warning. In a thread of its own, which is left behind when it hangs."""
    found: list[str] = []
    failed: list[str] = []

    def look() -> None:
        try:
            import keyring

            found.append(keyring.get_password(SERVICE, host) or "")
        except Exception as error:  # a third party's backends raise what they like
            failed.append(type(error).__name__)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(KEYRING_SECONDS)
    if thread.is_alive():
        return "", f"The keyring did not answer within {KEYRING_SECONDS:g} s; it may be locked."
    if failed and failed[0] != "NoKeyringError":
        return "", f"The keyring could not be read ({failed[0]})."
    return (found[0].strip() if found else ""), ""


def _from_file(file: Path) -> tuple[str, str]:
    """The file's first line, if it is a plain file of ours that nobody else can read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        return "", f"The key file {file} was not read: {error.strerror}."
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
            return "", f"The key file {file} was not read: it is not a plain file of yours."
        if facts.st_mode & 0o077:
            return "", f"The key file {file} was not read: others can read it; run: chmod 600 {file}"
        lines = os.read(descriptor, 4096).decode("utf-8", "replace").splitlines()
        return (lines[0].strip() if lines else ""), ""
    finally:
        os.close(descriptor)
