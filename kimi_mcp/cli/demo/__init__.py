"""`kimi-mcp demo`: a real bug, found and fixed before your eyes, with no key and no network.

Everything is real (repository, server, tools, tests, sandbox, loop) but the model, whose answers come from a
recording over HTTP, and the screen says so. With a key (or `--live`), the model is real as well.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from kimi_mcp.agent.events import Outcome
from kimi_mcp.cli import fix, host
from kimi_mcp.cli.demo.client import Client
from kimi_mcp.cli.demo.story import FILES, ISSUE
from kimi_mcp.cli.show import screen
from kimi_mcp.config import Settings, config_file, open_workspace, state_directory
from kimi_mcp.model.connect import address
from kimi_mcp.model.keys import find_key
from kimi_mcp.model.recorded import Playback, Recording
from kimi_mcp.runs.apply import apply
from kimi_mcp.runs.export import FORMATS
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.request import Request
from kimi_tools.errors import NotAllowed
from kimi_tools.sandbox import choose
from kimi_tools.visible import reveal_line

PACE_SECONDS = 0.02
"""Between two pieces of the recorded answers: about as fast as a model writes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--live", action="store_true", help="use the real model; needs a key")
    kind.add_argument("--recorded", action="store_true", help="use the recording though there is a key")
    host.add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Show it; 0 when the bug was fixed and verified."""
    settings = Settings(vars(options))
    where = host.host(settings)
    key = None if options.recorded else find_key(address(where), os.environ, config_file().parent / "key").key
    live = options.live or key is not None
    if options.live:
        key = host.key(where)
    console = Console(highlight=False)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kimi-mcp-demo-"))
        root = (Path(folder) / "durations").resolve()
        write(root)
        model = settings.text("model")
        if not live:
            playback = stack.enter_context(Playback(recording(), pace=PACE_SECONDS))
            where, model = playback.url, playback.name
        console.print(_introduction(live, console.width))
        _serve_tests(console, root, "before")
        request = Request(
            issue=ISSUE,
            root=root,
            host=where,
            model=model,
            mode=settings.text("mode", "thinking"),  # type: ignore[arg-type]
            no_sandbox=_without_sandbox(console),
        )
        return _resolve(console, create(state_directory(), request), key, root)


def write(root: Path) -> None:
    """Make the repository."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def recording() -> Recording:
    """The recorded session that belongs to the story."""
    with as_file(files("kimi_mcp.cli.demo").joinpath("session.jsonl")) as path:
        return Recording.load(path)


def _introduction(live: bool, width: int) -> Panel:
    text = Text()
    text.append("A small repository, and an issue that somebody filed about it:\n\n", "bold")
    text.append(ISSUE.strip(), "italic")
    text.append(
        "\n\nReal: the repository, the MCP server, the tools, the tests, the sandbox and the agent's loop.\n"
    )
    if live:
        text.append("Real: the model.", "bold green")
    else:
        text.append("RECORDED: the model's answers. ", "bold yellow")
        text.append("A session written beforehand is replayed over HTTP; no model is called.", "yellow")
    return Panel(text, title="kimi-mcp demo", border_style="cyan", width=min(width, 100))


def _serve_tests(console: Console, root: Path, when: str) -> None:
    with Client(root) as client:
        names = client.tools()
        text = client.call("run_tests", {})
    first = reveal_line(text.splitlines()[0])
    console.print(
        Text.assemble(
            (f"MCP server, {when}: ", "cyan"),
            f"first answer after {client.first_response * 1000:.0f} ms, {len(names)} tools; run_tests: ",
            (first, "bold"),
        )
    )


def _without_sandbox(console: Console) -> bool:
    """Whether this machine has no sandbox; the demonstration's own commands are harmless."""
    try:
        choose()
    except NotAllowed:
        console.print(
            "No sandbox works on this machine; the demonstration's own commands run without.", style="dim"
        )
        return True
    return False


def _resolve(console: Console, folder: RunFolder, key: SecretStr | None, root: Path) -> int:
    shown = screen(json=False)
    try:
        outcome: Outcome = asyncio.run(fix.perform(folder, key, shown))
    finally:
        shown.close()
    if outcome.patch:
        workspace = open_workspace(root)
        try:
            asyncio.run(apply(folder, workspace))
        finally:
            workspace.close()
        _serve_tests(console, root, "with the patch")
    page = folder.path / "run.html"
    page.write_text(FORMATS["html"][0](folder.id, folder.events()), "utf-8")
    shutil.rmtree(folder.place, ignore_errors=True)
    console.print(
        Text.assemble(
            ("\nThe whole run as a page: ", "cyan"), f"{page}\n",
            ("Again, without a model:  ", "cyan"), "kimi-mcp runs replay last\n",
            ("Your own repository:     ", "cyan"), 'kimi-mcp fix "what is wrong"   (needs a key: MOONSHOT_API_KEY)\n',
            ("Your editor:             ", "cyan"), "kimi-mcp setup --detect",
        )
    )  # fmt: skip
    return fix.exit_code(outcome)
