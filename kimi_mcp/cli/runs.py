"""`kimi-mcp runs`: what was done, what is being done, and going on with it."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from kimi_mcp.agent.state import State
from kimi_mcp.cli import fix, host
from kimi_mcp.cli.show import screen
from kimi_mcp.config import state_directory
from kimi_mcp.runs import detached, words
from kimi_mcp.runs.export import FORMATS
from kimi_mcp.runs.folder import RunFolder, every, find

SPEEDS = {"real": 1.0, "fast": 20.0, "now": 0.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="all runs, newest first")
    listing.add_argument("--json", action="store_true")
    for name, line in (
        ("show", "what a run did and how it ended"),
        ("watch", "follow a run that another process works on"),
        ("cancel", "end a run that another process works on; its patch is kept"),
        ("remove", "delete a run and its private copy"),
    ):
        _named(actions.add_parser(name, help=line))
    say = actions.add_parser("say", help="say something to a run that is at work")
    _named(say)
    say.add_argument("text", nargs="+")
    resume = actions.add_parser("resume", help="go on with a run that stopped")
    _named(resume)
    host.add_budget(resume)
    replay = actions.add_parser("replay", help="show a run again, without a model")
    _named(replay)
    replay.add_argument("--speed", choices=SPEEDS, default="fast", help="default: fast, 20 times")
    export = actions.add_parser("export", help="write a run in another format")
    _named(export)
    export.add_argument("--format", choices=FORMATS, default="html", help="default: html")
    export.add_argument("--out", metavar="FILE", help="default: the run's name here; '-' for standard output")


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="its name, the end of its name, or 'last'")
    parser.add_argument("--json", action="store_true", help="events as JSON lines")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    if options.action == "list":
        return _list(json_lines=options.json)
    folder = find(state_directory(), options.run)
    match options.action:
        case "show":
            return _play(folder, options.json, speed=0.0)
        case "replay":
            return _play(folder, options.json, speed=SPEEDS[options.speed])
        case "watch":
            return asyncio.run(_watch(folder, json_lines=options.json))
        case "cancel":
            detached.cancel(folder)
        case "remove":
            return _remove(folder)
        case "say":
            folder.say(" ".join(options.text))
        case "resume":
            return _resume(folder, options)
        case _:
            return _export(folder, options.format, options.out)
    return 0


def _list(*, json_lines: bool) -> int:
    for folder in every(state_directory()):
        record = folder.record()
        outcome = folder.outcome()
        status = "at work" if folder.is_at_work() else outcome.status if outcome else "stopped"
        if json_lines:
            facts = {"id": record.id, "created": record.created, "status": status}
            more = {"root": str(record.request.root), "issue": record.request.issue[:500]}
            cost = {"cost": outcome.cost if outcome else None, "steps": outcome.steps if outcome else None}
            print(json.dumps(facts | more | cost, ensure_ascii=False))
            continue
        verified = " ✓" if outcome and outcome.evidence.verified else ""
        name = record.request.root.name
        print(f"{record.id}  {status + verified:<12}  {name:<20.20}  {words.short(record.request.issue, 60)}")
    return 0


def _play(folder: RunFolder, json_lines: bool, speed: float) -> int:
    shown = screen(json=json_lines, recorded=True)
    last = 0.0
    try:
        for event in folder.events():
            if speed and last:
                time.sleep(min(2.0, max(0.0, (event.at - last) / speed)))
            last = event.at
            shown.show(event)
    finally:
        shown.close()
    return 0


async def _watch(folder: RunFolder, *, json_lines: bool) -> int:
    shown = screen(json=json_lines)
    state = State()
    try:
        async for event in detached.watch(folder):
            state.apply(event)
            shown.show(event)
    finally:
        shown.close()
    return fix.exit_code(state.ended.outcome) if state.ended else 1


def _resume(folder: RunFolder, options: argparse.Namespace) -> int:
    request = folder.record().request
    secret = host.key(request.host)
    shown = screen(json=options.json)
    try:
        outcome = asyncio.run(fix.perform(folder, secret, shown, host.budget(options)))
    finally:
        shown.close()
    if not options.json and folder.patch_file.exists():
        print(f"Patch: {folder.patch_file}")
    return fix.exit_code(outcome)


def _remove(folder: RunFolder) -> int:
    if folder.is_at_work():
        print(f"Run {folder.id} is at work; cancel it first.", file=sys.stderr)
        return 1
    folder.remove()
    return 0


def _export(folder: RunFolder, name: str, out: str | None) -> int:
    make, ending = FORMATS[name]
    text = make(folder.id, folder.events())
    if out == "-":
        print(text)
        return 0
    path = Path(out or f"{folder.id}{ending}")
    path.write_text(text, "utf-8")
    print(path)
    return 0
