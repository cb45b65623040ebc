"""A scripted model that resolves SWE-bench instances in the steps that a model would take.

It knows each instance's gold patch and graded tests, so it says nothing about any model; it shows that the harness
carries a fix from the first search to a graded prediction. Started by hand it serves until it is interrupted:

    uv run python -m tests.kimi_mcp.swebench.author INSTANCES [--port N]
"""

import argparse
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kimi_mcp.swebench.graded import graded_tests
from kimi_mcp.swebench.instances import Instance, load
from tests.kimi_api import Call, KimiApi, Request, Turn

PLAN = ("Understand and locate", "Reproduce", "Fix the cause", "Check and review")


class Author:
    """Answers every request with the next step of its instance's story."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self.instances = instances
        self.by_opening = {_squeezed(instance.problem)[:200]: instance for instance in instances}

    def __call__(self, request: Request) -> Turn:
        messages: list[dict[str, Any]] = request.body["messages"]
        instance = self._instance(messages)
        step = sum(message["role"] == "assistant" for message in messages)
        names = {tool["function"]["name"] for tool in request.body.get("tools", ())}
        story = self.story(instance, names)
        thought, calls = story[min(step, len(story) - 1)]
        return Turn(reasoning=thought, calls=tuple(Call(name, arguments) for name, arguments in calls))

    def _instance(self, messages: Sequence[dict[str, Any]]) -> Instance:
        said = _squeezed(" ".join(_text(message) for message in messages if message["role"] == "user"))
        for opening, instance in self.by_opening.items():
            if opening in said:
                return instance
        raise LookupError("The prompt holds no known issue.")

    def story(
        self, instance: Instance, names: set[str]
    ) -> list[tuple[str, list[tuple[str, dict[str, Any]]]]]:
        """Thoughts and calls, one pair per answer."""
        file, line = _first_hunk(instance.gold_patch)
        word = max(re.findall(r"\w{4,}", Path(file).stem) or [Path(file).stem], key=len)
        look: list[tuple[str, dict[str, Any]]] = [("search_text", {"pattern": word, "literal": True})]
        if "locate" in names:
            look.append(("locate", {"text": instance.problem[:4000]}))
        reproduction = {"command": _reproduction(instance), "timeout": 600}
        tests = _test_files(instance)
        return [
            ("First a plan, then where this lives.", [("update_plan", {"plan": _plan(0)}), *look]),
            (f"{file} it is.", [("read_file", {"path": file, "start": max(1, line - 20), "count": 60})]),
            (
                "Show the issue before touching anything.",
                [("update_plan", {"plan": _plan(1)}), ("reproduce", reproduction)],
            ),
            (
                "The smallest fix.",
                [("update_plan", {"plan": _plan(2)}), ("apply_patch", {"patch": instance.gold_patch})],
            ),
            ("Does it hold?", [("reproduce", reproduction)]),
            ("The neighbours too.", [("run_tests", tests)]),
            (
                "Nothing left behind?",
                [("update_plan", {"plan": _plan(4)}), ("run_command", {"command": "git diff --stat"})],
            ),
            ("Done.", [("submit", {"summary": f"Fixed in {file}; reproduction and tests pass."})]),
        ]


def _plan(done: int) -> str:
    marks = ["[x]" if n < done else "[>]" if n == done else "[ ]" for n in range(len(PLAN))]
    return "\n".join(f"{mark} {text}" for mark, text in zip(marks, PLAN, strict=True))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _first_hunk(patch: str) -> tuple[str, int]:
    file = re.search(r"^\+\+\+ b/(.*?)\t?$", patch, re.MULTILINE)
    hunk = re.search(r"^@@ -(\d+)", patch, re.MULTILINE)
    return (file.group(1) if file else "README"), int(hunk.group(1)) if hunk else 1


def _test_files(instance: Instance) -> dict[str, Any]:
    files = re.findall(r"^\+\+\+ b/(.*?)\t?$", instance.test_patch, re.MULTILINE)
    return {"paths": [name for name in files if name.endswith(".py")][:2], "timeout": 900}


def _reproduction(instance: Instance) -> str:
    """The graded tests on a copy of the tree, so that the tree's own tests stay as they are."""
    command = graded_tests(instance, "none").script
    return (
        "rm -rf /tmp/again && cp -a . /tmp/again && cd /tmp/again && "
        "git apply --whitespace=nowarn - <<'END_OF_PATCH' || exit 9\n"
        f"{instance.test_patch}\nEND_OF_PATCH\n"
        f"(\n{command}\n) > /tmp/again.log 2>&1; code=$?; tail -n 15 /tmp/again.log; exit $code\n"
    )


def serve(path: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the instances of a file until the process is interrupted."""
    with KimiApi(Author(load(path)), port=port, keep_bodies=2) as api:
        ready(api.url)
        threading.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", type=Path)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    try:
        serve(options.instances, options.port, lambda url: print(url, flush=True))
    except KeyboardInterrupt:
        sys.exit(0)
