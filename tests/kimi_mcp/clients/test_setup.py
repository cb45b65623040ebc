"""`setup`, round trip, for every client, on realistic settings of people who use them."""

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from kimi_mcp.cli import main
from kimi_mcp.clients.jsonc import read
from kimi_mcp.clients.known import CLIENTS, NAME, Client, Place
from kimi_tools.catalog import TOOLS

JSON = """{
  // my servers
  "mcpServers": {
    "github": {
      "command": "docker",
      "args": ["run", "-i", "ghcr.io/github/github-mcp-server"], // keep
      "env": { "GITHUB_TOKEN": "x" }
    }
  },
  "servers": { "other": { "type": "stdio", "command": "o" } },
  "mcp": {},
  "context_servers": {
    "a": { "command": "a", "args": [], "env": {} },
  },
  "theme": "One Dark",
  "tabs": [1, 2, 3,],
}
"""
STRICT = json.dumps(
    {"numStartups": 12, "mcpServers": {"a": {"command": "a"}}, "projects": {"/x": {}}}, indent=2
)
TOML = """# my settings
model = "gpt-5"   # the good one

[mcp_servers.other]
command = "o"
env = { KEY = "v" }

[projects."/home/ada/x"]
trust_level = "trusted"
"""


LISTED = """# mine
active_model = "m"

[[mcp_servers]]
name = "other" # the first
transport = "http"
url = "https://mcp.example"

[tools.bash]
permission = "ask"
"""


def existing(client: Client, place: Place) -> str:
    if place.form == "toml list":
        return LISTED
    if place.form == "toml":
        return TOML
    return JSON if client.name in ("vscode", "zed", "opencode", "cursor") else STRICT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.defpath)
    return tmp_path


def setup(*arguments: str) -> int:
    return main(["setup", *arguments])


def keeps_every_character(old: str, new: str) -> bool:
    """Whether the new text is the old one with something put in."""
    rest = iter(new)
    return all(character in rest for character in old)


def files_of(client: Client, scope: str, home: Path) -> dict[Path, list[Place]]:
    files: dict[Path, list[Place]] = {}
    for place in client.places[scope]:  # type: ignore[index]
        path = place.file(home, home / "project")
        assert path is not None
        files.setdefault(path, []).append(place)
    return files


def entry(path: Path, place: Place) -> dict:
    text = path.read_text().removeprefix("\ufeff")
    if place.form == "yaml":
        return {"text": text}
    if place.form == "toml list":
        listed = tomllib.loads(text)[place.keys[0]]
        return next(item for item in listed if item["name"] == place.keys[1])
    data = tomllib.loads(text) if place.form == "toml" else read(text)
    for key in place.keys:
        data = data[key]
    return data


SCOPES = [(client, scope) for client in CLIENTS for scope in client.places]


@pytest.mark.parametrize(("client", "scope"), SCOPES, ids=lambda value: getattr(value, "name", value))
def test_setup_adds_our_entry_alone_and_remove_restores_the_bytes(
    client: Client, scope: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = files_of(client, scope, home)
    flags = [client.name, "--scope", scope, "--project", str(home / "project")]
    before: dict[Path, bytes] = {}
    for path, places in files.items():
        if places[0].form != "yaml":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(existing(client, places[0]))
            path.chmod(0o600)
            before[path] = path.read_bytes()

    assert setup(*flags, "--print") == 0
    assert "+++" in capsys.readouterr().out
    assert all(path.read_bytes() == data for path, data in before.items())

    assert setup(*flags) == 0
    for path, places in files.items():
        for place in places:
            assert "serve" in str(entry(path, place)) or "acp" in str(entry(path, place))
        assert keeps_every_character(before.get(path, b"").decode(), path.read_text())
        if path in before:
            assert path.stat().st_mode & 0o777 == 0o600

    now = {path: path.read_bytes() for path in files}
    capsys.readouterr()
    assert setup(*flags) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in files} == now

    assert setup(*flags, "--remove") == 0
    for path in files:
        if path in before:
            assert path.read_bytes() == before[path]
        else:
            assert not path.exists()
        assert not list(path.parent.glob("*.before-kimi-mcp"))


