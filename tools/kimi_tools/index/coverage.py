"""How whole an index is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the workspace an answer stands on: files with code, those not yet read, those too large."""

    files: int
    waiting: int
    too_large: int

    @property
    def complete(self) -> bool:
        """Whether every file with code has been read."""
        return not self.waiting

    def note(self) -> str:
        """One sentence for what is missing, empty when nothing is."""
        if self.waiting:
            return (
                f"The index is being built: {self.files - self.waiting:,} of {self.files:,} files are in it."
            )
        return ""
