"""`setup` on settings files as people really have them: what is not understood is left alone, with the reason."""

import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_mcp.cli import main
from kimi_mcp.clients.jsonc import read, remove_member, set_member
from kimi_tools.errors import Conflict

CLINE = ".cline/data/settings/cline_mcp_settings.json"
CODEX = ".codex/config.toml"
VIBE = ".vibe/config.toml"
CONTINUE = ".continue/mcpServers/kimi.yaml"
FILES = {"cline": CLINE, "codex": CODEX, "vibe": VIBE, "continue": CONTINUE}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.defpath)
    return tmp_path


def given_file(home: Path, name: str, content: str | bytes) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on standard error, which is one line and no traceback."""
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said, said
    return said


def snapshot(folder: Path) -> dict[str, bytes]:
    """All files, without our own state."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".local" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("action", ["add", "--remove", "--print"])
@pytest.mark.parametrize("client", FILES)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": "caf\xe9"}\n', "line 1 is not UTF-8"),
        ("name: é\n".encode("utf-16"), "line 1 is not UTF-8"),
        (b"\x00\x01\x02", ""),
        (b"{" * 5_000, ""),
        (b"[" * 5_000, ""),
    ],
    ids=["latin-1", "utf-16", "binary", "braces", "brackets"],
)
def test_what_cannot_be_understood_is_left_alone_with_one_sentence(
    content: bytes, said: str, client: str, action: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = given_file(home, FILES[client], content)
    before = snapshot(home)
    code = main(["setup", client, *([action] if action != "add" else [])])
    if code == 0:  # what is no server of ours needs no taking out, and YAML is not read for that
        assert (client, action) == ("continue", "--remove")
    else:
        told = one_sentence(capsys)
        assert str(path) in told and said in told
    assert snapshot(home) == before


@pytest.mark.parametrize("client", FILES)
def test_a_directory_in_the_place_of_the_file_or_a_file_in_that_of_its_directory_is_told(
    client: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / FILES[client]
    path.mkdir(parents=True)
    assert main(["setup", client]) == 1
    assert one_sentence(capsys) == f"kimi-mcp: {path} cannot be read: Is a directory.\n"
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_text("a file")
    assert main(["setup", client]) == 1
    assert "Not a directory" in one_sentence(capsys)
    assert path.parent.read_text() == "a file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only directories")
def test_a_read_only_directory_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = given_file(home, CLINE, "{}\n")
    path.parent.chmod(0o555)
    assert main(["setup", "cline"]) == 1
    assert "cannot be written: Permission denied; --print shows the change." in one_sentence(capsys)
    assert snapshot(path.parent) == {path.name: b"{}\n"}


def test_links_in_a_circle_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / CLINE
    path.parent.mkdir(parents=True)
    path.symlink_to(path)
    assert main(["setup", "cline"]) == 1
    assert "cannot be read" in one_sentence(capsys)
    assert main(["setup", "--detect"]) == 0


def test_one_broken_file_does_not_hide_the_other_clients(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_file(home, CLINE, "{ broken")
    given_file(home, CODEX, "")
    assert main(["setup", "--detect"]) == 0
    told = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert told["cline"].split()[1] == "unreadable" and "cline_mcp_settings.json: line 1" in told["cline"]
    assert told["codex"].split()[1] == "installed"
    assert main(["doctor"]) in (0, 1)
    said = capsys.readouterr()
    assert "the settings of cline cannot be read" in " ".join(said.out.split())
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"mcpServers": {"a": 1}, "mcpServers": {"b": 2}}', {"b": 2}),
        ('{\n  // 27" monitor\n  "mcpServers": {"b": 2}, // "\n}\n', {"b": 2}),
        ('{"mcpServers": {"b": "/* \\" // ,}"}}', {"b": '/* " // ,}'}),
        ("{/**/}", {}),
        ("\ufeff", {}),
        ("\ufeff\r\n", {}),
    ],
    ids=[
        "twice",
        "quotes in comments",
        "comments in strings",
        "only a comment",
        "a mark",
        "a mark and a line",
    ],
)
def test_json_is_changed_where_its_readers_look(text: str, wanted: dict, home: Path) -> None:
    path = given_file(home, CLINE, text)
    assert main(["setup", "cline"]) == 0
    servers = read(path.read_text())["mcpServers"]
    assert servers.pop("kimi")["command"] and servers == wanted
    assert main(["setup", "cline", "--remove"]) == 0
    assert path.read_bytes() == text.encode()


