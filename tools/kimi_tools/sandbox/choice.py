"""Which sandbox this machine can give: found by running a command in each, best first."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kimi_tools.errors import NotAllowed, Unavailable
from kimi_tools.process import Launch
from kimi_tools.sandbox.bubblewrap import Bubblewrap
from kimi_tools.sandbox.layout import machine_layout
from kimi_tools.sandbox.place import UNPROTECTED, Place, Sandbox


def choose(*, off: bool = False, readable: Sequence[Path] = ()) -> Sandbox:
    """The best sandbox that works here; each is tried with the very arguments that commands will get.

    `off`: the user's own wish to have none. `readable`: further directories to show to commands. Takes about
    30 ms. Raises `NotAllowed` where nothing works.
    """
    if off:
        return UNPROTECTED
    reasons: list[str] = []
    for candidate in _candidates(readable):
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


def _candidates(readable: Sequence[Path]) -> list[Sandbox]:
    layout = machine_layout(readable)
    return [Bubblewrap(layout), Bubblewrap(layout, own_proc=False)]


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
