"""An outline of a large file is the same whether it is parsed or taken from the index, and never an older one."""

from typing import Any

import anyio
import pytest

from kimi_tools.index import index_of
from kimi_tools.index.content import LOOKED_UP, definitions_of
from kimi_tools.syntax import definitions, language_of
from kimi_tools.workspace import Workspace

LANGUAGES = {
    "large.py": "class Order{0}:\n    '''Order {0}.'''\n    def total(self): return {0}\n\n",
    "large.js": "/** Order {0}. */\nfunction order{0}(a) {{ class Inner {{ m() {{}} }} return a }}\n",
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_index_and_the_parser_give_the_same_definitions(make_workspace: Any, name: str) -> None:
    text = "".join(LANGUAGES[name].format(number) for number in range(400))
    assert len(text) > LOOKED_UP
    workspace: Workspace = make_workspace({name: text})

    async def compare() -> None:
        await index_of(workspace).complete(30)
        for data in (text.encode(), text.replace("rder7", "rder_other").encode()):
            found = definitions_of(workspace, name, data, language_of(name, data))
            assert found == definitions(name, data)
        assert any("rder_other" in one.name for one in found)

    anyio.run(compare)
