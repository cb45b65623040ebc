"""git, run so that nothing in a repository that we did not make can run a program or lead elsewhere.

Everything that the workshop does with git goes through `Repository`.
"""

from kimi_tools.gitcommand.place import find as find_place
from kimi_tools.gitcommand.repository import Repository, fields
from kimi_tools.gitcommand.states import remarks, states

__all__ = ["Repository", "fields", "find_place", "remarks", "states"]
