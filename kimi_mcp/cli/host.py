"""The flags that choose the agent's model and budget, and the key for it."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from kimi_mcp.agent import allowance
from kimi_mcp.config import Settings, config_file

if TYPE_CHECKING:  # an editor's first answer must not wait for pydantic
    from pydantic import SecretStr

    from kimi_mcp.agent.events import Budget

MODES = ("instant", "thinking", "agent", "swarm")


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`, `--base-url`, `--mode`."""
    parser.add_argument("--model", metavar="M", help="the model's name; default: the best the host has")
    parser.add_argument(
        "--base-url",
        metavar="U",
        help="the host: an address, or moonshot (default), moonshot-cn, kimi-code, openrouter, ollama",
    )
    parser.add_argument(
        "--mode",
        choices=MODES,
        help="instant: no thinking; thinking (default); agent: with helpers that read, and up to three attempts; "
        "swarm: as agent, and begins with up to 100 helpers side by side",
    )


def add_rerank(parser: argparse.ArgumentParser) -> None:
    """`--rerank`."""
    parser.add_argument(
        "--rerank",
        action="store_true",
        default=None,
        help="ask the model first, in one short question, which of the likely places to show it with the issue",
    )


def add_budget(parser: argparse.ArgumentParser) -> None:
    """`--max-steps`, `--max-cost`, `--max-time`."""
    parser.add_argument("--max-steps", type=int, metavar="N", help=f"default: {allowance.STEPS}; 0: no limit")
    parser.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help=f"default: {allowance.DOLLARS:g} US dollars; 0: no limit",
    )
    parser.add_argument(
        "--max-time",
        type=float,
        metavar="MIN",
        help=f"default: {allowance.SECONDS / 60:g} minutes; 0: no limit",
    )


def budget(options: argparse.Namespace) -> "Budget | None":
    """The budget of the flags; None when none was given."""
    from kimi_mcp.agent.events import Budget

    given = {
        "steps": options.max_steps,
        "cost": options.max_cost,
        "seconds": options.max_time * 60 if options.max_time is not None else None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    return Budget.model_validate(given) if given else None


def host(settings: Settings) -> str:
    """The host's name or address."""
    return settings.text("base_url", "moonshot")


def key(base_url: str) -> "SecretStr | None":
    """The key for a host. Raises `KeyRefused` with how to give one, unless the host is this machine."""
    from urllib.parse import urlsplit

    from kimi_mcp.model.connect import address
    from kimi_mcp.model.errors import KeyRefused
    from kimi_mcp.model.keys import advice, find_key
    from kimi_tools import redact

    where = address(base_url)
    found = find_key(where, os.environ, config_file().parent / "key")
    for warning in found.warnings:
        print(f"kimi-mcp: {warning}", file=sys.stderr)
    if found.key is None and urlsplit(where).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise KeyRefused(f"There is no key for {urlsplit(where).hostname}. {advice(where)}")
    if found.key is not None:
        redact.know(found.key.get_secret_value())
    return found.key
