"""Which sandbox this machine can give: found by running a command in each, best first."""

import platform
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kimi_tools.errors import NotAllowed, Unavailable
from kimi_tools.process import Launch
from kimi_tools.sandbox.bubblewrap import Bubblewrap
from kimi_tools.sandbox.landlock import Landlock
from kimi_tools.sandbox.layout import machine_layout
from kimi_tools.sandbox.place import UNPROTECTED, Place, Sandbox
from kimi_tools.sandbox.seatbelt import Seatbelt


@dataclass(slots=True)
class Best:
    """The best sandbox that works here, found at first use, which takes about 40 ms.

    `off`: the user's own wish to have none. `readable`: further directories to show to commands. `network`:
    hosts that commands may reach.
    """

    off: bool = False
    readable: Sequence[Path] = ()
    network: Sequence[str] = ()
    _chosen: Sandbox | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def level(self) -> str:
        """The chosen sandbox's level. Raises `NotAllowed` where none works."""
        return self.choose().level

    @property
    def mounts(self) -> bool:
        """Whether the chosen sandbox shows a copy at its original's path. Raises `NotAllowed`."""
        return self.choose().mounts

    @property
    def own_programs(self) -> bool:
        """As the chosen sandbox's. Raises `NotAllowed` where none works."""
        return self.choose().own_programs

    @property
    def gaps(self) -> Sequence[str]:
        """What the chosen sandbox does not protect. Raises `NotAllowed`."""
        return self.choose().gaps

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """As the chosen sandbox does. Raises `NotAllowed` where none works."""
        return self.choose().launch(argv, place, environment)

    def choose(self) -> Sandbox:
        """The best one, tried out with the very arguments that commands get. Raises `NotAllowed`."""
        with self._lock:
            if self._chosen is None:
                self._chosen = UNPROTECTED if self.off else choose(self.readable, self.network)
            return self._chosen


def choose(readable: Sequence[Path] = (), network: Sequence[str] = ()) -> Sandbox:
    """Try the sandboxes, best first. Raises `NotAllowed` with each one's reason where none works."""
    reasons: list[str] = []
    for candidate in candidates(readable, network):
        reason = try_out(candidate)
        if reason is None:
            return candidate
        reasons.append(f"{candidate.level}: {reason}")
    raise NotAllowed(
        f"No sandbox works on this machine ({'; '.join(reasons)}), so no command is run. {_ADVICE}"
    )


_ADVICE = (
    "Install bubblewrap, or allow commands without protection with --no-sandbox; 'kimi-mcp doctor' says more."
)


def candidates(readable: Sequence[Path] = (), network: Sequence[str] = ()) -> list[Sandbox]:
    """The sandboxes of this system, best first; whether they work is not known yet."""
    layout = machine_layout(readable)
    if platform.system() == "Darwin":
        return [Seatbelt(layout, network)]
    return [
        Bubblewrap(layout, network=network),
        Bubblewrap(layout, own_proc=False, network=network),
        Landlock(layout, network),
    ]


def try_out(sandbox: Sandbox) -> str | None:
    """Run a command that does nothing in a sandbox; None when it worked, else what the system said."""
    with tempfile.TemporaryDirectory(prefix="kimi-mcp-") as name:
        root = Path(name).resolve()
        try:
            launch = sandbox.launch(["/bin/sh", "-c", "exit 0"], Place(root, root), {})
        except (Unavailable, NotAllowed, OSError) as error:
            return str(error)
        return _failure(launch)


def _failure(launch: Launch) -> str | None:
    try:
        done = subprocess.run(
            launch.argv,
            env=dict(launch.environment),
            pass_fds=launch.pass_fds,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        if launch.after is not None:
            launch.after()
    if done.returncode == 0:
        return None
    return done.stderr.decode("utf-8", "replace").strip()[-300:] or f"exit code {done.returncode}"
