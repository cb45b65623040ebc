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

    def launch(self, argv: Sequence[str], *, root: Path, environment: Mapping[str, str]) -> Launch:
        """The confined command line; `environment` is added to the allowed names. Raises `NotAllowed`."""
        ...


class Unprotected:
    """No confinement but the scrubbed environment and the process group."""

    level = "none"

    def launch(self, argv: Sequence[str], *, root: Path, environment: Mapping[str, str]) -> Launch:
        """The command as it is."""
        return Launch(argv, allowed_environment(environment), sandbox=self.level)


UNPROTECTED = Unprotected()
