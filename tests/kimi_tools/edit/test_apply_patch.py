"""`apply_patch`: both forms, drifted and damaged patches, all or nothing."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kimi_tools.edit import apply_patch, undo
from kimi_tools.errors import (
    BadArguments,
    Conflict,
    NotFound,
    PathRefused,
    TextNotFound,
    TextNotUnique,
    ToolError,
)
from kimi_tools.workspace import Workspace
from tests.conftest import git

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

TEN = "".join(f"line {number}\n" for number in range(1, 11))
X3 = TEN.replace("line 3", "X")


def patch(workspace: Workspace, text: str) -> str:
    return anyio.run(apply_patch, workspace, {"patch": text}).text


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def test_gits_own_diff_of_everything_gives_the_same_tree(make_workspace: MakeWorkspace) -> None:
    before: dict[str, str | bytes] = {
        "keep.py": TEN,
        "gone.txt": "bye\n",
        "old name.py": TEN + "more\n",
        "run.sh": "#!/bin/sh\n",
        "crlf.txt": b"a\r\nb\r\nc\r\n",
        "noeol.txt": b"a\nb",
        "mixed.txt": b"a\r\nb\nc\r\n" * 5,
        "ünïcode\t.txt": "x\n",
        "empty.txt": "",
        "latin.txt": b"caf\xe9\nx\n",
    }
    workspace = make_workspace(before)
    root = workspace.root
    (root / "keep.py").write_text(TEN.replace("line 2", "LINE 2").replace("line 9\n", "line 9\nadded\n"))
    (root / "gone.txt").unlink()
    (root / "old name.py").rename(root / "new.py")
    (root / "new.py").write_text(TEN + "changed\n")
    (root / "run.sh").chmod(0o755)
    (root / "crlf.txt").write_bytes(b"a\r\nB\r\nc\r\nd\n")
    (root / "noeol.txt").write_bytes(b"a\nb\nc")
    (root / "mixed.txt").write_bytes(b"a\r\nb\nc\r\n" * 2 + b"x\ny\r\n" + b"a\r\nb\nc\r\n" * 3)
    (root / "ünïcode\t.txt").write_text("y")
    (root / "empty.txt").unlink()
    (root / "dir").mkdir()
    (root / "dir/made.sh").write_text("new\n")
    (root / "dir/made.sh").chmod(0o755)
    (root / "dir/nothing").write_text("")
    git(root, "add", "-A")
    git(root, "diff", "--cached", "-M", f"--output={root.parent / 'diff'}")
    diff = (root.parent / "diff").read_bytes().decode("utf-8", "surrogateescape")
    after = files_of(root)
    git(root, "reset", "-q", "--hard")
    git(root, "clean", "-fdq")
    text = patch(workspace, diff)
    assert files_of(root) == after
    assert (root / "run.sh").stat().st_mode & 0o111
    assert (root / "dir/made.sh").stat().st_mode & 0o111
    assert "R old name.py -> new.py +1 -1 hash" in text
    assert "D gone.txt +0 -1" in text
    anyio.run(undo, workspace, {})
    assert files_of(root) == {
        name: text if isinstance(text, bytes) else text.encode() for name, text in before.items()
    }


def test_both_forms_do_the_same(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {
            "a.py": "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 1\n",
            "b": "x\n",
        }
    )
    text = patch(
        workspace,
        """*** Begin Patch
