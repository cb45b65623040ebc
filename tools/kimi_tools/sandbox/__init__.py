"""What commands of the project and of the model run in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from kimi_tools.process import Launch, allowed_environment


class Sandbox(Protocol):
    """Makes of a command the command line that runs it confined."""

    @property
    def level(self) -> str:
        """The protection that results name: `bubblewrap`, `landlock` … or `none`."""
        ...

    def launch(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        environment: Mapping[str, str],
        writable: Sequence[Path] = (),
    ) -> Launch:
        """The confined command line; `environment` is added to the allowed names.

        `writable`: existing directories outside the root (scratch, caches) that the command may read and
        write at the same absolute path. They come from our own code only. Raises `NotAllowed`.
        """
        ...


class Unprotected:
    """No confinement but the scrubbed environment and the process group."""

    level = "none"

    def launch(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        environment: Mapping[str, str],
        writable: Sequence[Path] = (),
    ) -> Launch:
        """The command as it is."""
        return Launch(argv, allowed_environment(environment), sandbox=self.level)


UNPROTECTED = Unprotected()
