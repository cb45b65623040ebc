"""The symbol tools, on small real repositories."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from kimi_tools import symbols
from kimi_tools.errors import BadArguments, NotFound, PathRefused
from kimi_tools.tool import Result, Tool
from kimi_tools.workspace import Workspace

MakeWorkspace = Callable[[dict[str, str | bytes]], Workspace]

SHOP: dict[str, str | bytes] = {
    "shop/__init__.py": "from shop.cart import Cart\n",
    "shop/cart.py": (
        "from shop.money import total\n\n\nclass Cart:\n    '''Things to buy.'''\n\n"
        "    def add(self, thing):\n        self.things.append(thing)\n\n"
        "    def price(self):\n        return total(self.things)\n"
    ),
    "shop/money.py": "def total(things):\n    return sum(things)\n\n\ndef tax(things):\n    return total(things) / 5\n",
    "shop/basket.py": "class Basket:\n    def add(self, thing): ...\n    def total(self): ...\n",
    "tests/test_cart.py": (
        "from shop import Cart\n\n\ndef test_price():\n    cart = Cart()\n    cart.add(2)\n"
        "    # total in a comment\n    assert cart.price() == 2, 'total'\n"
    ),
    "web/app.ts": "import { total } from './money';\nexport class Page { render() { return total([]); } }\n",
    "web/money.ts": "export function total(things: number[]): number { return 0; }\n",
    "build/made.py": "def total(): ...\n",
    ".gitignore": "build/\n",
    "data.json": '{"name": 1}\n',
}


def call(tool: Tool, workspace: Workspace, **arguments: Any) -> Result:
    return anyio.run(tool, workspace, arguments)


@pytest.fixture
def shop(make_workspace: MakeWorkspace) -> Workspace:
    return make_workspace(SHOP)


def places(result: Result) -> list[str]:
    return [
        f"{item['path']}:{item['first_line']} {item['qualified']}"
        for item in result.data.model_dump()["symbols"]
    ]


def test_a_symbol_is_found_with_its_code(shop: Workspace) -> None:
    result = call(symbols.find_symbol, shop, name="Cart")
    first, *rest = result.text.splitlines()
    assert first == "1 definition of 'Cart': exact name (syntactic index, complete)"
    assert rest[0] == "shop/cart.py:4-11 class Cart"
    assert rest[1] == " 4  class Cart:"
    assert rest[-1] == "11          return total(self.things)"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Cart.add", ["shop/cart.py:7 Cart.add"]),
        ("Cart::add", ["shop/cart.py:7 Cart.add"]),
        ("shop.cart.Cart", ["shop/cart.py:4 Cart"]),
        ("shop.Cart", ["shop/cart.py:4 Cart"]),
        ("shop.cart.Cart.price", ["shop/cart.py:10 Cart.price"]),
        ("add", ["shop/basket.py:2 Basket.add", "shop/cart.py:7 Cart.add"]),
        ("tot*", ["shop/money.py:1 total", "web/money.ts:1 total", "shop/basket.py:3 Basket.total"]),
        ("CART", ["shop/cart.py:4 Cart"]),
        ("Crat", ["shop/cart.py:4 Cart"]),
        ("baskt", ["shop/basket.py:1 Basket"]),
        ("test_pric", ["tests/test_cart.py:4 test_price"]),
    ],
)
def test_a_name_may_be_qualified_partial_or_misspelt(shop: Workspace, name: str, found: list[str]) -> None:
    assert places(call(symbols.find_symbol, shop, name=name))[: len(found)] == found


def test_the_name_that_was_meant_comes_before_others_that_only_start_so(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace(
        {"a.py": "class QuerySet: ...\n", "b.py": "class QueryStringTests: ...\nclass QueryString: ...\n"}
    )
    result = call(symbols.find_symbol, workspace, name="QuerySt")
    assert places(result) == ["a.py:1 QuerySet", "b.py:1 QueryStringTests", "b.py:2 QueryString"]
    assert "nearly the same name, then names that start so" in result.text


def test_a_misspelt_name_is_looked_for_in_the_whole_repository_from_the_first_call_on(
    make_workspace: MakeWorkspace,
) -> None:
    body = "".join(f"def work_{n}(value):\n    return value + {n}\n\n\n" for n in range(60))
    files: dict[str, str | bytes] = {f"p/m{n:03}.py": body.replace("work", f"work{n}") for n in range(300)}
    workspace = make_workspace(
        {**files, "p/zz.py": "class QuerySet: ...\n", "a.py": "class QueryString: ...\n"}
    )
    result = call(symbols.find_symbol, workspace, name="QuerySt")
    assert places(result) == ["p/zz.py:1 QuerySet", "a.py:1 QueryString"]
    assert result.data.model_dump()["complete"]


def test_a_search_is_narrowed_by_path_and_kind(shop: Workspace) -> None:
    assert places(call(symbols.find_symbol, shop, name="total", path="web")) == ["web/money.ts:1 total"]
    assert places(call(symbols.find_symbol, shop, name="total", kind="method")) == [
        "shop/basket.py:3 Basket.total"
    ]


def test_an_ignored_file_is_not_in_the_index(shop: Workspace) -> None:
    assert not any("build/" in place for place in places(call(symbols.find_symbol, shop, name="total")))


def test_nothing_found_says_what_was_searched_and_what_to_do(shop: Workspace) -> None:
    result = call(symbols.find_symbol, shop, name="zzzzqqq")
    assert result.text.startswith("No definition of 'zzzzqqq' (syntactic index, complete, ")
    assert "search_text" in result.text
    elsewhere = call(symbols.find_symbol, shop, name="Page", path="shop")
    assert "Without path and kind there are 1 (exact name), the first in web/app.ts:2." in elsewhere.text


def test_an_empty_name_is_refused(shop: Workspace) -> None:
    for tool in (symbols.find_symbol, symbols.find_references):
        with pytest.raises(BadArguments, match="holds no name"):
            call(tool, shop, name=" . ")


def test_references_are_certain_where_the_name_can_mean_nothing_else(shop: Workspace) -> None:
    result = call(symbols.find_references, shop, name="Cart")
    assert result.text.splitlines()[0] == (
        "'Cart': 1 definition, 2 imports, 1 call in 3 files; 4 certain, 0 likely (syntactic index, complete)"
    )
    assert (
        "tests/test_cart.py\n  1 import: from shop import Cart\n  5 call in test_price: cart = Cart()"
        in result.text
    )


def test_a_language_server_tells_which_of_several_meanings_is_used(shop: Workspace) -> None:
    text = call(symbols.find_references, shop, name="Cart.add").text
    assert text.splitlines()[0].endswith("2 certain, 1 likely (semantic (ty) and syntactic index, complete)")
    assert "tests/test_cart.py\n  6 call in test_price: cart.add(2)" in text
    (shop.root / "tests/test_cart.py").write_text("from shop import Cart\n\nCart().add(3)\n")
    text = call(symbols.find_references, shop, name="Cart.add").text
    assert "tests/test_cart.py\n  3 call: Cart().add(3)" in text


def test_without_a_language_server_a_name_with_several_meanings_is_only_likely(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kimi_tools.lsp.servers.KNOWN", ())
    text = call(symbols.find_references, shop, name="Cart.add").text
    assert text.splitlines()[0].endswith("1 certain, 2 likely (syntactic index, complete)")
    assert "shop/cart.py\n  7 definition in Cart: def add(self, thing):" in text
    assert "tests/test_cart.py (likely)\n  6 call in test_price: cart.add(2)" in text
    assert "shop/basket.py (likely)" in text


def test_names_in_strings_and_comments_are_no_references_but_are_told(shop: Workspace) -> None:
    text = call(symbols.find_references, shop, name="total", path="tests").text
    assert text.splitlines() == [
        "No use of 'total' in code (syntactic index, complete); "
        "2 lines of text hold the word (strings, comments, documents):",
        "  tests/test_cart.py:7: # total in a comment",
        "  tests/test_cart.py:8: assert cart.price() == 2, 'total'",
    ]
    none = call(symbols.find_references, shop, name="zzqq").text
    assert none == "No use of 'zzqq' in code (syntactic index, complete), and no text holds the word."


def test_the_outline_of_a_file_is_nested_with_line_ranges(shop: Workspace) -> None:
    lines = call(symbols.outline, shop, path="shop/cart.py").text.splitlines()
    assert lines == [
        "shop/cart.py: python, 11 lines, 3 definitions",
        "       4-11 class Cart  # Things to buy.",
        "        7-8   def add(self, thing)",
        "      10-11   def price(self)",
    ]


def test_the_outline_of_a_directory_names_what_each_file_defines(shop: Workspace) -> None:
    text = call(symbols.outline, shop, path="shop").text
    assert text.splitlines()[0] == "shop/: 4 files with code, 4 top-level definitions"
    assert "shop/cart.py: Cart (class)" in text or "shop/cart.py: Cart" in text
    assert "shop/money.py: total, tax" in text


def test_a_data_file_has_an_outline_too(shop: Workspace) -> None:
    assert "name" in call(symbols.outline, shop, path="data.json").text


def test_the_outline_of_a_large_file_is_of_what_it_holds_now(make_workspace: MakeWorkspace) -> None:
    rules = "".join(f".a{number} {{ color: red; }}\n" for number in range(1000))
    workspace = make_workspace({"a.css": rules, "b.css": f"{rules}.last {{ color: red; }}\n"})
    assert "1000 definitions" in call(symbols.outline, workspace, path="a.css").text
    assert "1001 definitions" in call(symbols.outline, workspace, path="b.css").text
    (workspace.root / "a.css").write_text(f".new {{ color: red; }}\n{rules}")
    assert "1001 definitions" in call(symbols.outline, workspace, path="a.css").text
    assert " .new" in call(symbols.outline, workspace, path="a.css").text
    assert "1 .last" not in call(symbols.outline, workspace, path="b.css").text


def test_an_outline_of_nothing_is_refused(shop: Workspace) -> None:
    with pytest.raises(NotFound):
        call(symbols.outline, shop, path="gone.py")
    with pytest.raises(PathRefused):
        call(symbols.outline, shop, path="../x.py")


def test_the_map_shows_the_most_used_first_within_its_budget(shop: Workspace) -> None:
    result = call(symbols.repo_map, shop, tokens=200)
    lines = result.text.splitlines()
    assert {"shop/money.py:", "shop/cart.py:"} <= set(lines)
    assert any("def total(things)" in line for line in lines)
    assert len(result.text) <= 200 * 4
    assert "test_cart" not in result.text


def test_the_map_turns_around_its_focus(shop: Workspace) -> None:
    assert call(symbols.repo_map, shop, focus=["web"]).text.splitlines()[1].startswith("web/")


def test_the_place_is_located_from_an_issue(shop: Workspace) -> None:
    text = 'Price is wrong\n\n  File "shop/cart.py", line 11, in price\nTypeError: bad `total` of things'
    data = call(symbols.locate, shop, text=text).data.model_dump()
    assert data["places"][0]["path"] == "shop/cart.py"
    assert data["places"][0]["definitions"][0] == "10-11 Cart.price"
    assert any("stack trace, line 11" in reason for reason in data["places"][0]["reasons"])
    assert "shop/money.py" in [place["path"] for place in data["places"][:3]]


def test_long_answers_are_paged_and_bounded(make_workspace: MakeWorkspace) -> None:
    many = "".join(f"class C{number}:\n    def same(self): ...\n" for number in range(600))
    workspace = make_workspace({"a.py": many, "b.py": "def f(x):\n" + "    x.same()\n" * 900})
    seen = 0
    for _ in range(100):
        result = call(symbols.find_references, workspace, name="same", offset=seen)
        assert len(result.text) <= workspace.result_chars
        last = result.text.splitlines()[-1]
        if "continue with offset=" not in last:
            break
        seen = int(last.rpartition("offset=")[2].rstrip("]"))
    assert "900 calls" in result.text
    assert seen > 1300
    assert "[shown 1-" in call(symbols.outline, workspace, path="a.py").text
    assert "is behind the last" in call(symbols.find_symbol, workspace, name="same", offset=5000).text
