"""The macOS profile, as text: our tests do not run on a Mac."""

from pathlib import Path

import pytest

from kimi_tools.errors import NotAllowed
from kimi_tools.sandbox.layout import Layout
from kimi_tools.sandbox.place import Place
from kimi_tools.sandbox.seatbelt import Seatbelt, profile

LAYOUT = Layout(Path("/Users/ada"), (Path("/usr"), Path("/Users/ada/.pyenv")), (), ())


def parsed(text: str) -> list[object]:
    """The profile as nested lists; raises when its parentheses or strings do not match."""
    stack: list[list[object]] = [[]]
    position = 0
    while position < len(text):
        character = text[position]
        if character == "(":
            stack.append([])
        elif character == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif character == '"':
            end = position + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            stack[-1].append(text[position : end + 1])
            position = end
        elif not character.isspace():
            end = position
            while not text[end].isspace() and text[end] not in '()"':
                end += 1
            stack[-1].append(text[position:end])
            position = end - 1
        position += 1
    assert len(stack) == 1
    return stack[0]


def rules_of(root: Path) -> list[list[object]]:
    rules = parsed(profile(LAYOUT, Place(root, root), Path("/private/tmp/x")))
    assert all(isinstance(rule, list) for rule in rules)
    return rules  # type: ignore[return-value]


def test_everything_is_denied_first_and_the_git_directory_last(tmp_path: Path) -> None:
    rules = rules_of(tmp_path)
    assert rules[1] == ["deny", "default"]
    assert rules[-1][:2] == ["deny", "file-write*"]
    assert ["require-all", ["subpath", f'"{tmp_path}"'], ["regex", "#", '"/\\.[gG][iI][tT](/|$)"']] in rules[
        -1
    ]
    assert ["subpath", f'"{tmp_path}/.vscode"'] in rules[-1]


def test_only_the_workspace_and_the_private_directory_are_written(tmp_path: Path) -> None:
    writes = [rule for rule in rules_of(tmp_path) if rule[0] == "allow" and "file-write*" in rule]
    places = [item for rule in writes for item in rule if isinstance(item, list) and item[0] == "subpath"]
    assert places == [["subpath", f'"{tmp_path}"'], ["subpath", '"/private/tmp/x"']]


def test_files_of_secrets_cannot_be_read_and_home_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOKEN=1")
    rules = rules_of(tmp_path)
    assert ["deny", "file-read-data", ["literal", f'"{tmp_path}/.env"']] in rules
    text = str(rules)
    assert '"/Users/ada/.pyenv"' in text
    assert '"/Users/ada"' not in text


def test_the_network_is_localhost(tmp_path: Path) -> None:
    network = [rule for rule in rules_of(tmp_path) if str(rule[1]).startswith("network")]
    assert network
    assert all("localhost:*" in str(rule) for rule in network)
    with pytest.raises(NotAllowed, match="macOS"):
        Seatbelt(LAYOUT, ["example.org"]).launch(["true"], Place(tmp_path, tmp_path), {})


def test_a_path_cannot_break_out_of_its_quotes(tmp_path: Path) -> None:
    root = tmp_path / 'a") (allow default) ("'
    root.mkdir()
    assert ["allow", "default"] not in rules_of(root)
    with pytest.raises(NotAllowed, match="cannot be written"):
        profile(LAYOUT, Place(tmp_path / "a\nb", tmp_path), tmp_path)


def test_the_command_runs_under_the_profile_and_leaves_nothing(tmp_path: Path) -> None:
    launch = Seatbelt(LAYOUT).launch(["make", "test"], Place(tmp_path, tmp_path), {"CI": "1"})
    assert launch.argv[0] == "/usr/bin/sandbox-exec"
    assert list(launch.argv[-3:]) == ["--", "make", "test"]
    assert launch.environment["CI"] == "1"
    home = Path(launch.environment["HOME"])
    assert home.is_dir()
    assert launch.after is not None
    launch.after()
    assert not home.exists()
