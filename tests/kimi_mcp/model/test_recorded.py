"""A session that was recorded is played back over HTTP, and answers as it did."""

import asyncio
from pathlib import Path

import pytest

from kimi_mcp.model.connect import Connection, connect
from kimi_mcp.model.errors import RequestRefused
from kimi_mcp.model.messages import Answer, CallResult, Message
from kimi_mcp.model.recorded import Playback, Recorder, Recording
from tests.kimi_api import Call, KimiApi, Turn
from tests.kimi_mcp.model.asking import HASTY, HISTORY, OFFERED, connection

SESSION = [
    Turn(reasoning="I must read it.", text="Ich lese 你好.", calls=(Call("read_file", {"path": "a.py"}),)),
    Turn(error="engine_overloaded_error"),
    Turn(calls=(Call("read_file", {"path": "b.py"}),), leak="content"),
    Turn(text="Done."),
]


async def loop(link: Connection, recording: Path | None = None) -> list[Answer]:
    messages: list[Message] = list(HISTORY)
    answers: list[Answer] = []
    async with await connect(link) as model:
        if recording is not None:
            model.on_exchange = Recorder(recording, model.profile, "A test.").exchange
        for _ in range(3):
            answers.append(await model.answer(messages, OFFERED))
            messages.append(answers[-1].message)
            messages += [CallResult(call.id, call.name, "x = 1") for call in answers[-1].message.calls]
    return answers


def test_a_recording_plays_the_same_answers_and_says_that_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with KimiApi(SESSION) as api:
        live = asyncio.run(loop(connection(api, model="kimi-k2.6"), path))
    assert path.stat().st_mode & 0o777 == 0o600
    recording = Recording.load(path)
    assert (recording.model, recording.about, len(recording.answers)) == ("kimi-k2.6", "A test.", 3)
    with Playback(recording) as playback:
        played = asyncio.run(loop(Connection(host=playback.url, kind="moonshot", limits=HASTY)))
        assert playback.name == "kimi-k2.6 (recorded)"
        with pytest.raises(RequestRefused, match="only 3 answers"):
            asyncio.run(loop(Connection(host=playback.url, limits=HASTY)))
    assert [answer.message for answer in played] == [answer.message for answer in live]
    assert [answer.usage for answer in played] == [answer.usage for answer in live]


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not json", '{"format": "kimi-mcp recording 9"}'])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a recording"):
        Recording.load(path)
