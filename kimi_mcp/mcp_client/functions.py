"""Tools of other people's MCP servers as functions of the agent.

What they say is data from strangers and is bounded like every result. They run outside the sandbox, so each call
needs the user's leave (`servers`); a lasting yes covers one tool as it is declared at that moment, so a server
that changes its declaration is asked about again (CVE-2025-54136).
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kimi_mcp.mcp_client.server import MOST_TOOLS, Declared, Server
from kimi_tools.clip import clip
from kimi_tools.errors import ToolError
from kimi_tools.policy import Request
from kimi_tools.tool import Data, Params, Result, Tool
from kimi_tools.workspace import Workspace

NAME_CHARS = 64
"""Of a function's name: what hosts accept."""

DESCRIPTION_CHARS = 1_000


class Given(Params):
    """The arguments of a call as they are; the server itself checks them."""

    arguments: dict[str, Any]


class Told(Data):
    """What the server said."""

    server: str
    text: str


@dataclass(frozen=True, slots=True)
class Function(Tool):
    """A tool whose schema is somebody else's."""

    schema: Mapping[str, Any]

    def input_schema(self) -> dict[str, Any]:
        """The schema as the server declares it; the model client makes it fit its host."""
        return dict(self.schema)

    def parse(self, arguments: Mapping[str, Any]) -> Params:
        """The arguments unchecked."""
        return Given(arguments=dict(arguments))


async def functions(servers: Sequence[Server]) -> tuple[list[Tool], list[str]]:
    """The functions of all servers, in order, and a sentence for each server that cannot be used."""
    found = await asyncio.gather(*(server.tools() for server in servers), return_exceptions=True)
    made: dict[str, Tool] = {}
    problems: list[str] = []
    for server, declared in zip(servers, found, strict=True):
        if isinstance(declared, ToolError):
            problems.append(str(declared))
            continue
        if isinstance(declared, BaseException):
            raise declared
        if len(declared) > MOST_TOOLS:
            problems.append(
                f"Of the {len(declared)} tools of '{server.name}' the first {MOST_TOOLS} are used."
            )
        for one in declared[:MOST_TOOLS]:
            function = _function(server, one)
            made.setdefault(function.name, function)
    return list(made.values()), problems


def _function(server: Server, declared: Declared) -> Tool:
    identity = _identity(server, declared)

    async def run(workspace: Workspace, params: Given) -> Result:
        text = json.dumps(params.arguments, indent=1, ensure_ascii=False, sort_keys=True)
        workspace.policy.require(
            Request(
                "servers",
                f"{declared.name} of {server.name}",
                f"Call {declared.name} of the MCP server '{server.name}', outside the sandbox.",
                text,
                always=identity,
            )
        )
        answer = await server.call(declared.name, params.arguments)
        said = clip(answer.text.encode("utf-8", "replace").decode() or "[no text]", workspace.result_chars)
        if answer.failed:
            raise ToolError(f"{server.name}: {said}")
        return Result(said, Told(server=server.name, text=said))

    return Function(
        name=function_name(server.name, declared.name),
        title=f"{declared.name} ({server.name})",
        description=clip(f"[MCP server {server.name}] {declared.description}", DESCRIPTION_CHARS),
        toolset="resolve",
        effect="executes",
        params=Given,
        run=cast(Any, run),
        schema=declared.schema,
    )


def _identity(server: Server, declared: Declared) -> str:
    """What a lasting yes covers: this server, this tool, as they are now."""
    whole = json.dumps(
        [repr(server.where), declared.name, declared.description, declared.schema],
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def function_name(server: str, tool: str) -> str:
    """`server__tool` in the letters that every host takes; a name too long ends in a digest of all of it."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}__{tool}")
    name = name if name[0].isalpha() else f"s{name}"
    if len(name) <= NAME_CHARS:
        return name
    return f"{name[: NAME_CHARS - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
