"""One repository root, and the one door to every path in it.

Tools name files by paths relative to the root, with `/`. A name is first checked as text (`relative`), then
opened by the kernel from the root's own descriptor (`kimi_tools.workspace.door`), so that no symlink, race or
trick of spelling leads out. Nothing else in the workshop opens files of the workspace.
"""

from kimi_tools.workspace.content import Content, Stale
from kimi_tools.workspace.root import Entry, Workspace

__all__ = ["Content", "Entry", "Stale", "Workspace"]
