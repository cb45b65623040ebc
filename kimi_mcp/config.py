"""Settings, read once, at the edge: flags over the environment (`KIMI_MCP_*`) over the user's config file.

The file is `config.toml` in the user's config directory (`~/.config/kimi-mcp` on Linux); its keys are the
names of `SETTINGS`. An environment variable is the name in capitals behind `KIMI_MCP_`.
"""

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kimi_tools.errors import BadArguments, PathRefused, ToolError

if TYPE_CHECKING:  # the server's first answer must not wait for pydantic
    from kimi_tools.usage import Limits
    from kimi_tools.workspace import Workspace

SETTINGS: dict[str, str] = {
    "root": "the repository; default: the nearest directory upwards that holds .git, else the current one",
    "toolsets": "comma-separated sets of tools, 'default' or 'all'",
    "read_only": "offer only tools that change nothing",
    "no_sandbox": "run commands without protection",
    "sandbox_read": "further directories that commands may read",
    "allow": "leave given beforehand: protected, secrets, commits, servers",
    "allow_network": "hosts that commands may reach, as host or host:port",
    "max_memory": "memory of one command, such as 4G; default: three quarters of the machine's; 0: no limit",
    "max_processes": "processes and threads of one command; default: 4096; 0: no limit",
    "model": "the agent's model; default: the best that the host has",
    "base_url": "the model's host: an address, or moonshot, moonshot-cn, kimi-code, openrouter, ollama",
    "mode": "instant, thinking, agent or swarm",
    "rerank": "ask the model first which of the places that `locate` computed to show it: one short question per run",
}
"""Every setting that may stand in the environment or in the file, and what it says."""


class Settings:
    """The three layers. A flag that is None was not given.

    Raises `BadArguments` for a file that cannot be read, unknown names in it, and values of the wrong kind.
    """

    def __init__(
        self, flags: Mapping[str, Any] | None = None, *, environment: Mapping[str, str] | None = None
    ) -> None:
        environment = os.environ if environment is None else environment
        self._flags = {name: value for name, value in (flags or {}).items() if value is not None}
        self._environment = {
            name: environment[key] for name in SETTINGS if (key := f"KIMI_MCP_{name.upper()}") in environment
        }
        self._file = _read_file(config_file())

    def _find(self, name: str) -> tuple[Any, str] | None:
        for layer, source in (
            (self._flags, f"--{name.replace('_', '-')}"),
            (self._environment, f"KIMI_MCP_{name.upper()}"),
            (self._file, f"'{name}' in {config_file()}"),
        ):
            if name in layer:
                return layer[name], source
        return None

    def text(self, name: str, default: str = "") -> str:
        """A setting that is one string."""
        found = self._find(name)
        if found is None:
            return default
        if not isinstance(found[0], str):
            raise BadArguments(f"{found[1]} must be a string.")
        return found[0]

    def number(self, name: str, default: int) -> int:
        """A setting that is a whole number, not below 0."""
        found = self._find(name)
        if found is None:
            return default
        if isinstance(found[0], bool) or not re.fullmatch(r"\d+", str(found[0]).strip()):
            raise BadArguments(f"{found[1]} must be a whole number, not '{found[0]}'.")
        return int(found[0])

    def words(self, name: str) -> tuple[str, ...]:
        """A setting that is several words: a list in the file, else separated by commas."""
        found = self._find(name)
        if found is None:
            return ()
        value = found[0].split(",") if isinstance(found[0], str) else found[0]
        if not isinstance(value, list) or not all(isinstance(word, str) for word in cast(list[Any], value)):
            raise BadArguments(f"{found[1]} must be a list of strings.")
        words = cast(list[str], value)
        return tuple(word.strip() for word in words if word.strip())

    def switch(self, name: str) -> bool:
        """A setting that is on or off; off when it is not given."""
        found = self._find(name)
        if found is None:
            return False
        if isinstance(found[0], bool):
            return found[0]
        word = str(found[0]).strip().lower()
        if word not in _SWITCH:
            raise BadArguments(f"{found[1]} must be true or false, not '{found[0]}'.")
        return _SWITCH[word]


