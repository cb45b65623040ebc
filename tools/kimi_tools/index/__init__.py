"""Where everything in a workspace is defined and mentioned: an index on disk that is never out of date.

What is kept is keyed by content, so branches, worktrees and copies share it and several processes may build
and read it at once. Every question first looks at the files' times; what changed is read again before it is
answered, and while the first build runs, the files that matter to a question are read ahead of the rest.
"""

from kimi_tools.index.coverage import Coverage
from kimi_tools.index.live import Index, index_of
from kimi_tools.store.database import Mention, Symbol

__all__ = ["Coverage", "Index", "Mention", "Symbol", "index_of"]
