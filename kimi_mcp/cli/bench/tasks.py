"""The tasks: for every tool a call, and what others do for the same."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kimi_mcp.cli.bench.sample import Sample
from kimi_tools.ripgrep import binary

Call = tuple[str, dict[str, Any]]

MADE = "kimi-mcp-bench"
"""What the files that the tasks write are called."""

ABSENT = "zqxjkvb_absent"


@dataclass(frozen=True, slots=True)
class Task:
    """One row. `arguments` and `prepare` get the number of the round; `prepare` is not measured.

    `programs`: command lines by name; `peers`: calls by the peer's name; `rounds`: at most, 0: as many as asked for.
    """

    tool: str
    what: str
    arguments: Callable[[int], dict[str, Any]]
    programs: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    peers: Mapping[str, Callable[[int], Call]] = field(default_factory=dict[str, Callable[[int], Call]])
    prepare: Callable[[int], None] | None = None
    rounds: int = 0

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.tool} {self.what}".rstrip()


def not_measured(sample: Sample) -> dict[str, str]:
    """Tools without a task here, and why."""
    found: dict[str, str] = dict.fromkeys(
        ("resolve_issue", "resolve_start", "resolve_status", "resolve_cancel", "resolve_apply"),
        "it asks a model; the model's time would be measured",
    )
    if not sample.git:
        found |= dict.fromkeys(
            ("git_status", "git_diff", "git_log", "git_show", "git_blame", "git_branch", "git_commit"),
            "this is no git repository",
        )
    if not sample.test:
        found["run_tests"] = "no file of tests was found"
    return found


def tasks(root: Path, sample: Sample) -> list[Task]:
    """All tasks, reading ones first."""
    found = [*_searching(root, sample), *_symbols(root, sample), *_reading(root, sample)]
    if sample.git:
        found += _git(root, sample)
    return [*found, *_editing(root, sample), *_running(root, sample)]


def _fixed(**arguments: Any) -> Callable[[int], dict[str, Any]]:
    return lambda _: arguments


def _peer(tool: str, **arguments: Any) -> Callable[[int], Call]:
    return lambda _: (tool, arguments)


def _searching(root: Path, sample: Sample) -> list[Task]:
    rg = [binary(), "--no-config", "-n", "--hidden", "-g", "!.git"]
    name = Path(sample.path).name
    searches = [
        ("a rare word", {"pattern": sample.symbol}),
        ("a common word", {"pattern": "return"}),
        ("a word that is nowhere", {"pattern": ABSENT}),
        ("a regex", {"pattern": rf"\b{sample.symbol}\b\s*[(:]"}),
    ]
    found = [
        Task(
            "search_text",
            what,
            _fixed(**arguments),
            {"rg": [*rg, "-S", "-e", arguments["pattern"], "."]},
            {"Serena": _peer("search_for_pattern", substring_pattern=arguments["pattern"])},
        )
        for what, arguments in searches
    ]
    files = {
        "Serena": _peer("find_file", file_mask=name, relative_path="."),
        "server-filesystem": _peer("search_files", path=str(root), pattern=f"**/{name}"),
    }
    listing = {"rg --files": [binary(), "--no-config", "--files"]}
    return [*found, Task("find_files", name, _fixed(query=name), listing, files)]


def _symbols(root: Path, sample: Sample) -> list[Task]:
    rg = {"rg -w": [binary(), "--no-config", "-wF", "-e", sample.symbol, "."]}
    ctags = shutil.which("ctags")
    outline = {"ctags": [ctags, "-f", "-", "--", sample.path]} if ctags else {}
    overview = _peer("get_symbols_overview", relative_path=sample.path)
    references = _peer("find_referencing_symbols", name_path=sample.symbol, relative_path=sample.path)
    words = f"{sample.symbol} fails in {sample.path}"
    return [
        Task(
            "find_symbol",
            sample.symbol,
            _fixed(name=sample.symbol),
            rg,
            {
                "Serena": _peer("find_symbol", name_path_pattern=sample.symbol),
                "agent-lsp": _peer("find_symbol", query=sample.symbol),
            },
        ),
        Task("find_references", sample.symbol, _fixed(name=sample.symbol), rg, {"Serena": references}),
        Task("outline", sample.path, _fixed(path=sample.path), outline, {"Serena": overview}),
        Task("repo_map", "", _fixed()),
        Task("locate", "a sentence", _fixed(text=words)),
        Task("find_tests", sample.symbol, _fixed(of=sample.symbol)),
    ]


def _reading(root: Path, sample: Sample) -> list[Task]:
    peers = {
        "Serena": _peer("read_file", relative_path=sample.path, start_line=0, end_line=59),
        "server-filesystem": _peer("read_text_file", path=str(root / sample.path), head=60),
    }
    return [Task("read_file", "60 lines", _fixed(path=sample.path, count=60), {}, peers)]


def _git(root: Path, sample: Sample) -> list[Task]:
    where = {"repo_path": str(root)}

    def row(
        tool: str, what: str, arguments: dict[str, Any], raw: list[str], peer: Call | None = None
    ) -> Task:
        peers = {"mcp-server-git": _peer(peer[0], **peer[1])} if peer else {}
        return Task(tool, what, _fixed(**arguments), {"git": ["git", *raw]}, peers)

    def change(number: int) -> None:
        (root / f"{MADE}-{number}.txt").write_text(f"{number}\n")

    return [
        row("git_status", "", {}, ["status"], ("git_status", where)),
        row("git_diff", "", {}, ["diff", "HEAD"], ("git_diff_unstaged", where)),
        row("git_log", "10 commits", {"limit": 10}, ["log", "-n10"], ("git_log", {**where, "max_count": 10})),
        row("git_show", "HEAD", {}, ["show", "HEAD"], ("git_show", {**where, "revision": "HEAD"})),
        row(
            "git_blame",
            "100 lines",
            {"path": sample.path, "count": 100},
            ["blame", "-L1,+100", "--", sample.path],
        ),
        row(
            "git_branch",
            "",
            {},
            ["branch", "-v"],
            ("git_branch", {**where, "branch_type": "local"}),
        ),
        Task(
            "git_commit",
            "one file",
            lambda number: {"message": f"Round {number}", "paths": [f"{MADE}-{number}.txt"]},
            prepare=change,
        ),
    ]


def _editing(root: Path, sample: Sample) -> list[Task]:
    old, new = sample.line, f"{sample.line} "
    original = (root / sample.path).read_bytes()

    def others(name: str) -> str:
        """A file for one peer alone; no code, so that no name is defined twice."""
        (root / f"{MADE}-{name}.txt").write_bytes(original)
        return f"{MADE}-{name}.txt"

    def restore(number: int) -> None:
        if not number:
            (root / sample.path).write_bytes(original)

    def turned(number: int) -> tuple[str, str]:
        return (new, old) if number % 2 else (old, new)

    def edit(number: int) -> dict[str, Any]:
        before, after = turned(number)
        return {"path": sample.path, "old": f"{before}\n", "new": f"{after}\n"}

    def patch(number: int) -> dict[str, Any]:
        before, after = turned(number)
        lines = ("*** Begin Patch", f"*** Update File: {sample.path}", "@@", f"-{before}", f"+{after}")
        return {"patch": "\n".join((*lines, "*** End Patch", ""))}

    def rename(number: int) -> dict[str, Any]:
        names = (f"{sample.symbol}_made", sample.symbol)
        return {"name": names[1 - number % 2], "new_name": names[number % 2]}

    def serena(number: int) -> Call:
        before, after = turned(number)
        place = {"relative_path": for_serena, "mode": "literal"}
        return "replace_content", {**place, "needle": f"{before}\n", "repl": f"{after}\n"}

    def filesystem(number: int) -> Call:
        before, after = turned(number)
        edits = [{"oldText": f"{before}\n", "newText": f"{after}\n"}]
        return "edit_file", {"path": str(root / for_filesystem), "edits": edits}

    for_serena, for_filesystem = others("serena"), others("filesystem")
    return [
        Task("edit_file", "one line", edit, {}, {"Serena": serena, "server-filesystem": filesystem}),
        Task("apply_patch", "one line", patch, prepare=restore),
        Task("undo", "and redo", lambda number: {"redo": bool(number % 2)}),
        Task("rename_symbol", sample.symbol, rename),
        Task(
            "write_file",
            "a new file",
            lambda number: {"path": f"{MADE}-new-{number}.txt", "content": "text\n"},
            {},
            {
                "server-filesystem": lambda number: (
                    "write_file",
                    {"path": str(root / f"{MADE}-other-{number}.txt"), "content": "text\n"},
                )
            },
        ),
    ]


def _running(root: Path, sample: Sample) -> list[Task]:
    shell = Task("run_command", "true", _fixed(command="true"), {"sh": ["/bin/sh", "-c", "true"]})
    if not sample.test:
        return [shell]
    return [shell, Task("run_tests", sample.test, _fixed(paths=[sample.test]), rounds=3)]
