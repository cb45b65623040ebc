"""The endpoint itself: real sockets, one thread per connection."""

import contextlib
import json
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.kimi_api import rules
from tests.kimi_api.account import Account
from tests.kimi_api.answers import Answered
from tests.kimi_api.errors import ERRORS, ApiError
from tests.kimi_api.models import MODELS, OPEN_WEIGHTS, Flavour, ServedModel, listed
from tests.kimi_api.tokens import PrefixCache, count, prompt_tokens, segments
from tests.kimi_api.turns import Request, Responder, Turn


class KimiApi:
    """A simulated endpoint on a free port of 127.0.0.1, up while the `with` block runs.

    `turns` are answered in order, or `turns` is a function from the request to its turn. `strict=False`
    leaves out the checks of `rules`. `keys`: the accepted API keys (empty: any). A request that is refused
    takes no turn. `requests` holds every chat request in order; the last `keep_bodies` keep their body.
    """

    def __init__(
        self,
        turns: Iterable[Turn] | Responder = (),
        *,
        flavour: Flavour = "moonshot",
        models: Iterable[ServedModel | dict[str, Any] | str] = (),
        account: Account | None = None,
        keys: Iterable[str] = (),
        strict: bool = True,
        keep_bodies: int = 1000,
        port: int = 0,
    ) -> None:
        self.flavour: Flavour = flavour
        served = tuple(models) or (MODELS if flavour == "moonshot" else OPEN_WEIGHTS[flavour])
        self.models = {model.id: model for model in map(_served, served)}
        self.account = account or Account()
        self.keys = frozenset(keys)
        self.strict = strict
        self.requests: list[Request] = []
        self.listings = 0
        self.mistakes: list[str] = []
        self.closing = threading.Event()
        self._keep_bodies = keep_bodies
        self._respond = turns if callable(turns) else _in_order(turns)
        self._cache = PrefixCache()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self.mistakes:
            raise RuntimeError(f"The endpoint itself failed: {self.mistakes}")

    def serve(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.serve_forever()

    @property
    def refusals(self) -> list[str]:
        """What the endpoint's own checks refused; a faithful client keeps this empty."""
        return [request.refused for request in self.requests if request.refused]

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> tuple[Request, Turn]:
        """Check a chat request and return its turn; raises `ApiError`."""
        with self._lock:
            request = Request(len(self.requests), path, headers, {}, size=len(raw))
            self.requests.append(request)
            if request.number >= self._keep_bodies:
                self.requests[request.number - self._keep_bodies].body = {}
            try:
                return request, self._checked(request, raw)
            except ApiError as error:
                request.refused = error.message
                raise

    def _checked(self, request: Request, raw: bytes) -> Turn:
        request.body = parsed(raw)
        self.authorise(request.headers)
        model = self.model(str(request.body.get("model", "")))
        if self.strict:
            rules.check(request.body, request.size, model)
        parts = segments(request.body)
        request.prompt_tokens = prompt_tokens(parts) + rules.image_tokens(request.body)
        if model.truncates:
            request.prompt_tokens = min(request.prompt_tokens, model.truncates)
        if self.strict:
            rules.check_window(request.prompt_tokens, request.body, model)
        cap = request.body.get("max_completion_tokens") or request.body.get("max_tokens")
        self.account.admit(request.prompt_tokens, cap)
        try:
            request.turn = self._respond(request)
        except BaseException:
            self.account.release()
            raise
        key = str(request.body.get("prompt_cache_key", ""))
        request.cached_tokens = self._cache.serve(model.id, key, parts)
        return request.turn

    def authorise(self, headers: dict[str, str]) -> None:
        """Refuse a wrong key; local hosts ask for none."""
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if (self.keys and given not in self.keys) or (
            self.flavour in ("moonshot", "openrouter") and not given
        ):
            raise replace(ERRORS["invalid_authentication_error"])

    def model(self, name: str) -> ServedModel:
        """A served model; raises the 404 of the others."""
        if name not in self.models:
            message = f"Not found the model {name} or Permission denied"
            raise replace(ERRORS["resource_not_found_error"], message=message)
        return self.models[name]


def _served(model: ServedModel | dict[str, Any] | str) -> ServedModel:
    if isinstance(model, ServedModel):
        return model
    return ServedModel(model) if isinstance(model, str) else ServedModel(**model)


def parsed(raw: bytes) -> dict[str, Any]:
    """A request's body."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "invalid_request_error", f"Invalid request: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_request_error", "Invalid request: the body must be an object")
    return body


def _in_order(turns: Iterable[Turn]) -> Responder:
    line: Iterator[Turn] = (turn for turn in turns for _ in range(turn.times))

    def respond(request: Request) -> Turn:
        turn = next(line, None)
        if turn is None:
            raise ApiError(400, "invalid_request_error", f"The script has no turn {request.number}.")
        return turn

    return respond


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    api: KimiApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is part of the game; anything else is a mistake here, and is told."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.api.mistakes.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """The list of models."""
        api = self.server.api
        if self.path == "/api/ps" and api.flavour == "ollama":
            loaded = [{"name": m.id, "context_length": m.truncates or m.window} for m in api.models.values()]
            return self._json(200, {"models": loaded})
        if self.path.split("?")[0] != "/v1/models":
            return self._json(
                404, {"error": {"message": "url.not_found", "type": "resource_not_found_error"}}
            )
        api.listings += 1
        try:
            api.authorise(self._headers())
        except ApiError as error:
            return self._error(error)
        listing = [listed(model, api.flavour) for model in api.models.values()]
        return self._json(200, {"object": "list", "data": listing})

    def do_POST(self) -> None:
        """A chat, or an estimate of its tokens."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        try:
            if path == "/v1/chat/completions":
                self._chat(raw)
            elif path == "/v1/tokenizers/estimate-token-count":
                self.server.api.authorise(self._headers())
                messages = parsed(raw).get("messages") or []
                total = sum(count(json.dumps(message, ensure_ascii=False)) for message in messages)
                self._json(200, {"code": 0, "data": {"total_tokens": total}, "scode": "0x0", "status": True})
            else:
                self._json(404, {"error": {"message": "url.not_found", "type": "resource_not_found_error"}})
        except ApiError as error:
            self._error(error)

    def _chat(self, raw: bytes) -> None:
        request, turn = self.server.api.take(self.path, self._headers(), raw)
        try:
            self._answer(request, turn)
        finally:
            self.server.api.account.release()

    def _answer(self, request: Request, turn: Turn) -> None:
        if turn.delay:
            self._wait(turn.delay)
        if turn.cut_at is not None and turn.cut_at < 0:
            return self._hang_up(turn.reset)
        if turn.redirect:
            return self._send(turn, 302, b"", {"Location": turn.redirect})
        if turn.error and turn.error_at < 0:
            return self._fault(turn)
        if turn.body is not None:
            raw = turn.body.encode() if isinstance(turn.body, str) else turn.body
            return self._send(turn, turn.status or 200, raw, {"Content-Type": turn.content_type})
        answered = Answered(turn, request, self.server.api.flavour)
        if request.body.get("stream"):
            return self._send(turn, 200, answered.stream(), {"Content-Type": "text/event-stream"})
        payload = json.dumps(answered.whole(), ensure_ascii=False).encode()
        return self._send(turn, 200, payload, {"Content-Type": "application/json"})

    def _fault(self, turn: Turn) -> None:
        error = ERRORS[turn.error]
        self._error(
            replace(
                error,
                status=turn.status or error.status,
                message=turn.message or error.message,
                retry_after=turn.retry_after or error.retry_after,
            )
        )

    def _send(self, turn: Turn, status: int, payload: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if turn.retry_after:
            self.send_header("Retry-After", turn.retry_after)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        ends = [end for end in (turn.cut_at, turn.stall_at) if end is not None]
        allowed = payload[: min(ends)] if ends else payload
        size = turn.write or len(allowed) or 1
        for start in range(0, len(allowed), size):
            piece = allowed[start : start + size]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if turn.drip and not self._wait(turn.drip):
                return
        if turn.stall_at is not None:
            self._wait(3600)
            self.close_connection = True
        elif turn.cut_at is not None:
            self._hang_up(turn.reset)
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self, hard: bool) -> None:
        self.close_connection = True
        if hard:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def _wait(self, seconds: float) -> bool:
        """Wait, but not longer than the client and the endpoint live. False: the client has left."""
        end = time.monotonic() + seconds
        while not self.server.api.closing.is_set():
            left = end - time.monotonic()
            if left <= 0:
                return True
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.05))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return False
        return False

    def _error(self, error: ApiError) -> None:
        headers = {"Retry-After": error.retry_after} if error.retry_after else {}
        self._json(error.status, error.body, headers)

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        payload = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}
