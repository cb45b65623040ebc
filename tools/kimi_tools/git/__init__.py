"""git for the caller: what changed, who changed it when, commits of named paths, branches."""

from kimi_tools.git.blame import git_blame
from kimi_tools.git.branch import git_branch
from kimi_tools.git.commit import git_commit
from kimi_tools.git.diff import git_diff
from kimi_tools.git.log import git_log
from kimi_tools.git.show import git_show
from kimi_tools.git.status import git_status

__all__ = ["git_blame", "git_branch", "git_commit", "git_diff", "git_log", "git_show", "git_status"]
