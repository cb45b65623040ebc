"""A walk through every family of tools on a Django checkout, over stdio, as one conversation of one client.

    uv run python -m tests.bench.walk DJANGO_CHECKOUT

The checkout needs an environment (`.venv` with asgiref and sqlparse) for its tests. Prints Markdown: each call, the
milliseconds that it took, the head of its answer; at the end what the server and its children use of memory. The
checkout is as it was afterwards.
"""

import argparse
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.bench.processes import memory_mb
from tests.stdio_client import StdioClient

SHOWN = 9
FILE = "django/db/models/query.py"
PATCH = """*** Begin Patch
*** Update File: django/utils/text.py
@@
-    \"\"\"Capitalize the first letter of a string.\"\"\"
+    \"\"\"Capitalize the first letter of a string, and of nothing else.\"\"\"
*** End Patch
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--lines", type=int, default=SHOWN, help="of each answer")
    options = parser.parse_args()
    before = state(options.checkout)
    with StdioClient(options.checkout, "--toolsets", "all") as client:
        client.initialize()
        print(f"first answer after {1000 * (time.monotonic() - client.started):.0f} ms\n")
        known = {tool["name"]: list(tool["inputSchema"]["properties"]) for tool in client.list_tools()}
        for tool, arguments in steps():
            if missing := sorted(set(arguments) - set(known[tool])):
                raise SystemExit(f"{tool} has no {', '.join(missing)}; it has {', '.join(known[tool])}")
            step(client, options.checkout, options.lines, tool, arguments)
        memory = memory_mb(client.process.pid)
        print(f"memory of the server and its children after the walk: {memory:.0f} MB")
    print(f"the checkout is as it was: {state(options.checkout) == before}")


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("search_text", {"pattern": r"def get_or_create\(", "globs": ["*.py"]}),
        ("find_files", {"query": "modelsquery"}),
        ("find_symbol", {"name": "QuerySet"}),
        ("outline", {"path": FILE}),
        ("read_file", {"path": FILE, "symbol": "QuerySet.get_or_create"}),
        ("find_references", {"name": "make_hashable"}),
        ("locate", {"text": "capfirst fails on lazy strings: django.utils.text.capfirst raises TypeError"}),
        (
            "edit_file",
            {"path": "django/utils/text.py", "old": "def capfirst(x):", "new": "def capfirst(x, /):"},
        ),
        ("apply_patch", {"patch": PATCH}),
        ("git_diff", {}),
        ("run_tests", {"paths": ["tests/utils_tests/test_text.py"]}),
        ("git_log", {"path": "django/utils/text.py", "limit": 3}),
        ("git_blame", {"path": "django/utils/text.py", "symbol": "capfirst"}),
        ("undo", {"count": 2}),
        ("git_status", {}),
    ]


def step(client: StdioClient, checkout: Path, lines: int, tool: str, arguments: dict[str, Any]) -> None:
    """One call, printed; the checkout's own place is left out of what is shown."""
    started = time.monotonic()
    called = client.call(tool, 600, **arguments)
    took = 1000 * (time.monotonic() - started)
    shown = called.text.replace(f"{checkout}/", "").splitlines()
    print(
        f"**`{tool}`** {' '.join(f'{k}={v!r}' for k, v in arguments.items() if k != 'patch')} ({took:.0f} ms)\n"
    )
    print("```")
    print("\n".join(line[:150] for line in shown[:lines]))
    if len(shown) > lines:
        print(f"… ({len(shown)} lines, {len(called.text):,} characters)")
    print("```\n", flush=True)
    if called.is_error:
        raise SystemExit(f"{tool} failed")


def state(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "status", "--porcelain", "--ignored=no"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
