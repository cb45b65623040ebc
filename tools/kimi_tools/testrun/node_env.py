"""What JavaScript suites share: their package.json, their node_modules, their reporters."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from kimi_tools.errors import Unavailable
from kimi_tools.testrun import words
from kimi_tools.testrun.manifest import json_table
from kimi_tools.testrun.reporter import place
from kimi_tools.testrun.suite import EVENTS, Job, Suite
from kimi_tools.testrun.tree import Tree, join, parent

SUFFIXES = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts")
TEST_FILES = tuple(f"*{kind}{end}" for kind in (".test", ".spec", "-test", "_test") for end in SUFFIXES)
_OTHER_SCRIPT = re.compile(r"^(?:npm run(?:-script)?|yarn(?: run)?|pnpm(?: run)?|bun run) +([\w:.-]+)")
_LOCKS = {"pnpm-lock.yaml": "pnpm install", "yarn.lock": "yarn install", "package-lock.json": "npm ci"}


def package_suites(tree: Tree, runner: str) -> list[Suite]:
    """The packages whose test script starts this runner, or which only depend on it."""
    found: list[Suite] = []
    for path in tree.named("package.json", depth=3):
        folder = parent(path)
        size = len(tree.below(folder, *TEST_FILES))
        package = json_table(tree.text(path))
        script, read = _test_script(package)
        if read is not None:
            if read.runner == runner:
                reason = f"script '{script}' in {path}"
                own = read.argv if read.argv[0] == "node" else read.argv[read.start :]
                found.append(Suite(runner, folder, reason, own, read.environment, size))
        elif runner in {
            **json_table(tree.text(path), "dependencies"),
            **json_table(tree.text(path), "devDependencies"),
        }:
            found.append(Suite(runner, folder, f"{path} depends on {runner}", size=size))
    return found


def _test_script(package: dict[str, object]) -> tuple[str, words.Words | None]:
    scripts = package.get("scripts")
    if not isinstance(scripts, dict):
        return "", None
    table = {str(k): v for k, v in scripts.items() if isinstance(v, str)}  # pyright: ignore
    names = [name for name in ("test", "test:unit", "unit") if name in table]
    names += sorted(name for name in table if name.startswith("test") and name not in names)
    for name in names:
        line = table[name]
        for _ in range(3):
            pieces = [
                match[1] for piece in re.split("&&|;", line) if (match := _OTHER_SCRIPT.match(piece.strip()))
            ]
            if (read := words.parse(line)) is not None:
                return name, read
            if not pieces or pieces[-1] not in table:
                break
            line = table[pieces[-1]]
    return "", None


def words_for(job: Job, name: str, usual: Sequence[str]) -> list[str]:
    """The project's own words for a runner, or the usual ones. Raises `Unavailable` when it is not installed."""
    argv = list(job.suite.command or usual)
    if not any((folder / name).exists() for folder in _binaries(job.workspace.root, job.suite.folder)):
        raise Unavailable(
            f"{name} is not installed for {job.suite.folder} (no node_modules/.bin/{name}); "
            f"run `{_install(job)}` there first."
        )
    return argv


def _install(job: Job) -> str:
    folder = job.suite.folder
    while True:
        for lock, command in _LOCKS.items():
            if job.workspace.exists(join(folder, lock)):
                return command
        if folder == ".":
            return "npm install"
        folder = parent(folder)


def _binaries(root: Path, folder: str) -> list[Path]:
    found = [root / folder / "node_modules" / ".bin"]
    while folder != ".":
        folder = parent(folder)
        found.append(root / folder / "node_modules" / ".bin")
    return found


def node_environment(job: Job) -> dict[str, str]:
    """The project's programs on PATH, as npm puts them there for scripts, and where to write events."""
    folders = [str(folder) for folder in _binaries(job.workspace.at, job.suite.folder)]
    return {
        "PATH": os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]),
        "KIMI_MCP_EVENTS": str(job.scratch / EVENTS),
        "NO_COLOR": "1",
        "CI": "true",
    }


def put_reporter(job: Job, name: str) -> str:
    """Put a reporter, and what the reporters share, into the scratch directory."""
    place("kimi_mcp_events.cjs", job.scratch)
    return str(place(name, job.scratch))


def split_ids(ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Test ids `path::a > b` as files, each once, and as names `a b`."""
    files = list(dict.fromkeys(id.partition("::")[0] for id in ids))
    return files, [id.partition("::")[2].replace(" > ", " ") for id in ids if "::" in id]


def name_pattern(names: Sequence[str], parts: Sequence[str]) -> str:
    """A regular expression for whole names, and for parts of names."""
    whole = [f"^{_escape(name)}$" for name in names]
    return "|".join([*whole, *map(_escape, parts)])


def _escape(text: str) -> str:
    """The text as a JavaScript regular expression (`re.escape` also escapes what may not be in one)."""
    return re.sub(r"[.*+?^${}()|\[\]\\/]", r"\\\g<0>", text)


def owns_id(name: str) -> bool:
    """Whether a name is a test id of a JavaScript runner, or one of its files."""
    return name.partition("::")[0].endswith(SUFFIXES)
