"""Keys come from the environment, the keyring or a file of the user's own, and go nowhere but to the host."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kimi_mcp.model import keys
from kimi_mcp.model.connect import connect
from kimi_mcp.model.errors import ModelError
from kimi_mcp.model.keys import find_key
from kimi_mcp.model.recorded import Recorder
from kimi_tools.process import run
from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.model.asking import HISTORY, KEY, OFFERED, connection

MOONSHOT = "https://api.moonshot.ai/v1"


def value(found: keys.FoundKey) -> str:
    return found.key.get_secret_value() if found.key else ""


def test_a_hosts_own_variable_is_read_and_no_other_hosts() -> None:
    environment = {"OPENROUTER_API_KEY": "sk-or", "MOONSHOT_API_KEY": " sk-moon\n", "OPENAI_API_KEY": "sk-oa"}
    assert value(find_key(MOONSHOT, environment, None, keyring=False)) == "sk-moon"
    assert value(find_key("https://openrouter.ai/api/v1", environment, None, keyring=False)) == "sk-or"
    assert value(find_key("https://somewhere.example/v1", environment, None, keyring=False)) == ""
    assert (
        value(find_key("https://somewhere.example/v1", {"KIMI_MCP_API_KEY": "k"}, None, keyring=False)) == "k"
    )


def test_a_file_counts_only_when_nobody_else_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")
    file.chmod(0o644)
    refused = find_key(MOONSHOT, {}, file, keyring=False)
    assert (
        value(refused) == "" and "chmod 600" in refused.warnings[0] and "sk-file" not in refused.warnings[0]
    )
    file.chmod(0o600)
    found = find_key(MOONSHOT, {}, file, keyring=False)
    assert (value(found), found.source, found.warnings) == ("sk-file", str(file), ())


def test_a_file_that_is_none_of_ours_is_not_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("sk-file")
    real.chmod(0o600)
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(real)
    os.mkfifo(pipe, 0o600)
    for path in (link, pipe, tmp_path):
        found = find_key(MOONSHOT, {}, path, keyring=False)
        assert value(found) == "" and "was not read" in found.warnings[0]
    if os.getuid() == 0:
        os.chown(real, 12345, 12345)
        assert "not a plain file of yours" in find_key(MOONSHOT, {}, real, keyring=False).warnings[0]


BACKEND = """
import time
from keyring.backend import KeyringBackend
class Backend(KeyringBackend):
    priority = 9
    def get_password(self, service, username):
        {body}
    set_password = delete_password = None
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return f'{service}/{username}/sk-ring'", "kimi-mcp/moonshot/sk-ring|"),
        ("time.sleep(60)", "|The keyring did not answer within 0.3 s; it may be locked."),
        ("raise RuntimeError('locked')", "|The keyring could not be read (RuntimeError)."),
        ("return None", "|"),
    ],
)
def test_a_keyring_may_answer_hang_or_fail(tmp_path: Path, body: str, expected: str) -> None:
    (tmp_path / "ring.py").write_text(BACKEND.format(body=body))
    code = (
        "from kimi_mcp.model import keys; keys.KEYRING_SECONDS = 0.3 if 'sleep' in open('ring.py').read() else 20;"
        f"found = keys.find_key('{MOONSHOT}', {{}}, None);"
        "print((found.key.get_secret_value() if found.key else '') + '|' + ''.join(found.warnings))"
    )
    root = Path(__file__).parents[3]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (root, root / "tools", tmp_path))),
        "PYTHON_KEYRING_BACKEND": "ring.Backend",
    }
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected
    assert time.monotonic() - started < 30


def test_no_key_reaches_a_child_a_log_a_file_or_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The key is in the environment, logging is at its loudest, errors echo it, a recorder writes along."""
    monkeypatch.setenv("MOONSHOT_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("openai").setLevel(logging.DEBUG)
    found = find_key(MOONSHOT, os.environ, None, keyring=False)
    turns = [
        Turn(error="server_error", message=f"upstream said {KEY}"),
        Turn(reasoning="Hm.", calls=(Call("read_file", {"path": "a.py"}),)),
        Turn(error="incorrect_api_key_error", message=f"Incorrect API key provided: {KEY}"),
    ]

    async def work() -> list[str]:
        recording = tmp_path / "session.jsonl"
        seen: list[str] = [repr(found), str(found)]
        async with await connect(connection(api, key=found.key)) as model:
            model.on_exchange = Recorder(recording, model.profile).exchange
            answer = await model.answer(HISTORY, OFFERED)
            seen += [repr(answer), repr(vars(model)), repr(vars(model._transport))]
            with pytest.raises(ModelError) as caught:
                await model.answer(HISTORY, OFFERED)
            seen += [str(caught.value), repr(caught.value)]
            child = await run(
                ["sh", "-c", "env; tr '\\0' '\\n' < /proc/$$/cmdline"], cwd=tmp_path, timeout=20
            )
            assert "PATH=" in repr(child)
            seen.append(repr(child))
        return seen

    with KimiApi(turns, keys=[KEY]) as api:
        seen = asyncio.run(work())
    written = [path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert caplog.records and written and len(api.requests) == 3
    for text in (*seen, *written, caplog.text, *(repr(vars(record)) for record in caplog.records)):
        assert KEY not in text


def test_loading_the_client_does_not_load_what_only_a_call_needs() -> None:
    code = (
        "import sys, kimi_mcp.model.connect, kimi_mcp.model.keys, kimi_mcp.model.recorded;"
        "print([m for m in ('openai', 'httpx2', 'jsonschema', 'json_repair', 'keyring') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
