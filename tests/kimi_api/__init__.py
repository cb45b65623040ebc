"""A simulated Kimi endpoint over real HTTP and SSE: scriptable per turn, strict about what it is sent.

    with KimiApi([Turn(calls=(Call("read_file", {"path": "a.py"}),)), Turn(text="Done.")]) as api:
        ...  # point any OpenAI-compatible client at api.url
    assert api.requests[0].body["model"] == "kimi-k2.6"

By hand: `uv run python -m tests.kimi_api --script turns.json --port 8765`.
"""

from tests.kimi_api.account import Account
from tests.kimi_api.server import KimiApi
from tests.kimi_api.turns import Call, Request, Turn, load_script

__all__ = ["Account", "Call", "KimiApi", "Request", "Turn", "load_script"]
