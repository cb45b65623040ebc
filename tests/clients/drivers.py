"""How each client is installed, told about the server and the model, and given a prompt, without a screen.

A driver writes the client's settings into a home of its own and returns the command line. What is set beyond
the server and the model only keeps the client offline, quiet and from asking.
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimi_mcp.clients.known import CLIENTS as KNOWN
from kimi_mcp.clients.known import Server
from tests.clients.model import DONE, NAME


@dataclass(frozen=True)
class Watched(Server):
    """A server whose command line is another one."""

    serve: Sequence[str] = ()

    def arguments(self, *more: str) -> list[str]:
        """What follows the program."""
        return list(self.serve[1:])


@dataclass(frozen=True)
class Setting:
    """What a driver is given. `binaries`: the client's `node_modules/.bin`; `serve`: the server's command line."""

    home: Path
    root: Path
    binaries: Path
    model_url: str
    serve: list[str]
    prompt: str
    plan: list[tuple[str, dict[str, object]]]

    def write(self, path: str, content: object) -> Path:
        """Write a settings file below the home: text as it is, anything else as JSON."""
        target = self.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return target

    def entry(self, client: str) -> dict[str, Any]:
        """What `kimi-mcp setup` writes for a client, with the server that is watched in the place of ours."""
        place = next(one for one in KNOWN if one.name == client).places["user"][0]
        return place.entry(Watched(self.serve[0], (), self.serve))

    @property
    def stdio(self) -> dict[str, object]:
        """The entry that most clients share."""
        return {"command": self.serve[0], "args": self.serve[1:]}


@dataclass(frozen=True)
class Command:
    """A command line and what its environment gets beside PATH, HOME and a terminal's name."""

    argv: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Client:
    """One client. `prepare`: the driver. `package`: its name on npm, or behind `pypi:` on PyPI; empty: the SDK here."""

    name: str
    package: str
    prepare: Callable[[Setting], Command]


def cline(given: Setting) -> Command:
    key = {
        "provider": "openai-compatible",
        "apiKey": "x",
        "model": "fake-model",
        "baseUrl": f"{given.model_url}/v1",
    }
    provider = {"settings": key, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    providers = {"version": 1, "lastUsedProvider": "openai-compatible", "modes": {}}
    folder = ".cline/data/settings"
    given.write(f"{folder}/providers.json", {**providers, "providers": {"openai-compatible": provider}})
    given.write(f"{folder}/global-settings.json", {"telemetryOptOut": True, "autoUpdateEnabled": False})
    given.write(f"{folder}/cline_mcp_settings.json", {"mcpServers": {NAME: given.entry("cline")}})
    flags = [
        "--json",
        "--auto-approve",
        "true",
        "-P",
        "openai-compatible",
        "-m",
        "fake-model",
        "-c",
        str(given.root),
    ]
    return Command([str(given.binaries / "cline"), *flags, given.prompt], {"CLINE_NO_AUTO_UPDATE": "1"})


def codex(given: Setting) -> Command:
    entry = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.entry("codex").items())
    given.write(
        ".codex/config.toml",
        f"""model = "fake-model"
model_provider = "fake"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.fake]
name = "fake"
base_url = "{given.model_url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
supports_websockets = false
[mcp_servers.{NAME}]
{entry}
default_tools_approval_mode = "approve"
[analytics]
enabled = false
""",
    )
    flags = ["exec", "--skip-git-repo-check", "--json", "-C", str(given.root)]
    return Command([str(given.binaries / "codex"), *flags, given.prompt], {"FAKE_KEY": "x"})


def opencode(given: Setting) -> Command:
    model = {
        "fake-model": {"name": "fake", "tool_call": True, "limit": {"context": 200_000, "output": 8_000}}
    }
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{given.model_url}/v1", "apiKey": "x"},
    }
    server = given.entry("opencode")
    settings = {
        "provider": {"fake": {**provider, "models": model}},
        "model": "fake/fake-model",
        "small_model": "fake/fake-model",
        "mcp": {NAME: server},
        "permission": {"*": "allow"},
        "autoupdate": False,
        "share": "disabled",
    }
    given.write(".config/opencode/opencode.json", settings)
    off = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
    return Command(
        [str(given.binaries / "opencode"), "run", "--format", "json", given.prompt],
        {f"OPENCODE_DISABLE_{name}": "1" for name in off},
    )


