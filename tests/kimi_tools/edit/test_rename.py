"""Renaming a symbol across files."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from kimi_tools.edit import rename_symbol, undo
from kimi_tools.errors import BadArguments, Conflict, NotFound
from kimi_tools.tool import Result
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

FILES: dict[str, str | bytes] = {
    "money.py": "def total(things):\n    '''The total.'''\n    return sum(things)\n",
    "shop.py": (
        "from money import total\n\n\nclass Cart:\n    def price(self):\n        # total of all\n"
        "        return total(self.things) + self.add(0) + len(f'{total(1)}')\n\n    def add(self, x): ...\n"
    ),
    "other.py": "class Box:\n    def add(self, x): ...\n\n\nBox().add(Cart().add(1))\n",
    "crlf.py": b"import money\r\nx = money.total([1])\r\n# caf\xe9\r\n",
    "page.ts": "export function render() { return total(); }\n",
    "README.md": "Call `total`.\n",
}


def rename(workspace: Workspace, **arguments: Any) -> Result:
    return anyio.run(rename_symbol, workspace, arguments)


def test_a_function_is_renamed_in_code_everywhere_and_nowhere_else(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(FILES)
    result = rename(workspace, name="total", new_name="grand_total")
    read = {path: (workspace.root / path).read_bytes() for path in FILES}
    assert read["money.py"] == b"def grand_total(things):\n    '''The total.'''\n    return sum(things)\n"
    assert b"return grand_total(self.things) + self.add(0) + len(f'{grand_total(1)}')" in read["shop.py"]
    assert b"# total of all" in read["shop.py"]
    assert read["crlf.py"] == b"import money\r\nx = money.grand_total([1])\r\n# caf\xe9\r\n"
    assert read["page.ts"] == b"export function render() { return total(); }\n"
    assert result.text.splitlines() == [
        "Renamed 'total' to 'grand_total' on 4 lines in 3 files.",
        "  crlf.py: 2",
        "  money.py: 1",
        "  shop.py: 1, 7",
        "Left alone, uses that may mean something else (1): page.ts:1",
        "Left alone, strings, comments and documents (3): README.md:1, money.py:2, shop.py:6",
    ]


def test_a_rename_is_one_step_that_is_undone(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(FILES)
    rename(workspace, name="total", new_name="grand_total")
    anyio.run(undo, workspace, {})
    assert {path: (workspace.root / path).read_bytes() for path in FILES} == {
        path: content if isinstance(content, bytes) else content.encode() for path, content in FILES.items()
    }


def test_a_method_that_another_class_has_too_is_renamed_only_where_it_is_certain(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kimi_tools.lsp.servers.KNOWN", ())
    workspace = make_workspace(FILES)
    result = rename(workspace, name="Cart.add", new_name="put")
    assert b"self.put(0)" in (workspace.root / "shop.py").read_bytes()
    assert b"def put(self, x)" in (workspace.root / "shop.py").read_bytes()
    assert (workspace.root / "other.py").read_bytes() == str(FILES["other.py"]).encode()
    assert "may mean something else (2): other.py:2, other.py:5" in result.text


def test_a_language_server_tells_which_uses_a_method_has(make_workspace: MakeWorkspace) -> None:
    use = "from other import Box\nfrom shop import Cart\n\nBox().add(1)\nCart().add(2)\n"
    workspace = make_workspace({**FILES, "use.py": use})
    result = rename(workspace, name="Cart.add", new_name="put")
    assert (workspace.root / "use.py").read_text() == use.replace("Cart().add", "Cart().put")
    assert "use.py: 5" in result.text


def test_a_preview_changes_nothing(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(FILES)
    assert rename(workspace, name="total", new_name="sum_up", preview=True).text.startswith("Would rename")
    assert (workspace.root / "money.py").read_bytes() == str(FILES["money.py"]).encode()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"name": "add", "new_name": "put"}, BadArguments, "Box.add in other.py, Cart.add in shop.py"),
        ({"name": "Cart.add", "new_name": "price"}, Conflict, "'Cart.price' is defined already in shop.py:5"),
        ({"name": "totle", "new_name": "x1"}, NotFound, "Did you mean total in money.py"),
        ({"name": "total", "new_name": "not a name"}, BadArguments, "is no name"),
        ({"name": "total", "new_name": "class"}, BadArguments, "is no name"),
        ({"name": "total", "new_name": "total"}, BadArguments, "already"),
    ],
)
def test_a_rename_that_cannot_be_right_is_refused(
    make_workspace: MakeWorkspace, arguments: dict[str, Any], error: type[Exception], says: str
) -> None:
    workspace = make_workspace(FILES)
    with pytest.raises(error, match=says.replace(".", r"\.")):
        rename(workspace, **arguments)


def test_the_path_chooses_between_definitions(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        {"a.py": "def f(): ...\nf()\n", "b.py": "def f(): ...\nf()\n", "c.py": "f()\n"}
    )
    result = rename(workspace, name="f", new_name="g", path="a.py")
    assert (workspace.root / "a.py").read_text() == "def g(): ...\ng()\n"
    assert (workspace.root / "b.py").read_text() == "def f(): ...\nf()\n"
    assert "c.py:1" in result.text


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (
            "a.ts",
            "class A { old() { return this.old(); } }\n",
            "class A { new1() { return this.new1(); } }\n",
        ),
        (
            "a.go",
            "package a\nfunc old() {}\nfunc b() { old() }\n",
            "package a\nfunc new1() {}\nfunc b() { new1() }\n",
        ),
        ("a.rs", "fn old() {}\nfn b() { old(); }\n", "fn new1() {}\nfn b() { new1(); }\n"),
        (
            "a.c",
            "int old(int);\nint old(int a) { return old(a); }\n",
            "int new1(int);\nint new1(int a) { return new1(a); }\n",
        ),
    ],
)
def test_other_languages_are_renamed_too(
    make_workspace: MakeWorkspace, path: str, before: str, after: str
) -> None:
    workspace = make_workspace({path: before})
    rename(workspace, name="old", new_name="new1")
    assert (workspace.root / path).read_text() == after
