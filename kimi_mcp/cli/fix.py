"""`kimi-mcp fix`: an issue in, a verified patch out; `EXIT_CODES` says what the exit code means."""

import argparse
import asyncio
import os
import signal
import sys
from contextlib import aclosing
from pathlib import Path

from pydantic import SecretStr

from kimi_mcp.agent.events import Budget, Ended, Event, Outcome
from kimi_mcp.agent.watch import Inbox
from kimi_mcp.cli import choice, host
from kimi_mcp.cli.show import Screen, screen
from kimi_mcp.config import Settings, command_limits, find_root, open_workspace, state_directory
from kimi_mcp.model.messages import Image
from kimi_mcp.runs.apply import apply
from kimi_mcp.runs.folder import RunFolder, create
from kimi_mcp.runs.issue import picture, pictures, read_issue
from kimi_mcp.runs.request import Request
from kimi_mcp.runs.work import connecting, work
from kimi_tools.errors import BadArguments
from kimi_tools.visible import reveal_line

EXIT_CODES = (
    "Exit codes: 0 the fix was submitted and what was measured speaks for it; 3 submitted, but something speaks "
    "against it or nothing could be measured; 4 ended without a submission (budget, no progress); 5 the model "
    "failed (key, credit, unreachable); 130 cancelled; 1 any other failure; 2 wrong usage. Whatever the way out, "
    "the best patch so far is kept, and 'kimi-mcp runs resume' goes on."
)

EXIT = {"limit": 4, "stuck": 4, "model_failed": 5, "cancelled": 130, "crashed": 1, "answered": 0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.epilog = EXIT_CODES
    parser.add_argument("text", nargs="*", metavar="TEXT", help="the issue in words")
    parser.add_argument("--issue", metavar="FILE|-", help="the issue as a file, or on standard input")
    parser.add_argument(
        "--image", action="append", default=[], metavar="FILE", help="a picture to show with it"
    )
    parser.add_argument("--repo", dest="root", metavar="DIR", help="the repository; default: the one here")
    host.add_model(parser)
    host.add_rerank(parser)
    host.add_budget(parser)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--in-place", action="store_true", help="work in the repository itself, not in a copy")
    place.add_argument("--apply", action="store_true", help="bring the patch into the repository at the end")
    place.add_argument("--patch-out", metavar="FILE", help="write the patch there; '-' for standard output")
    parser.add_argument("--json", action="store_true", help="print the events as JSON lines")
    choice.add_leave(parser)


def run(options: argparse.Namespace) -> int:
    """Resolve the issue; the exit code says how it ended."""
    settings = choice.settings(options)
    root = find_root(settings.text("root")).resolve()
    issue, images = _issue(options, root)
    open_workspace(root, settings).close()  # refuses what is not one repository
    base_url = host.host(settings)
    secret = host.key(base_url)
    request = order(settings, issue, images, root, in_place=options.in_place, budget=host.budget(options))
    folder = create(state_directory(), request)
    shown = screen(json=options.json)
    try:
        outcome = asyncio.run(perform(folder, secret, shown))
    finally:
        shown.close()
    return _finish(options, settings, folder, outcome)


def order(
    settings: Settings,
    issue: str,
    images: tuple[Image, ...],
    root: Path,
    *,
    in_place: bool,
    budget: Budget | None,
    mode: str = "",
) -> Request:
    """A run's order; what is not given comes from the settings."""
    limits = command_limits(settings)
    return Request.model_validate(
        {
            "issue": issue,
            "images": images,
            "root": root,
            "host": host.host(settings),
            "model": settings.text("model"),
            "mode": mode or settings.text("mode", "thinking"),
            "budget": budget or Budget(),
            "in_place": in_place,
            "no_sandbox": settings.switch("no_sandbox"),
            "readable": [Path(path).expanduser().absolute() for path in settings.words("sandbox_read")],
            "network": settings.words("allow_network"),
            "memory": limits.memory,
            "tasks": limits.tasks,
            "allow": settings.words("allow"),
            "rerank": settings.switch("rerank"),
        }
    )


async def perform(
    folder: RunFolder, secret: SecretStr | None, shown: Screen, budget: Budget | None = None
) -> Outcome:
    """Work on a run in this process; Ctrl-C ends it with its best patch, a second one at once."""
    inbox = Inbox()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        inbox.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    for event in folder.events():
        shown.know(event)
    last: Event | None = None
    async with aclosing(work(folder, connecting(folder, secret), inbox, budget)) as events:
        async for event in events:
            shown.show(event)
            last = event
    return last.outcome if isinstance(last, Ended) else Outcome(status="crashed", reason="No outcome.")


def exit_code(outcome: Outcome) -> int:
    """The documented exit code of an outcome."""
    if outcome.status == "submitted":
        return 0 if outcome.evidence.verified else 3
    return EXIT[outcome.status]


def _issue(options: argparse.Namespace, root: Path) -> tuple[str, tuple[Image, ...]]:
    named: str | None = options.issue
    if bool(named) == bool(options.text):
        raise BadArguments("Give the issue either in words, or with --issue FILE ('-' for standard input).")
    if named == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    else:
        words = os.fsencode(" ".join(options.text)).decode("utf-8", "replace")  # whatever the locale is
        text = read_issue(Path(named)) if named else words
    if not text.strip():
        raise BadArguments("The issue is empty.")
    found = pictures(text, Path(named).parent if named and named != "-" else Path.cwd(), root)
    for sentence in found.left_out:
        print(f"kimi-mcp: {reveal_line(sentence)}", file=sys.stderr)
    return text, (*found.images, *(picture(Path(name)) for name in options.image))


def _finish(options: argparse.Namespace, settings: Settings, folder: RunFolder, outcome: Outcome) -> int:
    say = sys.stderr if options.json or options.patch_out == "-" else sys.stdout
    patch = folder.patch_file.read_bytes() if folder.patch_file.exists() else b""
    if options.patch_out == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(patch)
    elif options.patch_out:
        Path(options.patch_out).write_bytes(patch)
    if options.apply and outcome.status == "submitted" and patch:
        workspace = open_workspace(folder.record().request.root, settings)
        try:
            changed = asyncio.run(apply(folder, workspace))
        finally:
            workspace.close()
        print(f"Applied to {', '.join(changed)}; kimi-mcp call undo takes it back.", file=say)
    elif patch and not options.in_place and not options.patch_out:
        print(f"Patch: {folder.patch_file}", file=say)
        print(f"Apply it: git apply {folder.patch_file}", file=say)
    if outcome.status != "submitted":
        print(f"Go on: kimi-mcp runs resume {folder.id}", file=say)
    return exit_code(outcome)