def claude(given: Setting) -> Command:
    path = given.write("mcp.json", {"mcpServers": {NAME: given.entry("claude-code")}})
    flags = ["-p", "--mcp-config", str(path), "--strict-mcp-config", "--permission-mode", "bypassPermissions"]
    flags += ["--output-format", "stream-json", "--verbose"]
    environment = {
        "ANTHROPIC_BASE_URL": given.model_url,
        "ANTHROPIC_API_KEY": "x",
        "CLAUDE_CONFIG_DIR": str(given.home / ".claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "ENABLE_TOOL_SEARCH": "0",
        "MCP_CONNECTION_NONBLOCKING": "0",
        "IS_SANDBOX": "1",
    }
    return Command([str(given.binaries / "claude"), *flags, given.prompt], environment)


def gemini(given: Setting) -> Command:
    server = {**given.entry("gemini"), "trust": True}
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
        "mcpServers": {NAME: server},
    }
    given.write(".gemini/settings.json", settings)
    return Command(
        [
            str(given.binaries / "gemini"),
            "--yolo",
            "--skip-trust",
            "-m",
            "gemini-2.5-pro",
            "-p",
            given.prompt,
        ],
        {"GEMINI_API_KEY": "x", "GOOGLE_GEMINI_BASE_URL": given.model_url},
    )


def qwen(given: Setting) -> Command:
    settings = {
        "mcpServers": {NAME: {**given.entry("qwen"), "trust": True}},
        "tools": {"toolSearch": {"enabled": False}},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
    }
    given.write(".qwen/settings.json", settings)
    return Command(
        [str(given.binaries / "qwen"), "--auth-type", "openai", "--yolo", "-p", given.prompt],
        {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{given.model_url}/v1", "OPENAI_MODEL": "fake-model"},
    )


def continue_(given: Setting) -> Command:
    path = given.write(
        "continue.yaml",
        json.dumps(  # JSON is YAML
            {
                "name": "test",
                "version": "1.0.0",
                "schema": "v1",
                "models": [
                    {
                        "name": "fake",
                        "provider": "openai",
                        "model": "fake-model",
                        "apiBase": f"{given.model_url}/v1",
                        "apiKey": "x",
                        "roles": ["chat"],
                        "capabilities": ["tool_use"],
                    }
                ],
                "mcpServers": [given.entry("continue")],
            }
        ),
    )
    return Command(
        [str(given.binaries / "cn"), "--config", str(path), "--auto", "-p", given.prompt],
        {"CONTINUE_TELEMETRY_ENABLED": "0", "CONTINUE_CLI_ENABLE_TELEMETRY": "0"},
    )


def kimi(given: Setting) -> Command:
    given.write(
        ".kimi-code/config.toml",
        f"""default_model = "fake"
telemetry = false
[providers.fake]
type = "openai"
base_url = "{given.model_url}/v1"
api_key = "x"
[models.fake]
provider = "fake"
model = "fake-model"
max_context_size = 200000
""",
    )
    given.write(".kimi-code/mcp.json", {"mcpServers": {NAME: given.entry("kimi-code")}})
    return Command(
        [str(given.binaries / "kimi"), "-p", given.prompt],
        {"KIMI_CODE_HOME": str(given.home / ".kimi-code"), "KIMI_CODE_NO_AUTO_UPDATE": "1"},
    )


def copilot(given: Setting) -> Command:
    """With a model of one's own it asks for no sign-in; offline it talks to that model alone."""
    given.write(".copilot/mcp-config.json", {"mcpServers": {NAME: given.entry("copilot-cli")}})
    flags = ["--allow-all-tools", "--no-ask-user", "--no-auto-update", "--no-color", "-C", str(given.root)]
    model = {
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": f"{given.model_url}/v1",
        "COPILOT_PROVIDER_API_KEY": "x",
        "COPILOT_MODEL": "fake-model",
    }
    return Command([str(given.binaries / "copilot"), *flags, "-p", given.prompt], model)


def vibe(given: Setting) -> Command:
    server = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.entry("vibe").items())
    given.write(
        ".vibe/config.toml",
        f"""active_model = "fake"
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
[[providers]]
name = "fake"
api_base = "{given.model_url}/v1"
api_key_env_var = "FAKE_KEY"
backend = "generic"
[[models]]
name = "fake-model"
provider = "fake"
alias = "fake"
[[mcp_servers]]
name = "{NAME}"
{server}
""",
    )
    flags = ["--trust", "--auto-approve", "--workdir", str(given.root), "-p", given.prompt]
    return Command([str(given.binaries / "vibe"), *flags], {"FAKE_KEY": "x"})


