"""One request over HTTP: the only module that uses the openai library, which it loads when first needed.

The library's own retries are off (they would burn the requests per minute), redirects are not followed (a
redirect could carry the key elsewhere), and its environment variables for organisation and project, which
belong to another company's account, are left out.
"""

import json
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from kimi_mcp.model.errors import KeyRefused, RequestRefused, Unreachable
from kimi_mcp.model.profiles import is_loopback
from kimi_mcp.model.refusals import SHOWN, Refusal, refusal

if TYPE_CHECKING:
    from openai import APIConnectionError, AsyncOpenAI


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and counts. `idle`: without a byte; `total`: for one answer with all its retries.

    `retries`: of what a host could not do for now; `connects`: of a host that never took the connection.
    `wait_cap` bounds what a host may ask for.
    """

    connect: float = 10.0
    idle: float = 120.0
    total: float = 3600.0
    retries: int = 10
    connects: int = 3
    wait_first: float = 0.5
    wait_most: float = 32.0
    wait_cap: float = 60.0


class Failed(Exception):
    """A request that gave no answer; `refusal` says what it means."""

    def __init__(self, refused: Refusal, *, connecting: bool = False) -> None:
        super().__init__(str(refused.error))
        self.refusal = refused
        self.connecting = connecting


class Transport:
    """Speaks HTTP with one host. Raises `RequestRefused` for an address that would send the key in clear."""

    def __init__(
        self, base_url: str, key: SecretStr | None, limits: Limits, *, allow_http: bool = False
    ) -> None:
        self.base_url = base_url.rstrip("/")
        if not _is_safe(self.base_url, allow_http):
            raise RequestRefused(
                f"The address {masked(self.base_url, key)} is not https; plain http is only for this "
                "machine, unless it is allowed expressly."
            )
        if key is not None and not re.fullmatch(r"[!-~]+", key.get_secret_value()):
            raise KeyRefused("The key holds spaces or letters that no key has; copy it again.")
        self._key = key
        self._limits = limits
        self._client: AsyncOpenAI | None = None

    async def models(self, model: str) -> list[Mapping[str, Any]]:
        """The host's list of models, entry by entry; raises `Failed`."""
        from openai import APIError

        try:
            body = await self._opened().get("/models", cast_to=object)
        except (APIError, ValueError, RecursionError) as error:
            raise self._failed(error, model, {}) from None
        entries: Any = cast(dict[str, Any], body).get("data") if isinstance(body, dict) else None
        listed = cast(list[Any], entries) if isinstance(entries, list) else []
        return [cast(Mapping[str, Any], entry) for entry in listed if isinstance(entry, dict)]

    async def ollama_window(self, model: str) -> int:
        """The context length with which Ollama has loaded a model; 0 where it does not say."""
        from openai import APIError

        try:
            place = f"{self.base_url.removesuffix('/v1')}/api/ps"
            body: Any = await self._opened().get(place, cast_to=object)
            loaded: Any = cast(dict[str, Any], body).get("models") or []
            lengths = [
                one.get("context_length") for one in loaded if model in (one.get("name"), one.get("model"))
            ]
            return int(lengths[0] or 0) if lengths else 0
        except (APIError, ValueError, TypeError, AttributeError, RecursionError):
            return 0

    async def chunks(self, body: bytes, model: str, sent: Mapping[str, object]) -> AsyncGenerator[object]:
        """The chunks of one streamed answer (or the one whole body of a host that does not stream)."""
        from httpx2 import HTTPError
        from openai import APIError, AsyncStream

        try:
            stream = await self._opened().post(
                "/chat/completions",
                cast_to=object,
                content=body,
                options={"headers": {"Content-Type": "application/json", "Accept": "text/event-stream"}},
                stream=True,
                stream_cls=AsyncStream[object],
            )
            try:
                if "event-stream" in stream.response.headers.get("content-type", "event-stream"):
                    async for chunk in stream:
                        yield chunk
                else:
                    yield self._whole(await stream.response.aread(), model, sent)
            finally:
                await stream.close()
        except (APIError, HTTPError, ValueError, RecursionError) as error:
            raise self._failed(error, model, sent) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    def _opened(self) -> "AsyncOpenAI":
        if self._client is None:
            import openai

            timeout = openai.Timeout(self._limits.idle, connect=self._limits.connect)
            try:
                connections = openai.DefaultAsyncHttpxClient(
                    timeout=timeout, follow_redirects=False, trust_env=not is_loopback(self.base_url)
                )
            except (ImportError, ValueError) as error:  # a SOCKS proxy, or a proxy that is no address
                text = masked(str(error), self._key)
                raise RequestRefused(f"The proxy of the environment cannot be used: {text}") from None
            self._client = openai.AsyncOpenAI(
                api_key=self._key.get_secret_value() if self._key else "none",
                base_url=self.base_url,
                timeout=timeout,
                max_retries=0,
                default_headers={"User-Agent": f"kimi-mcp/{version('kimi-mcp')}"},
                http_client=connections,
            )
            self._client.organization = self._client.project = None
        return self._client

    def _whole(self, content: bytes, model: str, sent: Mapping[str, object]) -> object:
        body: Any = json.loads(content)
        error: Any = cast(dict[str, Any], body).get("error") if isinstance(body, dict) else None
        if error:
            raise Failed(self._judged(0, {"error": error}, str(error), {}, model, sent))
        return cast(object, body)

    def _failed(self, error: Exception, model: str, sent: Mapping[str, object]) -> Failed:
        import openai

        if isinstance(error, openai.APIStatusError):
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            judged = self._judged(error.status_code, error.body, error.response.text, headers, model, sent)
            return Failed(judged)
        if isinstance(error, openai.APIConnectionError):
            return self._unconnected(error)
        if isinstance(error, openai.APIError):
            return Failed(self._judged(0, error.body, error.message, {}, model, sent))
        return Failed(Refusal(Unreachable("The host sent an answer that cannot be read."), "retry"))

    def _judged(
        self,
        status: int,
        body: object,
        text: str,
        headers: Mapping[str, str],
        model: str,
        sent: Mapping[str, object],
    ) -> Refusal:
        inner: Any = body
        if isinstance(inner, dict) and isinstance(cast(dict[str, Any], inner).get("error"), dict):
            inner = cast(dict[str, Any], inner)["error"]
        said = cast(dict[str, Any], inner) if isinstance(inner, dict) else {}
        message = masked(str(said.get("message") or text), self._key)
        kind = str(said.get("type") or said.get("code") or "")
        if status == 0 and isinstance(said.get("code"), int):
            status = said["code"]
        return refusal(status, kind, message, headers, model, sent)

    def _unconnected(self, error: "APIConnectionError") -> Failed:
        import openai

        cause: BaseException | None = error
        while cause is not None and not isinstance(
            cause, ssl.SSLError | socket.gaierror | ConnectionRefusedError
        ):
            several = cast(Any, cause).exceptions if isinstance(cause, BaseExceptionGroup) else ()
            cause = several[0] if several else cause.__cause__ or cause.__context__
        place = masked(self.base_url, self._key)
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"{place} does not speak TLS as it should: {cause.reason}."
            return Failed(Refusal(Unreachable(reason), "retry"), connecting=True)
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"The certificate of {place} is not trusted: {cause.verify_message}."
            return Failed(Refusal(Unreachable(reason)))
        if isinstance(cause, socket.gaierror):
            return Failed(
                Refusal(Unreachable(f"The name of {place} is not known."), "retry"), connecting=True
            )
        if isinstance(cause, ConnectionRefusedError):
            return Failed(Refusal(Unreachable(f"Nothing listens at {place}."), "retry"), connecting=True)
        if isinstance(error, openai.APITimeoutError):
            connecting = type(error.__cause__).__name__ == "ConnectTimeout"
            what = (
                f"took no connection for {self._limits.connect:g}"
                if connecting
                else f"sent nothing for {self._limits.idle:g}"
            )
            return Failed(Refusal(Unreachable(f"{place} {what} s."), "retry"), connecting=connecting)
        detail = masked(str(error.__cause__ or error), self._key)[:SHOWN]
        return Failed(Refusal(Unreachable(f"The connection to {place} broke: {detail}."), "retry"))


def _is_safe(base_url: str, allow_http: bool) -> bool:
    """Whether the key may travel to an address: over https, or within this machine."""
    try:
        parts = urlsplit(base_url)
        local = is_loopback(base_url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and (allow_http or local))
    )


def masked(text: str, key: SecretStr | None) -> str:
    """A text without the key, and without passwords in its addresses."""
    secret = key.get_secret_value() if key else ""
    if len(secret) > 3:
        text = text.replace(secret, "***")
    return re.sub(r"(https?://)[^/@\s]+@", r"\1***@", text)
