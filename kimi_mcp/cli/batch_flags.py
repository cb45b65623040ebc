"""The flags of `kimi-mcp swebench`: what a batch is of, where it runs, and what may be spent on it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands and their flags."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    solve = commands.add_parser("run", help="let the agent resolve instances; writes preds.jsonl")
    _common(solve)
    _model(solve)
    _limits(solve)
    validate = commands.add_parser("validate", help="run the gold patches: which instances are sound here")
    _common(validate)
    evaluate = commands.add_parser("evaluate", help="grade predictions on this machine")
    evaluate.add_argument("predictions", metavar="PREDS", type=Path, help="JSONL, or JSON list or object")
    evaluate.add_argument(
        "--official", action="store_true", help="grade with swebench's own harness, which needs Docker"
    )
    _common(evaluate, instances_flag=True)


def at_least(least: int, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """A flag's number that is not below `least`; argparse tells the rest in a sentence."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a {'whole ' * (kind is int)}number") from None
        if not value >= least:  # nor is what is no number at all
            raise argparse.ArgumentTypeError(f"{text} is below {least}")
        return value

    return number


def ids(text: str) -> list[str]:
    """Instance ids with commas or blanks between them; none at all would be read as all of them."""
    found = text.replace(",", " ").split()
    if not found:
        raise argparse.ArgumentTypeError("no instance id is named; leave the flag out for all")
    return found


def _common(parser: argparse.ArgumentParser, *, instances_flag: bool = False) -> None:
    name = "--instances" if instances_flag else "instances"
    required: dict[str, Any] = {"required": True} if instances_flag else {}
    rows = "JSON, JSONL or parquet rows, or swebench 5 task folders"
    parser.add_argument(name, type=Path, metavar="INSTANCES", help=rows, **required)
    parser.add_argument(
        "--out", type=Path, required=True, help="the batch's folder; an earlier one is resumed"
    )
    parser.add_argument("--only", type=ids, default=[], help="instance ids, separated by commas")
    parser.add_argument(
        "--workers", type=at_least(1), metavar="N", default=1, help="jobs at a time (default 1)"
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--address", default="", help="of a Ray cluster: auto, host:port or ray://host:port")
    parser.add_argument(
        "--task-cpus",
        type=at_least(0, float),
        metavar="N",
        default=1,
        help="what one job asks of a Ray node (default 1)",
    )
    parser.add_argument(
        "--task-memory",
        type=at_least(0, float),
        default=0,
        metavar="GIB",
        help="what one job asks of a Ray node; 0: not asked",
    )
    parser.add_argument(
        "--repos",
        type=Path,
        action="append",
        default=[],
        help="folder with git histories; may be given again",
    )
    parser.add_argument("--env", choices=("venv", "docker", "none"), default="venv", help="default venv")
    parser.add_argument("--no-sandbox", action="store_true", help="run tests without protection")
    parser.add_argument(
        "--test-seconds",
        type=at_least(1, float),
        metavar="S",
        default=1800,
        help="limit of one test run (default 1800)",
    )
    parser.add_argument(
        "--retry", action="store_true", help="do failed, crashed and timed-out instances again"
    )


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="default: the best that the host has")
    parser.add_argument("--host", default="moonshot", help="name or address (moonshot, openrouter, http://…)")
    parser.add_argument("--mode", choices=("instant", "thinking", "agent", "swarm"), default="thinking")
    parser.add_argument(
        "--attempts",
        type=at_least(1),
        metavar="N",
        default=0,
        help="attempts at an instance at most, all within one budget: another is made only where nothing that was "
        "measured speaks for the last, and the best is kept (default: 3 in modes agent and swarm, else 1)",
    )
    parser.add_argument(
        "--rerank",
        action="store_true",
        help="ask the model first, in one short question, which of the likely places to show it with the issue",
    )
    parser.add_argument(
        "--grade",
        action="store_true",
        help="grade each instance as soon as it is solved, by the same worker: the table and the report tell resolved",
    )


def _limits(parser: argparse.ArgumentParser) -> None:
    for name, what in (
        ("concurrency", "requests at once"),
        ("rpm", "requests per minute"),
        ("tpm", "tokens per minute"),
    ):
        parser.add_argument(
            f"--{name}",
            type=at_least(0),
            metavar="N",
            default=0,
            help=f"{what}, of all workers together (default: no limit)",
        )
    parser.add_argument(
        "--limit-host", default="", help="address of this machine at which a cluster's workers reach it"
    )
    parser.add_argument(
        "--max-steps",
        type=at_least(0),
        metavar="N",
        default=300,
        help="steps of one attempt (default 300; 0: no limit)",
    )
    parser.add_argument(
        "--max-cost",
        type=at_least(0, float),
        metavar="DOLLARS",
        default=5.0,
        help="US dollars per instance (default 5; 0: no limit)",
    )
    parser.add_argument(
        "--max-time",
        type=at_least(1, float),
        metavar="S",
        default=3600,
        help="seconds per instance (default 3600)",
    )