def test_an_entry_that_is_there_twice_goes_as_a_whole() -> None:
    twice = '{"x": {"kimi": 1, "a": 2, "kimi": 3}}'
    assert remove_member(twice, ["x", "kimi"]) == '{"x": { "a": 2}}'


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = { a = { command = "a" } }  # mine\nmodel = "m"\n',
        'model = "m"\nmcp_servers.a.command = "a"\n[z]\nb = 1\n',
        '[mcp_servers]\na = { command = "a" }\n# last\n[z]\nb = 1\n',
        "mcp_servers = {}\r\n",
        '[mcp_servers.a]\ncommand = "a"\n[mcp_servers.a.env]\nK = "v"',
        "\ufeff# nothing else",
    ],
    ids=["inline", "dotted", "table of inlines", "empty inline", "no last newline", "a mark and a comment"],
)
def test_toml_stays_toml_however_its_servers_are_written(text: str, home: Path) -> None:
    path = given_file(home, CODEX, text)
    assert main(["setup", "codex"]) == 0
    now = tomllib.loads(path.read_bytes().decode().removeprefix("\ufeff"))
    assert now["mcp_servers"].pop("kimi")["args"] == ["serve"]
    before = tomllib.loads(text.removeprefix("\ufeff"))
    assert {"mcp_servers": {}, **before} == now
    assert main(["setup", "codex", "--remove"]) == 0
    assert path.read_bytes() == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = []\nmodel = "m"\n[z]\nb = 1\n',
        'mcp_servers = [\n  { name = "a", url = "u" }, # mine\n]\n',
        '[[mcp_servers]]\nname = "a" # mine\n\n[z]\nb = 1',
        'a = 1\r\n[[mcp_servers]]\r\nname = "b"\r\n',
        "",
    ],
    ids=["empty", "inline", "tables", "crlf", "nothing"],
)
def test_a_list_of_servers_in_toml_gets_ours_however_it_is_written(text: str, home: Path) -> None:
    path = given_file(home, VIBE, text)
    assert main(["setup", "vibe"]) == 0
    now = tomllib.loads(path.read_bytes().decode())
    assert now["mcp_servers"].pop()["args"] == ["serve"]
    assert now == {"mcp_servers": [], **tomllib.loads(text)}
    path.write_bytes(path.read_bytes().replace(b"= 600", b"= 42"))
    written = path.read_bytes()
    assert main(["setup", "vibe"]) == 0
    assert path.read_bytes() == written, "a user's own time-out stays"
    path.write_bytes(written + b"[later]\n")
    assert main(["setup", "vibe", "--remove"]) == 0
    left = tomllib.loads(path.read_bytes().decode())
    assert {"mcp_servers": [], **left} == {"mcp_servers": [], **tomllib.loads(text), "later": {}}


