"""Which of the tools a client is offered. Standard library only: the first answer waits for it."""

from collections.abc import Sequence

TOOLSETS = ("search", "symbols", "files", "edit", "test", "git", "shell", "resolve")
"""The words of `kimi_tools.tool.Toolset`, too heavy to import here; a test compares them."""

DEFAULT = ("search", "symbols", "files", "edit", "test", "git")

NOT_BY_DEFAULT = frozenset({"git_show", "git_blame", "git_commit", "git_branch"})
"""What the default set leaves out of its toolsets. A client sends every declaration with every request, so the
default stays under 2,500 tokens; every coding client has a shell, which can do what is left out here."""


class Selection:
    """The tools that are offered. No names, or `default`: the default set; `all`: every set.

    Raises `ValueError` with one sentence for a name that is no toolset.
    """

    def __init__(self, toolsets: Sequence[str] = (), *, read_only: bool = False) -> None:
        for name in toolsets:
            if name not in ("default", "all", *TOOLSETS):
                known = ", ".join((*TOOLSETS, "default", "all"))
                raise ValueError(f"There is no toolset '{name}'; there is {known}.")
        self._names = tuple(toolsets) or ("default",)
        self._default = not toolsets or "default" in toolsets
        self._whole = frozenset(TOOLSETS if "all" in toolsets else toolsets)
        self._read_only = read_only

    def takes(self, name: str, toolset: str, effect: str) -> bool:
        """Whether a tool of this name, set and effect is offered."""
        by_default = self._default and toolset in DEFAULT and name not in NOT_BY_DEFAULT
        return (toolset in self._whole or by_default) and (effect == "reads" or not self._read_only)

    def way_in(self, toolset: str, effect: str) -> str:
        """How a tool of this set and effect that is not offered would be, in words for the user."""
        if self._read_only and effect != "reads":
            return "the server was started with --read-only, and this tool changes or runs something"
        return f"start the server with --toolsets {','.join((*self._names, toolset))} to have it"
