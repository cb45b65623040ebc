"""`uv run python -m tests.bench NAME …`: the benchmarks; without a name, what there is."""

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run the named benchmark with the words after its name."""
    there = {
        path.stem: (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]
        for path in sorted(HERE.glob("*.py"))
        if '__name__ == "__main__"' in path.read_text("utf-8") and path.name != "__main__.py"
    }
    if len(sys.argv) < 2 or sys.argv[1] not in there:
        print("\n".join(f"{name:<16} {line}" for name, line in there.items()))
        sys.exit(0 if len(sys.argv) < 2 else 2)
    name = sys.argv[1]
    sys.argv[:2] = [f"tests.bench {name}"]
    runpy.run_module(f"tests.bench.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
