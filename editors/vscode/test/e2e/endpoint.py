"""The simulated endpoint with one scene for each issue: python endpoint.py LOG.

A request is answered from the scene whose words stand in its latest message of the user that has any; which turn is
said by the answers behind that message, and the last one is repeated. LOG gets one line of JSON per request: the
scene, the turn, the user's messages, the results of tools. The model has a price, as OpenRouter lists it.
"""

import json
import os
import sys
from typing import Any

from scenes import SCENES

from tests.kimi_api.models import ServedModel
from tests.kimi_api.server import KimiApi
from tests.kimi_api.turns import Request, Turn


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content)


def _place(messages: list[dict[str, Any]]) -> tuple[str, int]:
    """The scene and which of its turns is next."""
    for index in range(len(messages) - 1, -1, -1):
        text = _text(messages[index]) if messages[index]["role"] == "user" else ""
        if found := next((words for words in SCENES if words in text), None):
            return found, sum(one["role"] == "assistant" for one in messages[index:])
    return "", 0


def main(log_path: str) -> None:
    """Serve until ended."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def respond(request: Request) -> Turn:
        messages = request.body["messages"]
        scene, number = _place(messages)
        line = {"scene": scene, "turn": number, "model": request.body.get("model")}
        for name, role in (("said", "user"), ("results", "tool")):
            line[name] = [_text(one) for one in messages if one["role"] == role]
        os.write(log, json.dumps(line).encode() + b"\n")
        turns = SCENES.get(scene) or [Turn(text="That is no scene of mine.")]
        return turns[min(number, len(turns) - 1)]

    api = KimiApi(
        respond,
        flavour="openrouter",
        models=[ServedModel("kimi-k2.6", fixed_sampling=False)],
        keys=["good-key"],
    )
    sys.stdout.write(f"endpoint: {api.url}\n")
    sys.stdout.flush()
    api.serve()


if __name__ == "__main__":
    main(sys.argv[1])