def test_a_users_own_fields_and_later_changes_survive_update_and_removal(home: Path) -> None:
    path = home / ".cline/data/settings/cline_mcp_settings.json"
    path.parent.mkdir(parents=True)
    path.write_text(STRICT)
    assert setup("cline") == 0
    data = json.loads(path.read_text())
    mine = {"command": "/old/kimi-mcp", "timeout": 42, "env": {"MOONSHOT_API_KEY": "k"}}
    data["mcpServers"][NAME] |= mine
    data["later"] = True
    path.write_text(json.dumps(data, indent=2))
    assert setup("cline") == 0
    ours = json.loads(path.read_text())["mcpServers"][NAME]
    assert (ours["timeout"], ours["env"]) == (42, {"MOONSHOT_API_KEY": "k"})
    assert ours["command"] != "/old/kimi-mcp"
    assert setup("cline", "--remove") == 0
    assert json.loads(path.read_text()) == {**json.loads(STRICT), "later": True}


def test_read_only_tools_are_approved_in_cline_and_no_other(home: Path) -> None:
    assert setup("cline") == 0
    path = home / ".cline/data/settings/cline_mcp_settings.json"
    approved = json.loads(path.read_text())["mcpServers"][NAME]["autoApprove"]
    assert "search_text" in approved
    assert not {"edit_file", "write_file", "run_command", "run_tests"} & set(approved)


def test_a_broken_file_is_refused_with_its_line_and_left_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / ".claude.json"
    path.write_text('{\n  "a": 1\n  "b": 2\n}\n')
    assert setup("claude-code") == 1
    assert ".claude.json: line 3" in capsys.readouterr().err
    assert path.read_text() == '{\n  "a": 1\n  "b": 2\n}\n'


def test_an_unknown_client_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert setup("emacs") == 1
    assert "There is no client 'emacs'; there is cline, vscode" in capsys.readouterr().err


def test_detect_tells_installed_and_connected_clients_apart(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".codex").mkdir()
    assert setup("gemini") == 0
    capsys.readouterr()
    assert setup("--detect") == 0
    lines = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert (lines["codex"], lines["gemini"], lines["zed"]) == ("installed", "connected", "-")


def test_every_client_is_known_on_every_system(tmp_path: Path) -> None:
    for client in CLIENTS:
        for places in client.places.values():
            for place in places:
                for system in ("linux", "darwin", "win32"):
                    assert place.file(tmp_path, tmp_path, system) is not None


VARIATIONS = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "tabs": lambda text: text.replace("  ", "\t"),
    "no final newline": lambda text: text.rstrip("\n"),
    "byte-order mark": lambda text: "\ufeff" + text,
    "empty": lambda text: "",
    "blank": lambda text: "\n",
}


@pytest.mark.parametrize("variation", VARIATIONS)
@pytest.mark.parametrize(("client", "scope"), SCOPES, ids=lambda value: getattr(value, "name", value))
def test_whatever_the_file_looks_like_it_keeps_its_ways_and_comes_back(
    client: Client, scope: str, variation: str, home: Path
) -> None:
    flags = [client.name, "--scope", scope, "--project", str(home / "project")]
    before: dict[Path, bytes] = {}
    for path, places in files_of(client, scope, home).items():
        if places[0].form != "yaml":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(VARIATIONS[variation](existing(client, places[0])).encode())
            before[path] = path.read_bytes()
    assert setup(*flags) == 0
    for path, places in files_of(client, scope, home).items():
        text = path.read_bytes().decode()
        for place in places:
            assert entry(path, place)
        if variation == "crlf":
            assert text.count("\r\n") == text.count("\n") or path not in before
        if variation == "tabs" and places[0].form == "json":
            assert "\n  " not in text
    assert setup(*flags, "--remove") == 0
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_file_that_is_something_else_is_refused_and_left_alone(
    client: Client, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        path: places for path, places in files_of(client, "user", home).items() if places[0].form != "yaml"
    }
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"[ this is neither\n")
    assert setup(client.name) == (1 if files else 0)
    said = capsys.readouterr().err
    assert not files or ("by hand" in said and str(next(iter(files))) in said and "Traceback" not in said)
    assert all(path.read_bytes() == b"[ this is neither\n" for path in files)


