"""Reading whole files, through the tool."""

from collections.abc import Callable

import anyio
import pytest

from kimi_tools.errors import PathRefused
from kimi_tools.files import read_file
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def test_a_read_is_numbered_and_says_which_lines_of_how_many(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "one\ntwo\nthree\n"})
    result = anyio.run(read_file, workspace, {"path": "a.py", "start": 2, "count": 1})
    assert result.text.startswith("a.py lines 2-2 of 3, hash ")
    assert result.text.endswith("\n    2  two")


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a\0b", "", "~/x", "link"])
def test_a_path_that_leads_out_is_refused(make_workspace: MakeWorkspace, path: str) -> None:
    workspace = make_workspace({"a.py": ""})
    (workspace.root / "link").symlink_to("/etc/passwd")
    with pytest.raises(PathRefused) if path != "~/x" else pytest.raises(Exception, match="does not exist"):
        anyio.run(read_file, workspace, {"path": path})
