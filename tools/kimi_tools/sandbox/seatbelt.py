"""macOS: a profile for `sandbox-exec`, made of the same layout.

Not run on a Mac by our tests, which check the text of the profile; the rules follow those that Chromium and
Codex publish for the same purpose. Of several rules that match, the last one counts.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.errors import NotAllowed
from kimi_tools.process import Launch, allowed_environment
from kimi_tools.protected import PROTECTED
from kimi_tools.sandbox.layout import Layout, project_environments, refuse_unbounded_root
from kimi_tools.sandbox.place import Place
from kimi_tools.sandbox.survey import Survey, hides
from kimi_tools.sandbox.worktree import git_directories

_SYSTEM = (
    "/System",
    "/Library",
    "/private/etc",
    "/private/var/db",
    "/private/var/select",
    "/dev",
    "/AppleInternal",
)
_DEVICES = ("null", "zero", "random", "urandom", "tty", "dtracehelper")
_ALWAYS = """\
(version 1)
(deny default)
(allow process-exec process-fork)
(allow signal process-info* (target same-sandbox))
(allow sysctl-read ipc-posix-sem ipc-posix-shm* pseudo-tty file-read-metadata)
(allow mach-lookup
  (global-name "com.apple.system.opendirectoryd.libinfo")
  (global-name "com.apple.system.logger")
  (global-name "com.apple.trustd.agent"))
(allow network-bind network-inbound (local ip "localhost:*"))
(allow network-outbound (remote ip "localhost:*"))
"""


@dataclass(slots=True)
class Seatbelt:
    """The sandbox of macOS. `network`: not possible here yet; refused."""

    layout: Layout
    network: Sequence[str] = ()
    level = "seatbelt"
    mounts = False
    own_programs = False
    gaps = (
        "services on this machine's localhost can be reached",
        "names and sizes of other files can be seen",
        "a process that leaves its group may outlive the command",
    )

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The command under `sandbox-exec`. Raises `NotAllowed` for what it cannot do."""
        if self.network:
            raise NotAllowed(
                "Single hosts cannot be opened in the sandbox of macOS; leave --allow-network out."
            )
        refuse_unbounded_root(place.root, self.layout.home)
        private = Path(tempfile.mkdtemp(prefix="kimi-mcp-")).resolve()
        for name in ("home", "tmp"):
            (private / name).mkdir()
        homed = {"HOME": str(private / "home"), "TMPDIR": str(private / "tmp")}

        def after() -> Sequence[str]:
            shutil.rmtree(private, ignore_errors=True)
            return ()

        return Launch(
            ["/usr/bin/sandbox-exec", "-p", profile(self.layout, place, private), "--", *argv],
            {**allowed_environment(), **homed, **environment},
            sandbox=self.level,
            after=after,
        )


def profile(layout: Layout, place: Place, private: Path) -> str:
    """The profile's text: what `place` may read and write; `private` is its home and temporary directory."""
    readable = [*_SYSTEM, *layout.shown, *project_environments(place.root), *git_directories(place.root)]
    if place.read_only:
        readable.append(place.root)
    writable = [
        *([] if place.read_only else [place.root]),
        private,
        *place.writable,
        *([place.cache] if place.cache else []),
    ]
    found = () if place.show_secrets else Survey(place.root).look()
    secrets = [place.root / path for path in found if hides(path)]
    git = f'(require-all (subpath {_quoted(place.root)}) (regex #"/\\.[gG][iI][tT](/|$)"))'
    protected = [f"(subpath {_quoted(place.root / name)})" for name in PROTECTED if name != ".git"]
    return "".join(
        [
            _ALWAYS,
            _rule("allow file-read*", [f"(subpath {_quoted(path)})" for path in readable]),
            _rule("allow file-read* file-write*", [f"(subpath {_quoted(path)})" for path in writable]),
            _rule(
                "allow file-read* file-write* file-ioctl", [f'(literal "/dev/{name}")' for name in _DEVICES]
            ),
            _rule("deny file-write*", [git, *protected]),
            _rule("deny file-read-data", [f"(literal {_quoted(path)})" for path in secrets])
            if secrets
            else "",
        ]
    )


def _rule(what: str, filters: Sequence[str]) -> str:
    return f"({what}\n  " + "\n  ".join(filters) + ")\n"


def _quoted(path: Path | str) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    if not text.isprintable():
        raise NotAllowed(f"The path {text!r} cannot be written into a sandbox profile; rename it.")
    return f'"{text}"'
