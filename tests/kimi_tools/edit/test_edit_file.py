"""`edit_file`: what it matches, what it leaves alone byte for byte, and what it says when it refuses."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest

from kimi_tools.edit import edit_file
from kimi_tools.errors import BadArguments, Conflict, TextNotFound, TextNotUnique
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]


@dataclass
class Case:
    """Bytes before, an edit, bytes after (None: refused with `error`), and what the answer must say."""

    before: bytes
    old: str
    new: str
    after: bytes | None = None
    says: tuple[str, ...] = ()
    error: type[Exception] | None = None
    arguments: dict[str, object] = field(default_factory=dict)


CASES = {
    "crlf file, lf needle": Case(
        b"a\r\nb\r\nc\r\nd\r\n", "b\nc\n", "b\nX\nc\n", b"a\r\nb\r\nX\r\nc\r\nd\r\n", ("ignoring line ends",)
    ),
    "crlf file, one-line needle, lines added": Case(b"a\r\nb\r\nc\r\n", "b", "b\nX", b"a\r\nb\r\nX\r\nc\r\n"),
    "lf file, crlf needle": Case(b"a\nb\nc\n", "a\r\nb\r\n", "a\r\nX\r\n", b"a\nX\nc\n"),
    "mixed line ends, only the edited line differs": Case(
        b"a\r\nb\nc\r\nd\r\n", "a\nb\nc\n", "a\nb\nX\n", b"a\r\nb\nX\r\nd\r\n"
    ),
    "cr-only file": Case(b"a\rb\rc\r", "b\nc\n", "b\nX\nc\n", b"a\rb\rX\rc\r"),
    "wrong indentation in the needle": Case(
        b"class A:\n    def f(self):\n        if x:\n            return 1\n",
        "def f(self):\n    if x:\n        return 1\n",
        "def f(self):\n    if x:\n        y()\n        return 2\n    return 3\n",
        b"class A:\n    def f(self):\n        if x:\n            y()\n            return 2\n        return 3\n",
        ("ignoring indentation",),
    ),
    "spaces in the needle, tabs in the file": Case(
        b"func f() {\n\tif x {\n\t\treturn 1\n\t}\n}\n",
        "    if x {\n        return 1\n    }\n",
        "    if x {\n        for y {\n            z()\n        }\n    }\n",
        b"func f() {\n\tif x {\n\t\tfor y {\n\t\t\tz()\n\t\t}\n\t}\n}\n",
        ("ignoring indentation",),
    ),
    "trailing spaces in the file": Case(
        b"a = 1   \nb = 2\nc = 3\n", "a = 1\nb = 2\n", "a = 1\nb = 5\n", b"a = 1   \nb = 5\nc = 3\n"
    ),
    "trailing spaces in the needle": Case(
        b"a = 1\nb = 2\n", "a = 1  \nb = 2", "a = 1\nb = 5", b"a = 1\nb = 5\n"
    ),
    "the next line's indentation at the needle's end is not doubled": Case(
        b"x = 1  \n    y = 2\n", "x = 1\n    ", "x = 1\n    z = 3\n    ", b"x = 1  \n    z = 3\n    y = 2\n"
    ),
    "curly quotes in the file survive in what is not edited": Case(
        "say “hi” – now\nnext\n".encode(),
        'say "hi" - now',
        'say "hello" - now',
        "say “hello” – now\nnext\n".encode(),
        ("look-alike",),
    ),
    "no-break space in the needle": Case(
        b"x = call(1)\n", "x\u00a0= call(1)", "x = call(2)", b"x = call(2)\n"
    ),
    "escaped line break in the needle": Case(
        b"a\nb\nc\n", "a\\nb", "a\\nX", b"a\nX\nc\n", ("reading escapes",)
    ),
    "line numbers copied from read_file": Case(
        b"a\nb\nc\n", " 9  a\n10  b\n", " 9  a\n10  X\n", b"a\nX\nc\n", ("without line numbers",)
    ),
    "hidden character copied as its mark": Case(
        "a\u200bb\n".encode(), "a⟨U+200B⟩b", "ab", b"ab\n", ("hidden characters",)
    ),
    "latin-1 byte elsewhere": Case(b"# caf\xe9\nx = 1\n", "x = 1", "x = 2", b"# caf\xe9\nx = 2\n"),
    "stray byte in utf-8": Case(
        "# naïve ".encode() + b"\xe9\n" + "x = 'ä'\n".encode(),
        "x = 'ä'",
        "x = 'ö'",
        "# naïve ".encode() + b"\xe9\n" + "x = 'ö'\n".encode(),
    ),
    "shift-jis that says so": Case(
        "# coding: shift_jis\n# 表示\nx = 1\n".encode("shift_jis"),
        "x = 1",
        "x = '表'",
        "# coding: shift_jis\n# 表示\nx = '表'\n".encode("shift_jis"),
    ),
    "cp1252": Case(b"# \x93q\x94\nx = 1\n", "x = 1", "x = 2", b"# \x93q\x94\nx = 2\n"),
    "unknown encoding, new letter": Case(
        b"# caf\xe9\nx = 1\n", "x = 1", "x = 'ß'", error=Conflict, says=("ASCII",)
    ),
    "utf-16 with mark": Case("a\r\nb\r\n".encode("utf-16"), "b", "ü", "a\r\nü\r\n".encode("utf-16")),
    "utf-8 mark": Case(b"\xef\xbb\xbfa = 1\nb\n", "a = 1", "a = 2", b"\xef\xbb\xbfa = 2\nb\n"),
    "no final newline": Case(b"a\nb", "b", "c", b"a\nc"),
    "no final newline, needle with one": Case(b"a\nb", "b\n", "c\n", b"a\nc"),
    "form feed and U+2028 are text": Case(
        "a\x0c\nb\u2028c\nd\n".encode(), "d", "e", "a\x0c\nb\u2028c\ne\n".encode()
    ),
    "replacement is literal": Case(b"a\nb\n", "b", "$& \\1 \\g<0> $1 \\n", b"a\n$& \\1 \\g<0> $1 \\n\n"),
    "needle with regular expression characters": Case(b"f(.*)+[a]\n", "f(.*)+[a]", "g", b"g\n"),
    "deleting a line": Case(b"a\nb\nc\n", "b\n", "", b"a\nc\n"),
    "all": Case(
        b"x y x\nx\n", "x", "z", b"z y z\nz\n", ("3 places", "lines 1, 1, 2"), arguments={"all": True}
    ),
    "ambiguous": Case(
        b"x = 1\ny\nx = 1\n", "x = 1", "z", error=TextNotUnique, says=("2 times", "lines 1, 3")
    ),
    "ambiguous by overlap": Case(b"}\n}\n}\n", "}\n}\n", "", error=TextNotUnique, says=("2 times",)),
    "ambiguous on a tolerant rung": Case(
        b"  f(1)  \nq\n\tf(1)  \nq\n", "f(1)\nq", "g", error=TextNotUnique, says=("lines 1, 3",)
    ),
    "typo in the needle": Case(
        b"def alpha():\n    return compute(1, 2)\n\ndef beta():\n    pass\n",
        "def alpha():\n    return comptue(1, 2)\n",
        "x",
        error=TextNotFound,
        says=("lines 1-2", "-    return comptue(1, 2)", "+    return compute(1, 2)"),
    ),
    "edit that was made already": Case(
        b"a\nnew text\n", "old text", "new text", error=TextNotFound, says=("at line 2", "made already")
    ),
    "nothing near": Case(
        b"a\nb\n", "completely_different_text()", "x", error=TextNotFound, says=("Nothing in its 2 lines",)
    ),
    "indentation that contradicts itself is not guessed": Case(
        b"if a:\n        b\n    c\n", "if a:\n  b\n  c\n", "x", error=TextNotFound
    ),
    "introduced syntax error": Case(
        b"def f():\n    return (1)\n",
        "(1)",
        "(1",
        b"def f():\n    return (1\n",
        ("introduced syntax errors", "line 2"),
    ),
    "empty old": Case(b"a\n", "", "x", error=BadArguments, says=("write_file",)),
    "no change": Case(b"a\n", "a", "a", error=BadArguments, says=("same",)),
}


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_its_bytes_and_no_others(name: str, make_workspace: MakeWorkspace) -> None:
    case = CASES[name]
    workspace = make_workspace({"f.py": case.before})
    arguments = {"path": "f.py", "old": case.old, "new": case.new, **case.arguments}
    if case.error:
        with pytest.raises(case.error) as raised:
            anyio.run(edit_file, workspace, arguments)
        answer = str(raised.value)
        expected = case.before
    else:
        answer = anyio.run(edit_file, workspace, arguments).text
        assert case.after is not None
        expected = case.after
    assert (workspace.root / "f.py").read_bytes() == expected
    for words in case.says:
        assert words in answer


def test_the_exec_bit_and_a_symlink_survive(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"bin/run": "#!/bin/sh\necho 1\n"})
    (workspace.root / "bin/run").chmod(0o755)
    (workspace.root / "link").symlink_to("bin/run")
    anyio.run(edit_file, workspace, {"path": "link", "old": "echo 1", "new": "echo 2"})
    assert (workspace.root / "link").is_symlink()
    assert (workspace.root / "bin/run").read_bytes() == b"#!/bin/sh\necho 2\n"
    assert (workspace.root / "bin/run").stat().st_mode & 0o7777 == 0o755


def test_extended_attributes_and_owner_survive(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "one\n"})
    path = workspace.root / "a.txt"
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("the file system of the temporary directory has no extended attributes")
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    owner = path.stat().st_uid
    anyio.run(edit_file, workspace, {"path": "a.txt", "old": "one", "new": "two"})
    assert os.getxattr(path, "user.note") == b"kept"
    assert path.stat().st_uid == owner


def test_a_stale_hash_is_refused_with_the_new_one(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "one\n"})
    with pytest.raises(Conflict, match="changed since it was read"):
        anyio.run(edit_file, workspace, {"path": "a.txt", "old": "one", "new": "two", "hash": "0" * 12})
    assert (workspace.root / "a.txt").read_text() == "one\n"


def test_the_result_shows_hash_place_and_diff(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.txt": "".join(f"{n}\n" for n in range(1, 30))})
    result = anyio.run(edit_file, workspace, {"path": "a.txt", "old": "15\n", "new": "x\ny\n"})
    assert result.text.startswith(f"Edited a.txt (line 15); hash {workspace.read('a.txt').hash}.")
    assert result.text.endswith("@@ -12,7 +12,8 @@\n 12\n 13\n 14\n-15\n+x\n+y\n 16\n 17\n 18")


def test_a_syntax_error_that_was_there_before_is_not_blamed_on_the_edit(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace({"a.py": "x = (1\n\n\ny = 2\n"})
    result = anyio.run(edit_file, workspace, {"path": "a.py", "old": "y = 2", "new": "y = 3"})
    assert "syntax" not in result.text


def test_an_empty_old_text_fills_a_new_or_empty_file_only(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"empty.py": "", "full.py": "x = 1\n"})
    made = anyio.run(edit_file, workspace, {"path": "pkg/new.py", "old": "", "new": "def f(:\n"})
    assert made.text.startswith("Created pkg/new.py (1 lines); hash ")
    assert "introduced syntax errors" in made.text
    assert anyio.run(edit_file, workspace, {"path": "empty.py", "old": "", "new": "x = 1\n"}).text.startswith(
        "Filled empty.py"
    )
    assert workspace.read_bytes("pkg/new.py") == b"def f(:\n"
    assert workspace.read_bytes("empty.py") == b"x = 1\n"
    with pytest.raises(BadArguments, match="only fills an empty or new file"):
        anyio.run(edit_file, workspace, {"path": "full.py", "old": "", "new": "y = 2\n"})
    assert workspace.read_bytes("full.py") == b"x = 1\n"


def test_a_short_replacement_found_elsewhere_is_no_sign_that_the_edit_was_made(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace({"a.py": "total = compute(items)\nx = 2\n"})
    with pytest.raises(TextNotFound, match="Nearest: line 1"):
        anyio.run(edit_file, workspace, {"path": "a.py", "old": "total = compote(items)", "new": "x = 2"})


def test_text_that_is_not_the_same_is_never_called_wholly_alike(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace({"a.py": "".join(f"value_{n} = {n}\n" for n in range(60))})
    old = "".join(f"value_{n} = {n}\n" for n in range(40)) + "value_40 = 4\n"
    with pytest.raises(TextNotFound, match=r"\(99% alike\)"):
        anyio.run(edit_file, workspace, {"path": "a.py", "old": old, "new": "y"})
