"""Every client that `setup` knows: where its settings are, and what our entry looks like in them.

Sources: the clients' own documents and code, and runs of the released versions (2026-11-21 to 26). A path is given per
system; `~` is the home directory, `%APPDATA%` Windows' roaming settings.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Scope = Literal["user", "project"]
Form = Literal["json", "toml", "toml list", "yaml"]
System = Literal["linux", "darwin", "win32"]

NAME = "kimi"
"""Our entry's name: short, because clients put it before every tool's name (at most 64 characters together)."""

PROGRAM = "kimi-mcp"
"""In the command line of every entry that is ours, and of no other."""

CALL_SECONDS = 600
"""A whole test run fits into one call; Cline's field is the limit of start and calls together."""


@dataclass(frozen=True, slots=True)
class Server:
    """How our server is started: the program, and the read-only tools that need no approval."""

    program: str
    read_only: Sequence[str] = ()

    def arguments(self, *more: str) -> list[str]:
        """`serve` and what follows it."""
        return ["serve", *more]


Entry = Callable[[Server], dict[str, Any]]
Paths = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """One settings file of a client: where it is, where our entry is in it, and the entry.

    `paths` maps a system to the file; `all` stands for every system. `make` says whether a file that is not
    there may be made.
    """

    paths: Paths
    keys: tuple[str, ...]
    entry: Entry
    form: Form = "json"

    def file(self, home: Path, project: Path, system: str = sys.platform) -> Path | None:
        """The file on this system; None where the client is not made for it."""
        named = self.paths.get("linux" if system.startswith("linux") else system, self.paths.get("all"))
        if named is None:
            return None
        if named.startswith("~/"):
            return home / named[2:]
        if named.startswith("%APPDATA%/"):
            return Path(os.environ.get("APPDATA", home / "AppData/Roaming")) / named.removeprefix(
                "%APPDATA%/"
            )
        return project / named


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `signs`: files or programs by which it is seen to be installed; `after`: what to do next."""

    name: str
    title: str
    signs: tuple[str, ...]
    places: Mapping[Scope, tuple[Place, ...]]
    after: str = "Restart it, or reload its MCP servers."
    notes: tuple[str, ...] = field(default=())
    rules: str = ""
    """Where in a project its model looks for rules; see `rules.md`."""


def _plain(server: Server) -> dict[str, Any]:
    return {"command": server.program, "args": server.arguments()}


def _typed(server: Server) -> dict[str, Any]:
    return {"type": "stdio", **_plain(server), "env": {}}


def _cline(server: Server) -> dict[str, Any]:
    return {
        **_typed(server),
        "timeout": CALL_SECONDS,
        "autoApprove": list(server.read_only),
        "disabled": False,
    }


def _vscode(server: Server) -> dict[str, Any]:
    arguments = server.arguments("--root", "${workspaceFolder}")
    return {"type": "stdio", "command": server.program, "args": arguments}


def _cursor(server: Server) -> dict[str, Any]:
    return {**_vscode(server), "env": {}}


def _copilot(server: Server) -> dict[str, Any]:
    return {**_typed(server), "tools": ["*"]}  # without `tools` it offers none


def _codex(server: Server) -> dict[str, Any]:
    # without `required` the first turn starts before the server is up and has no tools (seen in 0.169)
    return {
        **_plain(server),
        "required": True,
        "startup_timeout_sec": 20,
        "tool_timeout_sec": CALL_SECONDS,
    }


def _gemini(server: Server) -> dict[str, Any]:
    return {**_plain(server), "timeout": CALL_SECONDS * 1000}


def _opencode(server: Server) -> dict[str, Any]:
    command = [server.program, *server.arguments()]
    return {"type": "local", "command": command, "enabled": True, "timeout": CALL_SECONDS * 1000}


def _windsurf(server: Server) -> dict[str, Any]:
    return {**_plain(server), "env": {}}


def _zed(server: Server) -> dict[str, Any]:
    return {**_windsurf(server), "timeout": CALL_SECONDS}  # seconds; 60 without


def _mcphub(server: Server) -> dict[str, Any]:
    return {**_plain(server), "autoApprove": list(server.read_only)}


def _kimi_code(server: Server) -> dict[str, Any]:
    return {**_plain(server), "toolTimeoutMs": CALL_SECONDS * 1000}


def _vibe(server: Server) -> dict[str, Any]:
    return {
        "transport": "stdio",
        **_plain(server),
        "startup_timeout_sec": 20,
        "tool_timeout_sec": CALL_SECONDS,
    }


def _continue(server: Server) -> dict[str, Any]:
    return {"name": NAME, **_plain(server), "connectionTimeout": 20_000}


def _zed_agent(server: Server) -> dict[str, Any]:
    return {"type": "custom", **_agent(server)}  # since 0.221 beside those of its registry; ignored before


def _agent(server: Server) -> dict[str, Any]:
    return {"command": server.program, "args": ["acp"], "env": {}}


def _servers(paths: Paths, entry: Entry, key: str = "mcpServers") -> Place:
    return Place(paths, (key, NAME), entry)


CLIENTS: tuple[Client, ...] = (
    Client(
        "cline",
        "Cline (VS Code extension and CLI)",
        ("~/.cline", "cline"),
        {"user": (_servers({"all": "~/.cline/data/settings/cline_mcp_settings.json"}, _cline),)},
        "Open Cline's MCP servers panel, or start `cline` again.",
        rules=".clinerules/kimi.md",
    ),
    Client(
        "vscode",
        "VS Code and GitHub Copilot",
        ("~/.config/Code", "~/Library/Application Support/Code", "%APPDATA%/Code", "code"),
        {
            "user": (
                _servers(
                    {
                        "linux": "~/.config/Code/User/mcp.json",
                        "darwin": "~/Library/Application Support/Code/User/mcp.json",
                        "win32": "%APPDATA%/Code/User/mcp.json",
                    },
                    _vscode,
                    "servers",
                ),
            ),
            "project": (_servers({"all": ".vscode/mcp.json"}, _vscode, "servers"),),
        },
        "Run 'MCP: List Servers' and start it.",
        rules=".github/instructions/kimi.instructions.md",
    ),
    Client(
        "copilot-cli",
        "GitHub Copilot CLI",
        ("~/.copilot", "copilot"),
        {
            "user": (_servers({"all": "~/.copilot/mcp-config.json"}, _copilot),),
            "project": (_servers({"all": ".github/mcp.json"}, _copilot),),
        },
        "Start `copilot` again; /mcp show lists it.",
        rules=".github/instructions/kimi.instructions.md",
    ),
    Client(
        "claude-code",
        "Claude Code",
        ("~/.claude.json", "~/.claude", "claude"),
        {
            "user": (_servers({"all": "~/.claude.json"}, _typed),),
            "project": (_servers({"all": ".mcp.json"}, _typed),),
        },
        "Start `claude` again; /mcp lists it.",
        rules=".claude/rules/kimi.md",
    ),
    Client(
        "codex",
        "Codex",
        ("~/.codex", "codex"),
        {
            "user": (Place({"all": "~/.codex/config.toml"}, ("mcp_servers", NAME), _codex, "toml"),),
            "project": (Place({"all": ".codex/config.toml"}, ("mcp_servers", NAME), _codex, "toml"),),
        },
        "Start `codex` again.",
    ),
    Client(
        "cursor",
        "Cursor",
        ("~/.cursor", "cursor"),
        {
            "user": (_servers({"all": "~/.cursor/mcp.json"}, _cursor),),
            "project": (_servers({"all": ".cursor/mcp.json"}, _cursor),),
        },
    ),
    Client(
        "devin",
        "Devin Desktop (before June 2026 Windsurf) and Devin CLI",
        ("~/.config/devin", "%APPDATA%/devin", "devin"),
        {
            "user": (
                _servers(
                    {
                        "all": "~/.config/devin/mcp_config.json",
                        "win32": "%APPDATA%/devin/mcp_config.json",
                    },
                    _windsurf,
                ),
            ),
            "project": (_servers({"all": ".devin/mcp_config.json"}, _windsurf),),
        },
        "It asks before the first call of a tool; all of the server's tools can be allowed there.",
        notes=("It was not run by this project: it needs an account.",),
    ),
    Client(
        "windsurf",
        "Windsurf",
        ("~/.codeium/windsurf", "windsurf"),
        {"user": (_servers({"all": "~/.codeium/windsurf/mcp_config.json"}, _windsurf),)},
        notes=(
            "It shows at most 100 tools of all servers together.",
            "Under its new name, Devin Desktop, it reads another file: kimi-mcp setup devin.",
        ),
    ),
    Client(
        "zed",
        "Zed",
        ("~/.config/zed", "%APPDATA%/Zed", "zed"),
        {
            "user": (
                _servers(
                    {"all": "~/.config/zed/settings.json", "win32": "%APPDATA%/Zed/settings.json"},
                    _zed,
                    "context_servers",
                ),
                _servers(
                    {"all": "~/.config/zed/settings.json", "win32": "%APPDATA%/Zed/settings.json"},
                    _zed_agent,
                    "agent_servers",
                ),
            ),
            "project": (_servers({"all": ".zed/settings.json"}, _zed, "context_servers"),),
        },
        "The tools are in the agent panel; 'kimi' is among the external agents.",
        rules=".rules",
    ),
    Client(
        "jetbrains",
        "JetBrains IDEs (Junie and AI Assistant)",
        (
            "~/.junie",
            "~/.jetbrains",
            "~/.config/JetBrains",
            "~/Library/Application Support/JetBrains",
            "%APPDATA%/JetBrains",
        ),
        {
            "user": (
                _servers({"all": "~/.junie/mcp/mcp.json"}, _plain),
                _servers({"all": "~/.jetbrains/acp.json"}, _agent, "agent_servers"),
            ),
            "project": (_servers({"all": ".junie/mcp/mcp.json"}, _plain),),
        },
        "The agent 'kimi' is in AI Chat's list of agents.",
        rules=".junie/AGENTS.md",
    ),
    Client(
        "antigravity",
        "Google Antigravity (IDE and CLI)",
        ("~/.gemini/config", "~/.gemini/antigravity", "~/.gemini/antigravity-cli", "agy"),
        {
            "user": (_servers({"all": "~/.gemini/config/mcp_config.json"}, _windsurf),),
            "project": (_servers({"all": ".agents/mcp_config.json"}, _windsurf),),
        },
        notes=("It was not run by this project: it needs an account.",),
    ),
    Client(
        "gemini",
        "Gemini CLI",
        ("~/.gemini", "gemini"),
        {
            "user": (_servers({"all": "~/.gemini/settings.json"}, _gemini),),
            "project": (_servers({"all": ".gemini/settings.json"}, _gemini),),
        },
    ),
    Client(
        "qwen",
        "Qwen Code",
        ("~/.qwen", "qwen"),
        {
            "user": (_servers({"all": "~/.qwen/settings.json"}, _gemini),),
            "project": (_servers({"all": ".qwen/settings.json"}, _gemini),),
        },
    ),
    Client(
        "opencode",
        "opencode",
        ("~/.config/opencode", "opencode"),
        {
            "user": (_servers({"all": "~/.config/opencode/opencode.json"}, _opencode, "mcp"),),
            "project": (_servers({"all": "opencode.json"}, _opencode, "mcp"),),
        },
    ),
    Client(
        "continue",
        "Continue",
        ("~/.continue", "cn"),
        {
            "user": (Place({"all": f"~/.continue/mcpServers/{NAME}.yaml"}, (), _continue, "yaml"),),
            "project": (Place({"all": f".continue/mcpServers/{NAME}.yaml"}, (), _continue, "yaml"),),
        },
        notes=(
            "The extensions read it; `cn` 1.5 does not: put it into the mcpServers of ~/.continue/config.yaml by hand.",
        ),
    ),
    Client(
        "kimi-cli",
        "Kimi CLI (Python)",
        ("~/.kimi", "kimi-cli"),
        {"user": (_servers({"all": "~/.kimi/mcp.json"}, _plain),)},
        notes=("It is archived; its successor is kimi-code.",),
    ),
    Client(
        "kimi-code",
        "Kimi Code",
        ("~/.kimi-code", "kimi"),
        {
            "user": (_servers({"all": "~/.kimi-code/mcp.json"}, _kimi_code),),
            "project": (_servers({"all": ".kimi-code/mcp.json"}, _kimi_code),),
        },
    ),
    Client(
        "vibe",
        "Mistral Vibe",
        ("~/.vibe", "vibe"),
        {
            "user": (Place({"all": "~/.vibe/config.toml"}, ("mcp_servers", NAME), _vibe, "toml list"),),
            "project": (Place({"all": ".vibe/config.toml"}, ("mcp_servers", NAME), _vibe, "toml list"),),
        },
        "Start `vibe` again; /mcp lists it.",
    ),
    Client(
        "neovim",
        "Neovim (mcphub.nvim)",
        ("~/.config/mcphub", "nvim"),
        {"user": (_servers({"all": "~/.config/mcphub/servers.json"}, _mcphub),)},
        "For the agent in CodeCompanion or avante see editors/neovim.",
    ),
)
