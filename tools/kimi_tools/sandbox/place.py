"""What a sandbox is: it makes of a command, and of the place where it shall run, a command line to start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kimi_tools.process import Launch, allowed_environment
from kimi_tools.sandbox.gate import Reach
from kimi_tools.usage import UNLIMITED, Limits


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command runs and what it may change.

    `root`: the real directory. `at`: the path at which the command sees it (a private copy is seen at the
    original's path). `folder`: its working directory, relative to the root. `writable`: further existing
    directories, seen at their own path; they come from our own code only. `read_only`: the root itself cannot
    be changed. `cache`: a private directory that
    commands see as `~/.cache`, so that a second build is as fast as it is outside. `reach`: asks the user
    whether a host may be reached; may block. `show_secrets`: files that hold passwords by their names (`.env`)
    are not empty for the command. `limits`: how much it may use.
    """

    root: Path
    at: Path
    folder: str = "."
    writable: Sequence[Path] = ()
    cache: Path | None = None
    reach: Reach | None = None
    show_secrets: bool = False
    limits: Limits = UNLIMITED
    read_only: bool = False


class Sandbox(Protocol):
    """Makes of a command the command line that runs it confined."""

    @property
    def level(self) -> str:
        """The protection that results name: `bubblewrap`, `landlock` … or `none`."""
        ...

    @property
    def mounts(self) -> bool:
        """Whether a command can see the root at another path (`Place.at`)."""
        ...

    @property
    def own_programs(self) -> bool:
        """Whether commands find other programs than this machine has, as in a container's image."""
        ...

    @property
    def gaps(self) -> Sequence[str]:
        """What it does not protect, in the user's words."""
        ...

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The confined command line; `environment` is added to the allowed names.

        Blocks for some milliseconds: call it in a thread. Raises `NotAllowed`, `Unavailable`.
        """
        ...


class Unprotected:
    """No confinement but the scrubbed environment and the process group; the root is seen where it is."""

    level = "none"
    mounts = False
    own_programs = False
    gaps = ("commands can do all that you can",)

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        """The command as it is."""
        return Launch(argv, allowed_environment(environment), sandbox=self.level)


UNPROTECTED = Unprotected()