def settings(home: Path, text: str = STRICT) -> Path:
    """Cline's file, with something in it."""
    path = home / ".cline/data/settings/cline_mcp_settings.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_file_that_is_a_link_into_dotfiles_stays_one(home: Path) -> None:
    path = settings(home)
    kept = home / "dotfiles.json"
    path.rename(kept)
    path.symlink_to(kept)
    assert setup("cline") == 0
    assert path.is_symlink() and NAME in kept.read_text()
    assert setup("cline", "--remove") == 0
    assert path.is_symlink() and kept.read_text() == STRICT


def test_a_read_only_file_is_left_alone_with_the_way_out(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings(home)
    path.chmod(0o444)
    assert setup("cline") == 1
    assert "read-only" in capsys.readouterr().err
    assert path.read_text() == STRICT and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("writes", "code"), [(1, 0), (9, 1)])
def test_what_another_program_writes_meanwhile_is_not_lost(
    writes: int,
    code: int,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = settings(home)
    left = list(range(writes))

    class Late(type(path)):  # a subclass of Path itself cannot be made before Python 3.12
        """A file that another program writes as soon as it has been read, so many times."""

        def read_bytes(self) -> bytes:
            data = super().read_bytes()
            if left:
                path.write_text(json.dumps({**json.loads(data), "theirs": left.pop(0)}))
            return data

    client = next(client for client in CLIENTS if client.name == "cline")
    monkeypatch.setattr(type(client.places["user"][0]), "file", lambda *_: Late(path))
    assert setup("cline") == code
    now = json.loads(path.read_text())
    assert now["theirs"] == (0 if code == 0 else 2)
    assert (NAME in now["mcpServers"]) == (code == 0)
    assert ("being changed by another program" in capsys.readouterr().err) == (code == 1)


def test_a_huge_file_is_edited_as_any_other(home: Path) -> None:
    text = json.dumps({"projects": {f"/p/{n}": {"history": ["x" * 900]} for n in range(3_000)}}, indent=2)
    path = settings(home, text)
    assert setup("cline") == 0
    assert entry(path, CLIENTS[0].places["user"][0])["command"]
    assert setup("cline", "--remove") == 0
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "system", "file"),
    [
        ("vscode", "darwin", "/h/Library/Application Support/Code/User/mcp.json"),
        ("vscode", "win32", "/h/AppData/Roaming/Code/User/mcp.json"),
        ("vscode", "linux", "/h/.config/Code/User/mcp.json"),
        ("zed", "darwin", "/h/.config/zed/settings.json"),
        ("zed", "win32", "/h/AppData/Roaming/Zed/settings.json"),
        ("cline", "win32", "/h/.cline/data/settings/cline_mcp_settings.json"),
        ("codex", "win32", "/h/.codex/config.toml"),
        ("jetbrains", "darwin", "/h/.junie/mcp/mcp.json"),
        ("copilot-cli", "win32", "/h/.copilot/mcp-config.json"),
    ],
)
def test_settings_are_where_each_system_has_them(
    name: str, system: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPDATA", raising=False)
    client = next(client for client in CLIENTS if client.name == name)
    assert client.places["user"][0].file(Path("/h"), Path("/p"), system) == Path(file)


def test_the_rules_name_only_tools_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert setup("cline", "--rules") == 0
    said = capsys.readouterr()
    named = set(re.findall(r"`(\w+_\w+|locate|outline|undo)`", said.out))
    assert len(named) > 10
    assert named <= {tool.name for tool in TOOLS}
    assert ".clinerules/kimi.md" in said.err
    root = Path(__file__).parents[3]
    assert (root / "editors/cline/.clinerules/kimi.md").read_text() == said.out


def test_every_page_about_an_editor_shows_commands_and_names_that_there_are() -> None:
    names = {client.name for client in CLIENTS}
    pages = sorted((Path(__file__).parents[3] / "editors").glob("*/README.md"))
    assert {"cline", "jetbrains", "neovim", "zed"} <= {page.parent.name for page in pages}
    for page in pages:
        for client in re.findall(r"kimi-mcp setup ([\w-]+)", page.read_text()):
            assert client in names, page
