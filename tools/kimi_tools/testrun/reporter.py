"""Putting our reporters where a runner can load them."""

from importlib import resources
from pathlib import Path


def place(name: str, scratch: Path) -> Path:
    """Copy one file of `injected/` into the scratch directory; returns where it is."""
    target = scratch / name
    source = resources.files("kimi_tools.testrun.injected").joinpath(name)
    target.write_bytes(source.read_bytes())
    return target
