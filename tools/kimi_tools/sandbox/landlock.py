"""Linux without namespaces: Landlock for files, the system-call filter for the rest.

Weaker than bubblewrap, and it says so (`GAPS`): Landlock can only add up rights below directories, so nothing
inside the workspace can be taken out again.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_tools.errors import NotAllowed
from kimi_tools.process import Launch, allowed_environment
from kimi_tools.sandbox import confined, seccomp
from kimi_tools.sandbox.layout import Layout, project_environments, refuse_unbounded_root
from kimi_tools.sandbox.place import Place
from kimi_tools.sandbox.worktree import git_directories

GAPS = (
    "no sockets at all, not even localhost",
    "the workspace's own .git and files of secrets are open to commands",
    "modes, owners and times of your other files can be changed",
    "names and sizes of other files can be seen",
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm")


@dataclass(slots=True)
class Landlock:
    """The fallback where bubblewrap does not work. `network`: not possible here; refused."""

    layout: Layout
    network: Sequence[str] = ()
    level = "landlock"
    mounts = False
    own_programs = False
    gaps = GAPS

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The command under `confined.py`. Raises `NotAllowed` for what Landlock cannot do."""
        if self.network:
            raise NotAllowed(
                "Single hosts cannot be opened in the landlock sandbox; install bubblewrap for --allow-network."
            )
        if not seccomp.supported():
            raise NotAllowed("There is no system-call filter for this machine's processor.")
        refuse_unbounded_root(place.root, self.layout.home)
        private = Path(tempfile.mkdtemp(prefix="kimi-mcp-"))
        for name in ("home", "tmp"):
            (private / name).mkdir()
        readable = [
            *self.layout.shown,
            *project_environments(place.root),
            *git_directories(place.root),
            "/proc",
            *([place.root] if place.read_only else []),
        ]
        writable = [
            *([] if place.read_only else [place.root]),
            private,
            *place.writable,
            *([place.cache] if place.cache else []),
        ]
        rules = {
            "read": [str(path) for path in readable],
            "write": [*map(str, writable), *(f"/dev/{name}" for name in _DEVICES)],
            "filter": seccomp.compiled(()).hex(),
        }
        descriptor = os.memfd_create("kimi-mcp")
        os.write(descriptor, json.dumps(rules).encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        homed = {"HOME": str(private / "home"), "TMPDIR": str(private / "tmp")}
        if place.cache:
            homed["XDG_CACHE_HOME"] = str(place.cache)

        def after() -> Sequence[str]:
            os.close(descriptor)
            shutil.rmtree(private, ignore_errors=True)
            return ()

        return Launch(
            [sys.executable, "-I", "-S", confined.__file__, str(descriptor), *argv],
            {**allowed_environment(), **homed, **environment},
            pass_fds=[descriptor],
            sandbox=self.level,
            after=after,
        )
