"""The known faults of tools like ours, each with the tests that hold it off, or with the reason why none does.

The ids are those of the house's list of faults. Whoever owns an area keeps its rows; `test_registry` proves
that every test named here exists.
"""

TESTS: dict[str, tuple[str, ...]] = {
    # mcp-stdio
    "MCP-118": ("kimi_mcp/server/test_wire.py::test_nothing_but_protocol_reaches_standard_output",),
    "MCP-119": (
        "kimi_mcp/server/test_wire.py::test_what_is_no_message_is_answered_with_an_error_and_the_next_ping_is_answered",
        "kimi_mcp/server/test_wire.py::test_a_wrong_request_is_answered_with_its_error",
        "kimi_mcp/server/test_wire.py::test_an_id_that_is_still_running_is_refused_and_a_new_handshake_frees_it",
    ),
    "MCP-121": (
        "kimi_mcp/server/test_wire.py::test_a_request_before_the_handshake_is_answered_with_an_error",
        "kimi_mcp/server/test_wire.py::test_an_unknown_revision_is_negotiated",
        "kimi_mcp/server/test_wire.py::test_two_hundred_calls_at_once_are_all_answered",
        "kimi_mcp/server/test_wire.py::test_more_requests_than_the_limit_are_refused_until_some_are_answered",
        "kimi_mcp/server/test_ending.py::test_cancelling_what_is_unknown_or_finished_does_nothing",
    ),
}
"""Case: the tests, as paths below `tests/` and names."""

_NO_HTTP = "kimi-mcp serves over stdin and stdout only; no socket is opened, so there is nothing to attack."

REASONS: dict[str, str] = {
    # mcp-http
    **{f"MCP-{number}": _NO_HTTP for number in range(123, 131)},
}
"""Case: why no test is needed."""
