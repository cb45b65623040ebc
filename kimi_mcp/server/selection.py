"""Which of the tools a client is offered. Standard library only: the first answer waits for it."""

from collections.abc import Sequence

TOOLSETS = ("search", "symbols", "files", "edit", "test", "git", "shell", "resolve")
"""The words of `kimi_tools.tool.Toolset`, too heavy to import here; a test compares them."""

DEFAULT = ("search", "symbols", "files", "edit", "test", "git", "shell")


class Selection:
    """The toolsets and effects that are offered. No names, or `default`: the default set; `all`: every set.

    Raises `ValueError` with one sentence for a name that is no toolset.
    """

    def __init__(self, toolsets: Sequence[str] = (), *, read_only: bool = False) -> None:
        chosen: list[str] = []
        for name in toolsets or ("default",):
            if name not in ("default", "all", *TOOLSETS):
                known = ", ".join((*TOOLSETS, "default", "all"))
                raise ValueError(f"There is no toolset '{name}'; there is {known}.")
            chosen += DEFAULT if name == "default" else TOOLSETS if name == "all" else (name,)
        self.toolsets = tuple(name for name in TOOLSETS if name in chosen)
        self.read_only = read_only

    def takes(self, toolset: str, effect: str) -> bool:
        """Whether a tool of this set and effect is offered."""
        return toolset in self.toolsets and (effect == "reads" or not self.read_only)
