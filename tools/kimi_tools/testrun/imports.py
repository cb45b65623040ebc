"""Which files import a file, as far as its names tell."""

from kimi_tools.index import Index
from kimi_tools.syntax import unpack
from kimi_tools.testrun.tree import parent

MAX_NAMES = 150
"""So many of a file's names are looked for."""


_UNNAMED = ("__init__", "index", "mod")
"""Files that bear their folder's name."""


def importers(index: Index, path: str) -> set[str]:
    """The files that import a file: by its module's name, or by a name that only it defines.

    A module's name counts where that of its package stands on the same line, or in its own folder.
    """
    parts = [part for part in path.rpartition(".")[0].split("/") if part not in _UNNAMED]
    package, module = ["", "", *parts][-2:]
    beside = index.mentioning(package) if package else {}
    found: set[str] = set()
    for other, packed in index.mentioning(module).items():
        lines = _imports(packed)
        if lines and (
            not package
            or parent(other) == parent(path)
            or (other in beside and lines & _imports(beside[other]))
        ):
            found.add(other)
    names = [d.name for d in index.outline(path) or [] if "." not in d.qualified and len(d.name) > 2]
    for name in names[:MAX_NAMES]:
        if all(symbol.path == path for symbol in index.symbols(name)):
            found.update(other for other, packed in index.mentioning(name).items() if _imports(packed))
    return found - {path}


def _imports(packed: bytes) -> set[int]:
    """The lines on which a name is imported."""
    return {line for line, use in unpack(packed) if use == "import"}