_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "": False, "0": False, "false": False} | {
    "no": False,
    "off": False,
}


def config_file() -> Path:
    """Where the user's settings stand; `KIMI_MCP_CONFIG` names another file."""
    if named := os.environ.get("KIMI_MCP_CONFIG"):
        return Path(named)
    if (
        sys.platform == "linux"
    ):  # as platformdirs would say; its import is a tenth of the server's first answer
        named = os.environ.get("XDG_CONFIG_HOME", "")
        folder = named if os.path.isabs(named) else os.path.expanduser("~/.config")
        return Path(folder, "kimi-mcp", "config.toml")
    import platformdirs

    return platformdirs.user_config_path("kimi-mcp") / "config.toml"


def key_file() -> Path:
    """A file with nothing but an API key, for users without a keyring; read only when it is theirs alone."""
    return config_file().with_name("key")


def state_directory() -> Path:
    """Where everything that outlives the process is kept, made for its owner only.

    `KIMI_MCP_STATE` names another directory.
    """
    named = os.environ.get("KIMI_MCP_STATE")
    if not named:
        import platformdirs

        named = platformdirs.user_state_path("kimi-mcp")
    folder = Path(named)
    with contextlib.suppress(OSError):  # whoever needs to write there is told why it cannot
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    return folder


def find_root(named: str = "", start: Path | None = None) -> Path:
    """The named root; else the nearest directory from `start` (the current one) upwards that holds .git."""
    if named:
        return Path(named).expanduser().absolute()
    here = (start or Path.cwd()).absolute()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def open_workspace(root: Path, settings: Settings | None = None) -> "Workspace":
    """The workspace of a root, its state kept below the user's state directory.

    Its commands run in the machine's best sandbox, which is looked for when the first one starts. A change
    of files that a crash cut off is taken back here; where that fails, the first edit says so.

    Raises `PathRefused` for the file system's root and the home directory, which are never one repository;
    `NotFound` when it is not a directory.
    """
    import hashlib

    from kimi_tools import journal
    from kimi_tools.policy import Policy
    from kimi_tools.sandbox import Best
    from kimi_tools.workspace import Workspace

    settings = settings or Settings()
    real = root.resolve()
    if real in (Path(real.anchor), Path.home().resolve()):
        raise PathRefused(
            f"The root is {real}, which is not one repository; "
            "start kimi-mcp inside a repository, or name one with --root or KIMI_MCP_ROOT."
        )
    key = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    workspace = Workspace(
        real,
        state=state_directory() / "workspaces" / key,
        sandbox=Best(
            off=settings.switch("no_sandbox"),
            readable=[Path(path).expanduser().absolute() for path in settings.words("sandbox_read")],
            network=settings.words("allow_network"),
        ),
        policy=Policy.allowing(settings.words("allow")),
        limits=command_limits(settings),
    )
    with contextlib.suppress(ToolError):
        journal.recover(workspace)
    return workspace


def command_limits(settings: Settings) -> "Limits":
    """What one command may use. Raises `BadArguments`."""
    from kimi_tools.usage import Limits, parse_size

    default = Limits.default()
    memory = settings.text("max_memory")
    return Limits(
        parse_size(memory) if memory else default.memory, settings.number("max_processes", default.tasks)
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadArguments(f"The settings file {path} cannot be read: {error}.") from None
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadArguments(f"The settings file {path} is not TOML: {error}.") from None
    if unknown := sorted(set(values) - set(SETTINGS)):
        raise BadArguments(
            f"The settings file {path} holds unknown names: {', '.join(unknown)}; "
            f"known are {', '.join(SETTINGS)}."
        )
    return values
