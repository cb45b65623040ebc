"""Which files import a file, as far as its names tell."""

from kimi_tools.index import Index
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
    beside = {(m.path, m.line) for m in index.mentions(package) if m.use == "import"}
    found = {
        mention.path
        for mention in index.mentions(module)
        if mention.use == "import"
        and (not package or (mention.path, mention.line) in beside or parent(mention.path) == parent(path))
    }
    names = [d.name for d in index.outline(path) or [] if "." not in d.qualified and len(d.name) > 2]
    for name in names[:MAX_NAMES]:
        mentions = index.mentions(name)
        if {m.path for m in mentions if m.use == "definition"} <= {path}:
            found.update(m.path for m in mentions if m.use == "import")
    return found - {path}
