"""`uv run python -m tests.update_snapshots`: after a declaration changed, write what is made from it anew.

That is `kimi_mcp/server/answers.json` and `kimi_mcp/acp/initialize.json`, which are part of the product, and
`tests/snapshots/<tool>.json`, where a reviewer sees what a change does to a tool's declaration.
"""

import json
from pathlib import Path
from typing import Any

from kimi_mcp.cli import offered, snapshot
from kimi_mcp.cli.tools import declaration
from kimi_tools.tool import Tool

FOLDER = Path(__file__).parent / "snapshots"


def content(tool: Tool) -> str:
    """What a tool's snapshot must hold."""
    shown: dict[str, Any] = declaration(tool)
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all files, and take away those of tools that are gone."""
    snapshot.write()
    FOLDER.mkdir(exist_ok=True)
    kept = {f"{tool.name}.json" for tool in offered.all_tools()}
    for path in FOLDER.glob("*.json"):
        if path.name not in kept:
            path.unlink()
    for tool in offered.all_tools():
        (FOLDER / f"{tool.name}.json").write_text(content(tool), "utf-8")


if __name__ == "__main__":
    main()
