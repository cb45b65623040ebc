"""The answers that do not depend on anything but the declarations: initialize, discover, tools/list, ping.

They are read from `answers.json`, which `python -m tests.update_snapshots` writes from what the SDK's server
answers, so that the first answer needs neither the SDK nor the tools. What is not plainly one of these
requests in its ordinary form is left to the SDK, errors included; a test holds each answer against the SDK's.

Standard library only.
"""

import json
import os
from typing import Any, cast

from kimi_mcp.server.selection import Selection

FILE = os.path.join(os.path.dirname(__file__), "answers.json")

_META = "io.modelcontextprotocol/"

_NOT_SERVED = ("prompts/list", "resources/list", "resources/templates/list")
"""Methods that some clients try right after the handshake, although the answer to it says what there is."""

_METHOD_NOT_FOUND = -32601


class Answers:
    """The fixed answers for one selection of tools."""

    def __init__(self, selection: Selection) -> None:
        with open(FILE, encoding="utf-8") as file:
            self._fixed: dict[str, Any] = json.load(file)
        self._tools = [
            entry["tool"]
            for entry in self._fixed["tools"]
            if selection.takes(entry["tool"]["name"], entry["toolset"], entry["effect"])
        ]

    def to(self, method: str, params: dict[str, Any], *, initialized: bool) -> dict[str, Any] | None:
        """`{"result": …}` or `{"error": …}` for a request, or None when the SDK must answer.

        `initialized`: whether this connection had an `initialize` that was answered.
        """
        if method == "initialize":
            result = self._initialize(params)
        elif is_modern(params):
            result = self._modern(method, params)
        elif not set(params) <= {"_meta"} or not isinstance(params.get("_meta", {}), dict):
            result = None
        elif method in _NOT_SERVED and initialized:
            return {"error": {"code": _METHOD_NOT_FOUND, "message": "Method not found", "data": method}}
        else:
            result = self._legacy(method, initialized)
        return None if result is None else {"result": result}

    def _legacy(self, method: str, initialized: bool) -> dict[str, Any] | None:
        if method == "ping":
            return {}
        if method == "tools/list" and initialized:
            return {"tools": self._tools}
        return None

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any] | None:
        asked = params.get("protocolVersion")
        plain = _is_client(params.get("clientInfo")) and _is_capabilities(params.get("capabilities"))
        if not plain or not isinstance(asked, str):
            return None
        versions = self._fixed["handshake_versions"]
        return {
            **self._fixed["initialize"],
            "protocolVersion": asked if asked in versions else versions[-1],
        }

    def _modern(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        meta = params["_meta"]
        plain = (
            set(params) == {"_meta"}
            and meta[_META + "protocolVersion"] in self._fixed["modern_versions"]
            and _is_capabilities(meta.get(_META + "clientCapabilities"))
            and _is_client(meta.get(_META + "clientInfo", {"name": "", "version": ""}))
        )
        if not plain:
            return None
        if method == "server/discover":
            return self._fixed["discover"]
        if method == "tools/list":
            return {**self._fixed["modern_list"], "tools": self._tools}
        return None


def _is_client(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(cast(dict[str, Any], value).get(key), str) for key in ("name", "version")
    )


def _is_capabilities(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(capability, dict) for capability in cast(dict[str, Any], value).values()
    )


def is_modern(params: dict[str, Any]) -> bool:
    """Whether a request carries the envelope of revision 2026-07-28, which needs no handshake."""
    meta = params.get("_meta")
    return isinstance(meta, dict) and _META + "protocolVersion" in meta
