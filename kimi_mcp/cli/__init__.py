"""The command line: `kimi-mcp COMMAND …`. The only place that prints.

One module per command, imported when its command is asked for, with

- `HELP`: one line; `kimi-mcp COMMAND --help` shows it;
- `add_arguments(parser)`;
- `run(options) -> int`: the exit code.

A `ToolError` or `ModelError` ends the program with its one sentence on standard error and exit code 1, wrong
usage with 2, Ctrl-C with 130. `serve` must answer its client at once, so nothing here imports much.
"""

import sys

COMMANDS = {
    "serve": "serve the tools to an MCP client over stdin and stdout",
    "demo": "see a real bug fixed, with no key",
    "tools": "list the tools",
    "call": "call one tool",
    "fix": "resolve an issue: the agent finds, fixes and tests it, and hands you the patch",
    "acp": "the agent for editors that speak the Agent Client Protocol",
    "setup": "connect an editor or another client",
    "doctor": "say what protects you on this machine, what is missing, and how to get it",
    "runs": "list, show, watch, resume, replay and export runs",
    "index": "build the index of definitions and references ahead of its use, or keep it fresh",
    "bench": "measure every tool on a repository beside ripgrep, git, ctags and other MCP servers",
    "swebench": "run, grade and check batches of SWE-bench instances",
}
"""Every command and its line in the help; the module `kimi_mcp.cli.<command>` holds it."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    name = given[0] if given else "--help"
    if any((stream.encoding or "").lower() != "utf-8" for stream in (sys.stdout, sys.stderr) if stream):
        from kimi_mcp.cli import ascii

        ascii.use()
    if name in ("-h", "--help", "help"):
        print(_usage())
        return 0 if given else 2
    if name in ("-V", "--version", "version"):
        return _print_version()
    if name not in COMMANDS:
        print(
            f"kimi-mcp: there is no command '{name}'; the commands are: {', '.join(COMMANDS)}.",
            file=sys.stderr,
        )
        return 2
    return _run(name, given[1:])


def _run(name: str, arguments: list[str]) -> int:
    from importlib import import_module

    module = import_module(f"kimi_mcp.cli.{name.replace('-', '_')}")
    import argparse

    def formatter(prog: str) -> argparse.HelpFormatter:
        return argparse.HelpFormatter(prog, width=100)  # without a width, argparse imports shutil at once

    parser = argparse.ArgumentParser(
        f"kimi-mcp {name}", description=COMMANDS[name], formatter_class=formatter
    )
    module.add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        return module.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has left; Python would complain while it flushes
        return 141
    except Exception as error:
        if not _is_told(error):
            raise
        print(f"kimi-mcp: {error}", file=sys.stderr)
        return 1


def _is_told(error: Exception) -> bool:
    """Whether the error is a sentence for the caller, not a bug."""
    from kimi_mcp.model.errors import ModelError
    from kimi_tools.errors import ToolError

    return isinstance(error, ToolError | ModelError)


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, line in COMMANDS.items()]
    return "\n".join(
        [
            "kimi-mcp: repository tools over MCP, and an agent on Kimi K2 that uses them.",
            "",
            "usage: kimi-mcp COMMAND …        kimi-mcp COMMAND --help",
            "",
            *lines,
        ]
    )


def _print_version() -> int:
    from importlib.metadata import version

    print(f"kimi-mcp {version('kimi-mcp')}")
    return 0