def inspector(given: Setting) -> Command:
    """Lists strictly, which fails on schemas that some client cannot read, and then makes each call."""
    entry = {"type": "stdio", **given.stdio, "requestTimeout": 600_000}
    path = given.write("inspector.json", {"mcpServers": {NAME: entry}})
    start = [
        str(given.binaries / "mcp-inspector"),
        "--cli",
        "--config",
        str(path),
        "--server",
        NAME,
        "--method",
    ]
    lines = [[*start, "tools/list", "--strict"]]
    for name, arguments in given.plan:
        pairs = [word for key, value in arguments.items() for word in ("--tool-arg", f"{key}={value}")]
        lines.append([*start, "tools/call", "--tool-name", name, *pairs])
    lines.append(["echo", DONE])
    return Command(["sh", "-c", " && ".join(shlex.join(line) for line in lines)], {})


def typescript(version: str, mode: str) -> Callable[[Setting], Command]:
    """The driver for a version of the TypeScript SDK."""

    def prepare(given: Setting) -> Command:
        script = given.binaries.parent.parent / "typescript.mjs"
        shutil.copy(Path(__file__).with_name("typescript.mjs"), script)
        return Command(["node", str(script), version, mode, json.dumps(given.plan), "--", *given.serve], {})

    return prepare


def python(mode: str) -> Callable[[Setting], Command]:
    """The driver for the Python SDK."""

    def prepare(given: Setting) -> Command:
        here = Path(__file__).parents[2]
        script = str(Path(__file__).with_name("python_sdk.py"))
        return Command(
            [sys.executable, script, mode, json.dumps(given.plan), *given.serve], {"PYTHONPATH": str(here)}
        )

    return prepare


CLIENTS = (
    Client("Cline CLI", "cline", cline),
    Client("Codex", "@openai/codex", codex),
    Client("OpenCode", "opencode-ai", opencode),
    Client("Claude Code", "@anthropic-ai/claude-code", claude),
    Client("Gemini CLI", "@google/gemini-cli", gemini),
    Client("Qwen Code", "@qwen-code/qwen-code", qwen),
    Client("Continue", "@continuedev/cli", continue_),
    Client("Kimi Code", "@moonshot-ai/kimi-code", kimi),
    Client("Copilot CLI", "@github/copilot", copilot),
    Client("Mistral Vibe", "pypi:mistral-vibe", vibe),
    Client("Inspector CLI", "@modelcontextprotocol/inspector", inspector),
    Client("TypeScript SDK 1", "@modelcontextprotocol/sdk", typescript("1", "")),
    Client("TypeScript SDK 2, auto", "@modelcontextprotocol/client", typescript("2", "auto")),
    Client("Python SDK, legacy", "", python("legacy")),
    Client("Python SDK, auto", "", python("auto")),
)


def environment(home: Path, node: Path, more: dict[str, str]) -> dict[str, str]:
    """A small environment: nothing of ours but the programs."""
    path = f"{node}{os.pathsep}{os.environ['PATH']}"
    kept = {name: os.environ[name] for name in ("LANG", "TZ") if name in os.environ}
    folders = {
        f"XDG_{name}_HOME": str(home / folder)
        for name, folder in (
            ("CONFIG", ".config"),
            ("DATA", ".local/share"),
            ("STATE", ".local/state"),
            ("CACHE", ".cache"),
        )
    }
    return {
        **kept,
        "PATH": path,
        "HOME": str(home),
        "TERM": "dumb",
        "CI": "1",
        "NO_COLOR": "1",
        **folders,
        **more,
    }
