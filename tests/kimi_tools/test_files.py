"""Reading and writing whole files, through the tools."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from kimi_tools.clip import weight
from kimi_tools.errors import BadArguments, Conflict, NotFound, PathRefused
from kimi_tools.files import FileText, read_file, write_file
from kimi_tools.tool import Result
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


def read(workspace: Workspace, path: str, **arguments: Any) -> Result:
    return anyio.run(read_file, workspace, {"path": path, **arguments})


def write(workspace: Workspace, path: str, content: str, **arguments: Any) -> Result:
    return anyio.run(write_file, workspace, {"path": path, "content": content, **arguments})


def test_a_read_is_numbered_and_says_which_lines_of_how_many(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "one\ntwo\nthree\n"})
    text = read(workspace, "a.py", start=2, count=1).text
    assert text.startswith("a.py lines 2-2 of 3, hash ")
    assert text.endswith("\n2  two\n[lines 2-2 of 3; continue with start=3]")


def test_pages_of_a_long_file_join_to_the_whole(make_workspace: MakeWorkspace) -> None:
    lines = [f'line {number} "quoted" \\ text' for number in range(1, 1500)]
    workspace = make_workspace({"a.txt": "\n".join(lines)})
    start, found = 1, list[str]()
    while True:
        result = read(workspace, "a.txt", start=start, count=5000)
        assert isinstance(result.data, FileText)
        assert weight(result.text) <= workspace.result_chars
        found += result.data.text.split("\n")
        if result.data.last == result.data.total:
            break
        assert f"continue with start={result.data.last + 1}]" in result.text
        start = result.data.last + 1
    assert found == lines


def test_a_symbol_gives_its_lines_with_decorators(make_workspace: MakeWorkspace) -> None:
    source = "class A:\n    def f(self): ...\n\n    @property\n    def g(self):\n        return 1\n\n\ndef f(): ...\n"
    workspace = make_workspace({"a.py": source})
    text = read(workspace, "a.py", symbol="A.g").text
    assert text.startswith("a.py method A.g lines 4-6 of 9, hash ")
    assert text.endswith("4      @property\n5      def g(self):\n6          return 1")
    assert "lines 9-9" in read(workspace, "a.py", symbol="f").text
    assert "lines 4-6" in read(workspace, "a.py", symbol="g").text
    with pytest.raises(NotFound, match=r"not defined.*A\.g"):
        read(workspace, "a.py", symbol="A.gg")


def test_a_symbol_defined_twice_is_refused_with_both_places(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "class A:\n    def f(self): ...\nclass B:\n    def f(self): ...\n"})
    with pytest.raises(BadArguments, match=r"A\.f \(start=2\), B\.f \(start=4\)"):
        read(workspace, "a.py", symbol="f")


def test_one_huge_line_is_cut_and_says_so(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.json": "[" + "1," * 50_000 + "1]\n"})
    text = read(workspace, "a.json").text
    assert weight(text) <= workspace.result_chars
    assert "more characters]" in text


def test_a_directory_gives_its_entries(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"src/a.py": "x\n", "src/b/c.py": "y\n"})
    assert read(workspace, "src").text == "src/ holds 2 entries\na.py  2 B\nb/"


def test_hidden_code_points_are_marked_in_the_text_and_exact_in_the_data(
    make_workspace: MakeWorkspace,
) -> None:
    line = "a\u202eb\u200bc\U000e0041\x1b[0m"
    result = read(make_workspace({"a": line + "\n"}), "a")
    assert "a⟨U+202E⟩b⟨U+200B⟩c⟨U+E0041⟩⟨U+001B⟩[0m" in result.text
    assert isinstance(result.data, FileText)
    assert result.data.text == line


def test_what_is_unusual_about_the_bytes_is_said(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "x\r\ny".encode("utf-16"), "b": b"caf\xe9\n", "c": ""})
    assert "(utf-16-le with BOM, CRLF, no final newline)" in read(workspace, "a").text
    assert "(latin-1)" in read(workspace, "b").text
    assert read(workspace, "c").text.startswith("c is empty, hash ")


def test_binary_files_say_what_they_are(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.png": b"\x89PNG\r\n\x1a\n\0\0", "b": b"a\0b"})
    with pytest.raises(PathRefused, match="a PNG image"):
        read(workspace, "a.png")
    with pytest.raises(PathRefused, match="binary"):
        read(workspace, "b")


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a\0b", "", " ", "link", "up/x", "n" * 5000, "file:///etc/passwd", "~/.ssh/id_rsa",
     "$HOME/x", "fifo", "socket"],
)  # fmt: skip
def test_a_path_that_leads_out_or_is_no_file_is_refused(make_workspace: MakeWorkspace, path: str) -> None:
    workspace = make_workspace({"a.py": ""})
    (workspace.root / "link").symlink_to("/etc/passwd")
    (workspace.root / "up").symlink_to("..")
    os.mkfifo(workspace.root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(workspace.root)  # socket addresses are short
        server.bind("socket")
        os.chdir(here)
        with pytest.raises((PathRefused, NotFound)):
            read(workspace, path)
        names_nothing_outside = path.startswith(("~", "$", "file:"))  # plain names here, never expanded
        if not names_nothing_outside:
            with pytest.raises((PathRefused, NotFound)):
                write(workspace, path, "x")


def test_a_device_is_refused(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": ""})
    try:
        os.mknod(workspace.root / "zero", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes device nodes")
    with pytest.raises(PathRefused, match="device"):
        read(workspace, "zero")


def test_the_root_may_be_named_in_any_spelling(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").write_text("x\n")
    (tmp_path / "alias").symlink_to("real")
    workspace = Workspace(tmp_path / "alias", state=tmp_path / "state")
    for path in (tmp_path / "alias/a", tmp_path / "real/a"):
        assert read(workspace, str(path)).text.startswith("a lines 1-1")
    workspace.close()


def test_a_new_file_is_made_with_its_folders(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": ""})
    result = write(workspace, "x/y/new.py", "one\n")
    assert result.text.startswith("Created x/y/new.py (1 lines); hash ")
    path = workspace.root / "x/y/new.py"
    assert path.read_bytes() == b"one\n"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_an_existing_file_is_overwritten_only_with_its_hash(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "one\n"})
    current = workspace.read("a").hash
    with pytest.raises(Conflict, match=f"exists already.*hash={current}"):
        write(workspace, "a", "two\n")
    with pytest.raises(Conflict, match="changed since"):
        write(workspace, "a", "two\n", hash="0" * 12)
    assert "-one\n+two" in write(workspace, "a", "two\n", hash=current).text
    assert (workspace.root / "a").read_bytes() == b"two\n"


def test_an_overwritten_file_keeps_encoding_mark_line_ends_and_mode(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": b"\xef\xbb\xbfone\r\ntwo\r\n", "b": "é\n".encode("utf-16")})
    (workspace.root / "a").chmod(0o750)
    write(workspace, "a", "1\n2\n", hash=workspace.read("a").hash)
    write(workspace, "b", "ü\n", hash=workspace.read("b").hash)
    assert (workspace.root / "a").read_bytes() == b"\xef\xbb\xbf1\r\n2\r\n"
    assert (workspace.root / "a").stat().st_mode & 0o777 == 0o750
    assert (workspace.root / "b").read_bytes() == "ü\n".encode("utf-16")


def test_writing_what_is_there_already_is_said(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a": "one\n"})
    with pytest.raises(BadArguments, match="exactly that"):
        write(workspace, "a", "one\n", hash=workspace.read("a").hash)
