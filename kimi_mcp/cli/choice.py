"""The flags that choose the tools and the repository, the same for every command that has them."""

import argparse

from kimi_mcp.config import Settings
from kimi_mcp.server.selection import Selection
from kimi_tools.errors import BadArguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--toolsets` and `--read-only`."""
    parser.add_argument("--toolsets", metavar="A,B", help="sets of tools to offer; 'all' for every set")
    parser.add_argument(
        "--read-only", action="store_true", default=None, help="only tools that change nothing"
    )


def add_root(parser: argparse.ArgumentParser) -> None:
    """`--root`, and the flags of `add_leave`."""
    parser.add_argument(
        "--root", metavar="DIR", help="the repository; default: the one around this directory"
    )
    add_leave(parser)


def add_leave(parser: argparse.ArgumentParser) -> None:
    """What commands in the repository and edits of it may do."""
    parser.add_argument(
        "--allow",
        metavar="A,B",
        help="leave given beforehand: protected (files), secrets (files), commits, servers (an editor's MCP tools)",
    )
    parser.add_argument("--allow-network", metavar="HOST,…", help="hosts that commands may reach")
    parser.add_argument("--max-memory", metavar="SIZE", help="memory of one command, such as 4G; 0: no limit")
    parser.add_argument(
        "--max-processes", metavar="N", help="processes and threads of one command; 0: no limit"
    )
    parser.add_argument("--sandbox-read", metavar="DIR,…", help="further directories that commands may read")
    parser.add_argument(
        "--no-sandbox", action="store_true", default=None, help="run commands without protection"
    )


def leave(options: argparse.Namespace, *more: str) -> list[str]:
    """The flags of `add_leave` as they were given, for another command of ours; `more`: further words of `--allow`."""
    words = [options.allow, *more] if options.allow else list(more)
    flags = [f"--allow={','.join(words)}"] if words else []
    for name in ("allow_network", "max_memory", "max_processes", "sandbox_read"):
        if value := getattr(options, name):
            flags.append(f"--{name.replace('_', '-')}={value}")
    return [*flags, "--no-sandbox"] if options.no_sandbox else flags


def settings(options: argparse.Namespace) -> Settings:
    """The flags over environment and file. Raises `BadArguments`."""
    return Settings(vars(options))


def selection(chosen: Settings) -> Selection:
    """The tools to offer. Raises `BadArguments` for an unknown toolset."""
    try:
        return Selection(chosen.words("toolsets"), read_only=chosen.switch("read_only"))
    except ValueError as error:
        raise BadArguments(str(error)) from None
