"""Which branches the workshop made itself: commits on these need no leave."""

import json
import os
from typing import cast

from kimi_tools.workspace import Workspace

_NAME = "branches.json"


def made_here(workspace: Workspace) -> set[str]:
    """Names of the branches that `git_branch` made in this workspace."""
    try:
        return set(cast(list[str], json.loads((workspace.state / _NAME).read_text("utf-8"))))
    except (OSError, ValueError):
        return set()


def remember(workspace: Workspace, branch: str) -> None:
    """Note a branch as made by the workshop."""
    workspace.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = workspace.state / f"{_NAME}.{os.getpid()}"
    beside.write_text(json.dumps(sorted(made_here(workspace) | {branch})), "utf-8")
    beside.replace(workspace.state / _NAME)
