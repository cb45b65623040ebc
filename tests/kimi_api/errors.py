"""Every error of the endpoint, with the body that the real one sends.

From platform.kimi.ai/docs/api/errors, the Kimi Code error reference, and bodies quoted in public issues.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class ApiError(Exception):
    """An answer with an error status."""

    status: int
    type: str
    message: str
    retry_after: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": {"message": self.message, "type": self.type}}


ORGANISATION = "Your account org-0f3a<ak-f1xed>"

ERRORS = {
    "invalid_authentication_error": ApiError(401, "invalid_authentication_error", "Invalid Authentication"),
    "incorrect_api_key_error": ApiError(401, "incorrect_api_key_error", "Incorrect API key provided"),
    "membership": ApiError(
        402, "access_terminated_error", "We're unable to verify your membership benefits at this time."
    ),
    "permission_denied_error": ApiError(
        403, "permission_denied_error", "The API you are accessing is not open"
    ),
    "coding_agents_only": ApiError(
        403,
        "access_terminated_error",
        "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code.",
    ),
    "usage_limit": ApiError(
        403, "access_terminated_error", "You've reached your usage limit for this billing cycle."
    ),
    "resource_not_found_error": ApiError(
        404, "resource_not_found_error", "Not found the model kimi-x or Permission denied"
    ),
    "exceeded_current_quota_error": ApiError(
        429,
        "exceeded_current_quota_error",
        f"{ORGANISATION} is suspended due to insufficient balance, "
        "please recharge your account or check your plan and billing details",
    ),
    "concurrency": ApiError(
        429,
        "rate_limit_reached_error",
        f"{ORGANISATION} request reached max organization concurrency: 1, please try again after 1 seconds",
        "1",
    ),
    "rpm": ApiError(
        429,
        "rate_limit_reached_error",
        f"{ORGANISATION} request reached organization max RPM: 3, please try again after 1 seconds",
        "1",
    ),
    "tpm": ApiError(
        429,
        "rate_limit_reached_error",
        f"{ORGANISATION} request reached organization TPM rate limit, current: 130000, limit: 128000",
    ),
    "tpd": ApiError(
        429,
        "rate_limit_reached_error",
        f"{ORGANISATION} request reached organization TPD rate limit, current: 1505000, limit: 1500000",
    ),
    "engine_overloaded_error": ApiError(
        429, "engine_overloaded_error", "The engine is currently overloaded, please try again later"
    ),
    "content_filter": ApiError(
        400, "content_filter", "The request was rejected because it was considered high risk"
    ),
    "request_timeout": ApiError(408, "server_error", "Request timed out"),
    "conflict": ApiError(409, "server_error", "Conflict, please retry"),
    "server_error": ApiError(500, "server_error", "Internal server error"),
    "unexpected_output": ApiError(500, "unexpected_output", "invalid state transition"),
    "bad_gateway": ApiError(502, "server_error", "Bad gateway"),
    "server_unavailable": ApiError(503, "server_unavailable", "The server is unavailable"),
    "gateway_timeout": ApiError(504, "server_error", "Gateway timeout"),
    "overloaded": ApiError(529, "overloaded_error", "Overloaded"),
    "overflow_input": ApiError(400, "invalid_request_error", "Input token length too long"),
    "overflow_limit": ApiError(
        400,
        "invalid_request_error",
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 274613)",
    ),
    "overflow_sum": ApiError(
        400,
        "invalid_request_error",
        "Invalid request: prompt tokens + max_tokens exceeds the model's context length 262144",
    ),
    "overflow_size": ApiError(
        400, "invalid_request_error", "Invalid request: total message size 2097999 exceeds limit 2097152"
    ),
    "overflow_413": ApiError(413, "invalid_request_error", "Request Entity Too Large"),
    "overflow_openai": ApiError(
        400,
        "invalid_request_error",
        "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens.",
    ),
    "overflow_llamacpp": ApiError(
        400,
        "exceed_context_size_error",
        "the request exceeds the available context size, try increasing it",
    ),
    "invalid_thinking": ApiError(
        400, "invalid_request_error", "invalid thinking: only type=enabled is allowed for this model"
    ),
    "invalid_temperature": ApiError(
        400, "invalid_request_error", "invalid temperature: only 1 is allowed for this model"
    ),
}
"""By kind. Three kinds share the type `rate_limit_reached_error`; the wording tells them apart."""


def refuse(message: str) -> ApiError:
    """A 400 of the endpoint's own checks."""
    return ApiError(400, "invalid_request_error", f"Invalid request: {message}")
