"""Asking the user for leave through an MCP client that can (elicitation)."""

import contextlib
import logging
from collections.abc import Generator

from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult

from kimi_tools.clip import clip
from kimi_tools.policy import Request, asking, visible

log = logging.getLogger(__name__)

ANSWER_SECONDS = 120.0
"""What a user gets to answer in; then it is a no."""

_SCHEMA = {
    "type": "object",
    "properties": {"allow": {"type": "boolean", "title": "Allow this once", "default": False}},
    "required": ["allow"],
}


@contextlib.contextmanager
def asking_client(session: ServerSession) -> Generator[None]:
    """Within the block, leave is asked for through the client, if it declared that it can ask its user."""
    capabilities = session.client_capabilities
    if capabilities is None or capabilities.elicitation is None or not session.can_send_request:
        yield
        return

    async def ask(request: Request) -> bool:
        shown = clip(visible(request.content), 3_000)
        message = f"{visible(request.sentence)}\n\n{shown}" if shown else visible(request.sentence)
        elicit = ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=_SCHEMA))
        try:
            answer = await session.send_request(elicit, ElicitResult, ANSWER_SECONDS)
        except MCPError as error:
            log.info("the client did not ask its user: %s", error)
            return False
        return answer.action == "accept" and (answer.content or {}).get("allow") is True

    with asking(ask):
        yield
