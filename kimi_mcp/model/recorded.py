"""Sessions with a model, kept in a file, and played back over real HTTP.

A recording is JSON lines: a head, then one line per request with the chunks that answered it. It holds no
key: only bodies are kept, never headers. `Playback` serves one on 127.0.0.1, so that the whole client is at
work in a demonstration; the model's name says that it is a recording.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

from kimi_mcp.model.profiles import Profile

FORMAT = "kimi-mcp recording 1"


@dataclass(frozen=True, slots=True)
class Recording:
    """One session: the model's name, its window, what it was, and the chunks of each answer in order."""

    model: str
    window: int
    about: str
    answers: tuple[tuple[Any, ...], ...]

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read a recording; raises `ValueError` for a file that is none."""
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        try:
            head, *rest = [json.loads(line) for line in lines]
            if head["format"] != FORMAT:
                raise ValueError(f"{path} is not a recording of this version.")
            answers = tuple(tuple(entry["chunks"]) for entry in rest)
            return cls(str(head["model"]), int(head["window"]), str(head.get("about", "")), answers)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a recording: {error}") from None


class Recorder:
    """Writes a session as it happens; set `KimiModel.on_exchange` to its `exchange`."""

    def __init__(self, path: Path, profile: Profile, about: str = "") -> None:
        self._path = path
        head = {"format": FORMAT, "model": profile.model, "window": profile.window, "about": about}
        path.write_text(json.dumps(head, ensure_ascii=False) + "\n", "utf-8")
        path.chmod(0o600)

    def exchange(self, body: bytes, chunks: list[object]) -> None:
        """Add one request's answer; of the request only its number of messages is kept."""
        messages = cast(list[Any], json.loads(body).get("messages", []))
        line = json.dumps({"messages": len(messages), "chunks": chunks}, ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Playback:
    """Serves a recording on a free port of 127.0.0.1 while the `with` block runs.

    Each chat request gets the next answer, whatever it asks. `pace`: seconds between two chunks.
    """

    def __init__(self, recording: Recording, *, pace: float = 0.0) -> None:
        self.recording = recording
        self.pace = pace
        self.served = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.playback = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def name(self) -> str:
        """The model's name as it is served: a recording is never taken for the model."""
        return f"{self.recording.model} (recorded)"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self) -> Sequence[Any] | None:
        """The next answer's chunks; None after the last."""
        with self._lock:
            self.served += 1
            answers = self.recording.answers
            return answers[self.served - 1] if self.served <= len(answers) else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    playback: Playback


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # type: ignore[assignment]

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """The list of the one model."""
        playback = self.server.playback
        entry = {"id": playback.name, "object": "model", "context_length": playback.recording.window}
        self._json(200, {"object": "list", "data": [entry]})

    def do_POST(self) -> None:
        """The next answer of the recording."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = self.server.playback.next()
        if chunks is None:
            message = f"The recording has only {len(self.server.playback.recording.answers)} answers."
            self._json(400, {"error": {"message": message, "type": "recording_ended"}})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self._piece(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n")
            time.sleep(self.server.playback.pace)
        self._piece("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _piece(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _json(self, status: int, body: object) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