*** Update File: a.py
*** Move to: src/c.py
@@ class A:
@@     def g(self):
-        return 1
+        return 2
*** Add File: d.py
+one
+two
*** Delete File: b
*** End Patch
""",
    )
    assert text.startswith("Patched 3 files:\n")
    assert files_of(workspace.root) == {
        "src/c.py": b"class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n",
        "d.py": b"one\ntwo\n",
    }


def test_drifted_hunks_are_found_and_the_distance_is_said(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "new 1\nnew 2\n" + TEN})
    text = patch(workspace, "--- a/a\n+++ b/a\n@@ -2,3 +2,3 @@\n line 2\n-line 3\n+LINE 3\n line 4\n")
    assert "2 lines lower" in text
    assert (workspace.root / "a").read_text() == "new 1\nnew 2\n" + TEN.replace("line 3", "LINE 3")


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("wrong numbers", "@@ -400,9 +1,1 @@\n line 2\n-line 3\n+X\n line 4\n", X3),
        ("no numbers", "@@\n line 2\n-line 3\n+X\n line 4\n", X3),
        ("dots for numbers", "@@ ... @@\n-line 3\n+X\n", X3),
        ("one kept line changed meanwhile", "@@ -1,4 +1,4 @@\n other\n line 2\n-line 3\n+X\n line 4\n", X3),
        ("trailing spaces", "@@ -2,2 +2,2 @@\n line 2  \n-line 3 \n+X\n", X3),
        ("nothing but added lines", "@@ -3,0 +4,1 @@\n+X\n", TEN.replace("line 3\n", "line 3\nX\n")),
        ("in a fence", "@@ -3 +3 @@\n-line 3\n+X\n", X3),
        ("two hunks, the second first", "@@ -9 +9 @@\n-line 9\n+Y\n@@ -3 +3 @@\n-line 3\n+X\n",
         X3.replace("line 9", "Y")),
        ("removed line that looks like a header", "@@ -10 +10,2 @@\n line 10\n+++ x\n", TEN + "++ x\n"),
    ],
)  # fmt: skip
def test_what_models_get_wrong_is_bridged(
    make_workspace: MakeWorkspace, name: str, text: str, after: str
) -> None:
    workspace = make_workspace({"a": TEN})
    whole = f"--- a/a\n+++ b/a\n{text}"
    patch(workspace, f"```diff\n{whole}```\n" if "fence" in name else whole)
    assert (workspace.root / "a").read_text() == after


def test_indentation_that_is_off_is_corrected_in_the_added_lines(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "class A:\n\tdef f(self):\n\t\treturn 1\n"})
    text = patch(
        workspace, "*** Update File: a.py\n@@\n def f(self):\n-    return 1\n+    if x:\n+        return 2\n"
    )
    assert (workspace.root / "a.py").read_bytes() == b"class A:\n\tdef f(self):\n\t\tif x:\n\t\t\treturn 2\n"
    assert "indentation ignored" in text


def test_a_patch_with_lf_keeps_a_crlf_file_crlf(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": TEN.replace("\n", "\r\n").encode()})
    patch(workspace, "--- a/a\n+++ b/a\n@@ -2,3 +2,4 @@\n line 2\n-line 3\n+X\n+Y\n line 4\n")
    assert (workspace.root / "a").read_bytes() == TEN.replace("line 3", "X\nY").replace("\n", "\r\n").encode()


def test_a_patch_that_came_with_crlf_keeps_an_lf_file_lf(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": TEN})
    text = "--- a/a\n+++ b/a\n@@ -2,3 +2,3 @@\n line 2\n-line 3\n+X\n line 4\n"
    text += "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n"
    patch(workspace, text.replace("\n", "\r\n"))
    assert files_of(workspace.root) == {"a": X3.encode(), "n": b"n\n"}


def test_a_missing_final_line_end_stays_missing(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": b"1\n2\n3", "b": b"1\n2\n3"})
    patch(
        workspace, "--- a/a\n+++ b/a\n@@ -2,2 +2,2 @@\n 2\n-3\n+X\n--- a/b\n+++ b/b\n@@ -3 +3,2 @@\n 3\n+4\n"
    )
    assert files_of(workspace.root) == {"a": b"1\n2\nX", "b": b"1\n2\n3\n4"}


BAD = {
    "hunk that fits nowhere": ("@@ -3,2 +3,2 @@\n line 3\n-line four\n+X\n", TextNotFound,
        ("-line four", "+line 4", "@@ -3,2 +3,2 @@")),
    "hunk that fits twice": ("@@ -30 +30 @@\n-same\n+X\n", TextNotUnique, ("2 places", "lines 11, 12")),
    "hunk that is applied already": ("@@ -3,2 +3,2 @@\n line 3\n-line 3.5\n+line 4\n", TextNotFound,
        ("line 3 already",)),
    "hunk without lines": ("@@ -3,2 +3,2 @@\n", BadArguments, ("has no lines",)),
    "line that is none": ("@@ -3,2 +3,2 @@\n line 3\n*line 4\n", BadArguments, ("Line 5", "begins with none")),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_bad_hunk_leaves_every_file_alone(make_workspace: MakeWorkspace, name: str) -> None:
    hunk, error, says = BAD[name]
    workspace = make_workspace({"a": TEN + "same\nsame\n", "b": "x\n"})
    before = files_of(workspace.root)
    good = "--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n"
    for text in (f"{good}--- a/a\n+++ b/a\n{hunk}", f"--- a/a\n+++ b/a\n{hunk}{good}"):
        with pytest.raises(error) as raised:
            patch(workspace, text)
        if text.startswith("--- a/a"):
            assert all(words in str(raised.value) for words in says)
        assert files_of(workspace.root) == before


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing here", BadArguments),
        ("", BadArguments),
        ("@@ -1 +1 @@\n-x\n+y\n", BadArguments),
        ("--- a/../../x\n+++ b/../../x\n@@ -0,0 +1 @@\n+y\n", PathRefused),
        ("--- /dev/null\n+++ /etc/kimi-test\n@@ -0,0 +1 @@\n+y\n", PathRefused),
        ("--- /dev/null\n+++ b/.git/hooks/pre-commit\n@@ -0,0 +1 @@\n+y\n", PathRefused),
        ("--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+y\n", Conflict),
        ("--- a/missing\n+++ b/missing\n@@ -1 +1 @@\n-x\n+y\n", NotFound),
        ("--- a/a\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-line 1\n-line 2\n", Conflict),
        ("diff --git a/a b/b\nrename from a\nrename to b\n", Conflict),
        ("diff --git a/i.png b/i.png\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZ\n", BadArguments),
        ("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n",
         BadArguments),
        ("diff --git a/link b/link\ndeleted file mode 100644\n", PathRefused),
        ("*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\n", Conflict),
        ("*** Begin Patch\n*** Update File: a\n*** End Patch\n", BadArguments),
        ("*** Begin Patch\n*** Update File: a\n@@ no such line\n+x\n*** End Patch\n", TextNotFound),
        ("*** Begin Patch\nnonsense\n*** End Patch\n", BadArguments),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused_with_a_reason(
    make_workspace: MakeWorkspace, text: str, error: type[ToolError]
) -> None:
    workspace = make_workspace({"a": TEN, "b": "x\n", "empty": ""})
    (workspace.root / "link").symlink_to("empty")
    before = files_of(workspace.root)
    with pytest.raises(error):
        patch(workspace, text)
    assert files_of(workspace.root) == before


def test_one_file_twice_in_a_patch_takes_both_parts(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": TEN})
    patch(workspace, "--- a/a\n+++ b/a\n@@ -3 +3 @@\n-line 3\n+X\n--- a/a\n+++ b/a\n@@ -3 +3 @@\n-X\n+Y\n")
    assert (workspace.root / "a").read_text() == TEN.replace("line 3", "Y")


def test_an_introduced_syntax_error_is_told(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "x = (1)\n"})
    assert "introduced syntax error, line 1" in patch(
        workspace, "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = (1)\n+x = (1\n"
    )