@pytest.mark.parametrize("text", ["mcp_servers = 3\n", "[mcp_servers.a]\nb = 1\n"])
def test_what_is_no_list_in_toml_is_left_alone(
    text: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = given_file(home, VIBE, text)
    assert main(["setup", "vibe"]) == 1
    assert "'mcp_servers' is no list of tables" in one_sentence(capsys)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mcp_servers = 3\n", "'mcp_servers' is no table"),
        ("[[mcp_servers]]\na = 1\n", "'mcp_servers' is no table"),
        ("a = 1\na = 2\n", "this is not TOML"),
        ('[mcp_servers.kimi]\ncommand = "k"\n[mcp_servers.kimi]\n', "this is not TOML"),
    ],
    ids=["a number", "a list", "a key twice", "a table twice"],
)
def test_toml_that_has_no_room_for_a_table_is_left_alone(
    text: str, said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = given_file(home, CODEX, text)
    assert main(["setup", "codex"]) == 1
    assert said in one_sentence(capsys)
    assert path.read_text() == text


OTHERS: dict[str, tuple[str, str]] = {
    "cline": (
        CLINE,
        '{"mcpServers": {"kimi": {"type": "streamableHttp", "url": "https://kimi.example/mcp"}}}',
    ),
    "codex": (CODEX, '[mcp_servers.kimi]\ncommand = "npx"\nargs = ["somebody-elses-kimi"]\n'),
    "vibe": (VIBE, '[[mcp_servers]]\nname = "kimi"\ntransport = "http"\nurl = "u"\n'),
    "continue": (CONTINUE, 'name: "x"\nmcpServers:\n  - name: "theirs"\n    command: "npx"\n'),
    "zed": (".config/zed/settings.json", '{"agent_servers": {"kimi": {"command": "kimi", "args": ["acp"]}}}'),
}


@pytest.mark.parametrize("client", OTHERS)
def test_another_server_of_our_name_is_neither_taken_over_nor_taken_out(
    client: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, text = OTHERS[client]
    path = given_file(home, name, text)
    assert main(["setup", client]) == 1
    assert "is another server, not ours; give it another name first" in one_sentence(capsys)
    assert main(["setup", client, "--remove"]) == 0
    assert snapshot(path.parent) == {path.name: text.encode()}


CHANGES: dict[str, tuple[str, Callable[[str], str]]] = {
    "cline": (CLINE, lambda text: text.replace('"serve"', '"serve", "--toolsets", "all" // mine\n')),
    "codex": (
        CODEX,
        lambda text: text.replace('["serve"]', '["serve", "--read-only"] # mine').replace("= 600", "= 42"),
    ),
    "continue": (CONTINUE, lambda text: text.replace("20000", "42000") + '    env:\n      K: "v" # mine\n'),
    "opencode": (
        ".config/opencode/opencode.json",
        lambda text: text.replace('"serve"', '"serve", "--root", "/x"').replace("true", "false /* mine */"),
    ),
}


@pytest.mark.parametrize("client", CHANGES)
def test_what_a_user_changed_in_our_entry_stays_when_only_the_program_moved(client: str, home: Path) -> None:
    name, change = CHANGES[client]
    path = home / name
    assert main(["setup", client]) == 0
    fresh = path.read_text()
    changed = change(fresh)
    assert changed != fresh
    path.write_text(changed)
    assert main(["setup", client]) == 0
    assert path.read_text() == changed, "nothing to do"
    ours = next(word for word in fresh.split('"') if word.endswith("kimi-mcp"))
    moved = changed.replace(f'"{ours}"', '"/old/place/kimi-mcp"')
    path.write_text(moved)
    assert main(["setup", client]) == 0
    if client == "opencode":  # one list holds program and flags; it is written anew
        assert read(path.read_text()) == read(changed)
    else:
        assert path.read_text() == changed, "the program's path alone was brought up to date"
    assert main(["setup", client, "--remove"]) == 0
    assert not path.exists() or "kimi" not in path.read_text()


def test_an_old_entry_of_ours_is_not_what_remove_restores(home: Path) -> None:
    old = '{\n  "mcpServers": {\n    "kimi": {"command": "/old/kimi-mcp", "args": ["serve"]},\n    "a": {}\n  }\n}\n'
    path = given_file(home, CLINE, old)
    assert main(["setup", "cline"]) == 0
    assert main(["setup", "cline", "--remove"]) == 0
    assert read(path.read_text()) == {"mcpServers": {"a": {}}}
    assert list(path.parent.iterdir()) == [path]


def test_more_servers_in_our_own_file_are_not_deleted_with_ours(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["setup", "continue"]) == 0
    path = home / CONTINUE
    both = path.read_text() + '  - name: "theirs"\n    command: "npx"\n'
    path.write_text(both)
    capsys.readouterr()
    assert main(["setup", "continue", "--remove"]) == 1
    assert "there is more in it than our entry" in one_sentence(capsys)
    assert path.read_text() == both


def test_what_was_added_to_the_file_later_stays_when_our_entry_goes(home: Path) -> None:
    before = '# mine\nmodel = "m"\n\n[mcp_servers.a]\ncommand = "a"\n'
    later = '\n[mcp_servers.z] # later\ncommand = "z"\n'
    path = given_file(home, CODEX, before)
    assert main(["setup", "codex"]) == 0
    path.write_text(path.read_text() + later)
    assert main(["setup", "codex", "--remove"]) == 0
    assert path.read_text().split() == (before + later).split()


def test_of_two_files_none_is_written_when_one_cannot_be(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_file(home, ".junie/mcp/mcp.json", "{}\n")
    given_file(home, ".jetbrains/acp.json", "{ broken\n")
    before = snapshot(home)
    assert main(["setup", "jetbrains"]) == 1
    assert "acp.json: line" in one_sentence(capsys)
    assert snapshot(home) == before


def test_a_link_in_a_project_does_not_lead_out_of_it(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, outside = tmp_path / "project", given_file(tmp_path, "outside.json", "{}\n")
    (project / ".cursor").mkdir(parents=True)
    (project / ".cursor/mcp.json").symlink_to(outside)
    scope = ["--scope", "project", "--project", str(project)]
    assert main(["setup", "cursor", *scope]) == 1
    assert "leads out of the project" in one_sentence(capsys)
    assert outside.read_text() == "{}\n"
    kept = project / ".cursor/mcp.json.before-kimi-mcp"
    (project / ".cursor/mcp.json").unlink()
    (project / ".cursor/mcp.json").write_text("{}\n")
    kept.symlink_to(tmp_path / "made.json")
    assert main(["setup", "cursor", *scope]) == 0
    assert not (tmp_path / "made.json").exists(), "a backup is not written through a link"


LIMITED = """
import resource, sys
from kimi_mcp.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(["setup", "cline"]))
"""


@pytest.mark.parametrize("room", [0, 400])
def test_a_write_that_breaks_off_changes_nothing_and_leaves_nothing(room: int, home: Path) -> None:
    """`RLIMIT_FSIZE` ends a write in the middle, as a full disk does."""
    text = json.dumps({"mcpServers": {"a": {"command": "a"}}, "history": "x" * 300}, indent=2)
    path = given_file(home, CLINE, text)
    path.chmod(0o640)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(room)], capture_output=True, text=True, env={**os.environ}
    )
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr and "Traceback" not in done.stderr
    assert path.read_text() == text and path.stat().st_mode & 0o777 == 0o640
    assert {one.name.removesuffix(".before-kimi-mcp") for one in path.parent.iterdir()} == {path.name}
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != room
    assert main(["setup", "cline"]) == 0
    assert main(["setup", "cline", "--remove"]) == 0
    assert path.read_text() == text


def test_setups_at_the_same_time_leave_one_whole_entry_and_remove_still_restores(home: Path) -> None:
    text = json.dumps({"mcpServers": {"a": {"command": "a"}}, "history": ["x" * 80] * 5_000}, indent=2)
    path = given_file(home, CLINE, text)
    command = [sys.executable, "-m", "kimi_mcp", "setup", "cline"]
    at_once = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [process.communicate() for process in at_once]
    assert [process.returncode for process in at_once] == [0] * 4, said
    now = json.loads(path.read_text())
    assert [*now["mcpServers"]] == ["a", "kimi"]
    assert sorted(one.name for one in path.parent.iterdir()) == [
        path.name,
        f"{path.name}.before-kimi-mcp",
    ]
    assert main(["setup", "cline", "--remove"]) == 0
    assert path.read_text() == text and list(path.parent.iterdir()) == [path]


PIECES = st.sampled_from(
    [
        *'{}[]:,"\\/*\n\r\t \ufeff\u00a0\u2028',
        "//",
        "/*",
        "*/",
        '"a"',
        '"mcpServers"',
        "1",
        "-",
        "true",
        "\\u12",
        "NaN",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_text_at_all_brings_anything_but_json_or_a_refusal(text: str) -> None:
    try:
        before = read(text)
        changed = set_member(text, ["mcpServers", "kimi"], {"command": "k"})
    except Conflict:
        return
    after = read(changed)
    assert after["mcpServers"].pop("kimi") == {"command": "k"}
    assert str(after) == str({**before, "mcpServers": before.get("mcpServers", {})})
    assert "kimi" not in read(remove_member(changed, ["mcpServers", "kimi"]))["mcpServers"]


COMMENTS = st.sampled_from(["", " ", "\n", "\t", '// a " b\n', '/* , } " */', "// x\r\n", "/**/\n", "\r\n  "])


@given(st.data())
def test_comments_and_trailing_commas_anywhere_stay_byte_for_byte(data: st.DataObject) -> None:
    def gap() -> str:
        return "".join(data.draw(st.lists(COMMENTS, max_size=3)))

    def members(texts: list[str]) -> str:
        comma = data.draw(st.sampled_from(["", ","])) if texts else ""
        inside = ",".join(f"{gap()}{text}{gap()}" for text in texts)
        return f"{{{inside}{comma}{gap()}}}"

    servers = members(
        [f'"s{n}"{gap()}:{gap()}[1, "//"{gap()},]' for n in range(data.draw(st.integers(1, 3)))]
    )
    others = [f'"o{n}": {n}' for n in range(data.draw(st.integers(0, 2)))]
    at = data.draw(st.integers(0, len(others)))
    text = gap() + members([*others[:at], f'"mcpServers": {servers}', *others[at:]]) + gap()
    before = read(text)
    changed = set_member(text, ["mcpServers", "kimi"], {"command": "k"})
    after = read(changed)
    assert after["mcpServers"].pop("kimi") == {"command": "k"} and after == before
    rest = iter(changed)
    assert all(character in rest for character in text), "something was put in, and nothing else"
    gone = remove_member(changed, ["mcpServers", "kimi"])
    assert read(gone) == before
    assert re.sub(r"[,\s]", "", gone) == re.sub(r"[,\s]", "", text)
