"""`kimi-mcp fix` as a user runs it: a process, a real endpoint, a real repository."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kimi_api import Call, KimiApi, Request, Turn
from tests.kimi_mcp.agent.conftest import BUGGY, REPRODUCE

MakeRepository = Callable[[dict[str, str | bytes]], Path]

KEY = "sk-kimi-f00dfeedf00dfeedf00dfeed0123"


def turns(*more: Turn) -> list[Turn]:
    def turn(name: str, **arguments: object) -> Turn:
        return Turn(reasoning="Next.", calls=(Call(name, arguments),))

    return [
        turn("read_file", path="calc.py"),
        turn("reproduce", command=REPRODUCE),
        turn("edit_file", path="calc.py", old="a - b", new="a + b"),
        turn("run_command", command="python3 -m unittest -q test_calc"),
        turn("reproduce", command=REPRODUCE),
        *more,
        turn("submit", summary="add() subtracted."),
    ]


class Cli:
    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.state = home / "state"
        self.environment = {
            **os.environ,
            "KIMI_MCP_STATE": str(self.state),
            "KIMI_MCP_CONFIG": str(home / "config.toml"),
            "MOONSHOT_API_KEY": "",
            "KIMI_MCP_API_KEY": KEY,
            "KIMI_MCP_NO_SANDBOX": "1",
        }

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kimi_mcp", *arguments],
            cwd=self.root,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def fix(self, api: KimiApi, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self("fix", "--base-url", api.url, "--model", "kimi-k2.6", *arguments, stdin=stdin)


@pytest.fixture
def cli(make_repository: MakeRepository, tmp_path: Path) -> Cli:
    return Cli(make_repository(BUGGY), tmp_path)


def test_an_issue_becomes_a_verified_patch_in_plain_lines(cli: Cli) -> None:
    with KimiApi(turns()) as api:
        done = cli.fix(api, "add(1, 2) is -1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Submitted: " in done.stdout
    assert "the reproduction passes with the patch" in done.stdout
    assert (cli.root / "calc.py").read_text() == BUGGY["calc.py"]
    patch = next((cli.state / "runs").glob("*/patch.diff"))
    assert "+    return a + b" in patch.read_text()


def test_apply_brings_the_patch_into_the_tree_and_undo_takes_it_back(cli: Cli) -> None:
    with KimiApi(turns()) as api:
        done = cli.fix(api, "--apply", "--issue", "-", stdin="add(1, 2) is -1\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a + b" in (cli.root / "calc.py").read_text()
    assert cli("call", "undo").returncode == 0
    assert (cli.root / "calc.py").read_text() == BUGGY["calc.py"]


def test_json_prints_every_event_and_the_patch_goes_where_it_is_wanted(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.diff"
    with KimiApi(turns()) as api:
        done = cli.fix(api, "--json", "--patch-out", str(out), "add is wrong")
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert (kinds[0], kinds[-1]) == ("started", "ended")
    assert "+    return a + b" in out.read_text()


def test_a_missing_credit_ends_with_its_code_the_patch_and_how_to_go_on(cli: Cli) -> None:
    with KimiApi([*turns()[:4], Turn(error="exceeded_current_quota_error")]) as api:
        done = cli.fix(api, "add is wrong")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "kimi-mcp runs resume" in done.stdout
    assert "a + b" in next((cli.state / "runs").glob("*/patch.diff")).read_text()


def test_a_run_that_goes_on_counts_what_was_before(cli: Cli) -> None:
    with KimiApi([*turns()[:4], Turn(error="exceeded_current_quota_error"), *turns()[4:]]) as api:
        assert cli.fix(api, "add is wrong").returncode == 5
        done = cli("runs", "resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[step 5/200" in done.stdout
    assert "[step 1/200" not in done.stdout


def test_no_key_is_told_before_anything_happens(cli: Cli) -> None:
    cli.environment["KIMI_MCP_API_KEY"] = ""
    done = cli("fix", "add is wrong")
    assert done.returncode == 1
    assert done.stderr.startswith("kimi-mcp: There is no key for api.moonshot.ai. Set MOONSHOT_API_KEY")
    assert not (cli.state / "runs").exists()


@pytest.mark.parametrize("arguments", [[], ["text", "--issue", "file"], ["--issue", "missing"], [" "]])
def test_an_issue_that_is_none_is_refused_in_one_sentence(cli: Cli, arguments: list[str]) -> None:
    done = cli("fix", "--base-url", "http://127.0.0.1:9", *arguments)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_the_key_reaches_no_child_no_log_and_no_file(cli: Cli) -> None:
    def turn(name: str, **arguments: object) -> Turn:
        return Turn(reasoning="Look.", calls=(Call(name, arguments),))

    snoop = [turn("run_command", command="env; cat /proc/$PPID/environ | tr '\\0' '\\n'"), *turns()]
    with KimiApi(snoop, keys=[KEY]) as api:
        done = cli.fix(api, f"add is wrong; my key is {KEY}, by the way")
        assert done.returncode == 0, done.stdout + done.stderr
        results = json.dumps([request.body for request in api.requests[1:]])
    assert "PATH=" in results
    assert KEY not in results.replace(f"my key is {KEY}", "")
    assert KEY not in done.stdout + done.stderr + results
    for path in cli.state.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAGAoMS/WwAAAABJRU5ErkJggg=="


@pytest.mark.parametrize("way", ["words", "stdin"])
def test_pictures_of_the_repository_and_in_the_text_are_shown_and_the_web_is_not_asked(
    cli: Cli, way: str
) -> None:
    import base64

    (cli.root / "docs").mkdir()
    (cli.root / "docs" / "shot.png").write_bytes(base64.b64decode(PIXEL) + b"2")
    issue = (
        f"add is wrong ![a](docs/shot.png) ![b](data:image/png;base64,{PIXEL}) "
        "![c](https://example.org/x.png) ![d](docs/none.png)"
    )
    with KimiApi(turns()) as api:
        done = cli.fix(api, issue) if way == "words" else cli.fix(api, "--issue", "-", stdin=issue)
        first = api.requests[0].body["messages"][1]["content"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [part["type"] for part in first].count("image_url") == 2
    assert "https://example.org/x.png is not fetched; download it" in done.stderr
    assert "docs/none.png is left out" in done.stderr


def test_a_model_that_does_not_see_is_told_of(cli: Cli) -> None:
    blind = {"id": "kimi-k2", "thinking": "none", "sees": False}
    with KimiApi(turns(), models=[blind]) as api:
        done = cli("fix", "--base-url", api.url, f"add is wrong ![b](data:image/png;base64,{PIXEL})")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kimi-k2 does not see: 1 picture of the issue" in done.stdout


def test_a_run_has_a_limit_of_money_that_its_help_names(cli: Cli) -> None:
    assert "default: 5 US dollars" in cli("fix", "--help").stdout
    with KimiApi(turns()) as api:
        done = cli.fix(api, "--json", "add is wrong")
    assert json.loads(done.stdout.splitlines()[0])["budget"]["cost"] == 5


def test_a_picture_in_the_issue_reaches_a_model_that_sees(cli: Cli, tmp_path: Path) -> None:
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cf"
        "c0f01f0005000180a0c4bf5b0000000049454e44ae426082"
    )
    (tmp_path / "shot.png").write_bytes(pixel)
    (tmp_path / "issue.md").write_text("Wrong:\n\n![shot](shot.png) ![not](../../etc/passwd)\n")
    with KimiApi(turns()) as api:
        done = cli.fix(api, "--issue", str(tmp_path / "issue.md"))
        first = api.requests[0].body["messages"][1]["content"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [part["type"] for part in first].count("image_url") == 1


DOUBLED = "double(2) is 0"


def test_the_model_may_be_asked_first_where_to_look_by_flag_and_by_setting(cli: Cli, tmp_path: Path) -> None:
    def reranked(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
        assert done.returncode == 0, done.stdout + done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return [event["order"] for event in events if event["kind"] == "reranked"]

    with KimiApi(turns()) as api:
        assert reranked(cli.fix(api, "--json", DOUBLED)) == []
    with KimiApi([Turn(text="2, 1"), *turns()]) as api:
        assert reranked(cli.fix(api, "--json", "--rerank", DOUBLED)) == [["test_calc.py", "calc.py"]]
        assert "first 2 as you chose them" in json.dumps([request.body for request in api.requests])
    (tmp_path / "config.toml").write_text("rerank = true\n")
    with KimiApi([Turn(text="2, 1"), *turns()]) as api:
        done = cli.fix(api, DOUBLED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "to look at first, by the model: test_calc.py, calc.py" in done.stdout


def test_ctrl_c_ends_the_run_while_the_model_is_asked_where_to_look(cli: Cli) -> None:
    asked = threading.Event()

    def slow(_: Request) -> Turn:
        asked.set()
        return Turn(text="1", delay=60)

    with KimiApi(slow) as api:
        flags = ["--base-url", api.url, "--model", "kimi-k2.6", "--rerank", DOUBLED]
        process = subprocess.Popen(
            [sys.executable, "-m", "kimi_mcp", "fix", *flags],
            cwd=cli.root,
            env=cli.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert asked.wait(30)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        passed = time.monotonic() - began
    assert process.returncode == 130
    assert passed < 10
    assert "Cancelled" in said
    with KimiApi([Turn(text="1"), *turns()]) as api:
        run = next((cli.state / "runs").glob("*/run.json"))
        run.write_text(run.read_text().replace(flags[1], api.url))
        done = cli("runs", "resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
