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
    # llm
    "LLM-131": (
        "kimi_mcp/model/test_client.py::test_a_host_is_waited_for_as_it_asks_and_never_longer_than_a_minute",
        "kimi_mcp/model/test_client.py::test_what_a_host_cannot_do_for_now_is_tried_again",
        "kimi_mcp/model/test_client.py::test_the_total_limit_holds_over_all_attempts",
    ),
    "LLM-132": (
        "kimi_mcp/model/test_client.py::test_what_a_host_cannot_do_for_now_is_tried_again",
        "kimi_mcp/model/test_client.py::test_what_will_not_pass_is_never_tried_again",
        "kimi_mcp/model/test_client.py::test_attempts_end_and_the_last_reason_is_told",
        "kimi_mcp/model/test_client.py::test_a_broken_answer_is_asked_for_again_and_nothing_of_it_is_kept",
        "kimi_mcp/model/test_client.py::test_an_error_page_is_quoted_short_and_without_the_key",
    ),
    "LLM-133": (
        "kimi_mcp/model/test_client.py::test_nothing_listening_is_said_at_once",
        "kimi_mcp/model/test_client.py::test_an_unknown_name_and_a_broken_tls_are_told_apart",
        "kimi_mcp/model/test_client.py::test_a_host_that_takes_the_connection_and_says_nothing_times_out",
        "kimi_mcp/model/test_client.py::test_a_stall_ends_at_the_idle_limit_and_is_tried_again",
        "kimi_mcp/model/test_client.py::test_a_drip_that_never_idles_ends_at_the_total_limit",
    ),
    "LLM-136": (
        "kimi_mcp/model/test_client.py::test_a_broken_answer_is_asked_for_again_and_nothing_of_it_is_kept",
        "kimi_mcp/model/test_client.py::test_a_connection_that_breaks_at_any_byte_is_taken_up_again",
        "kimi_mcp/model/test_client.py::test_the_stream_may_be_split_at_every_byte",
    ),
    "LLM-138": (
        "kimi_mcp/model/test_enforce.py::test_an_unknown_function_is_told_with_what_there_is",
        "kimi_mcp/model/test_enforce.py::test_a_namespace_before_a_name_is_taken_off",
        "kimi_mcp/model/test_enforce.py::test_ids_that_are_missing_or_taken_are_made_anew",
        "kimi_mcp/model/test_enforce.py::test_pieces_with_gaps_and_without_indexes_find_their_call",
        "kimi_mcp/model/test_enforce.py::test_calls_count_whatever_the_finish_reason_says",
        "kimi_mcp/model/test_enforce.py::test_calls_that_were_announced_and_did_not_come_are_asked_for_again",
        "kimi_mcp/model/test_history.py::test_no_mended_history_breaks_a_rule_of_the_endpoint",
    ),
    "LLM-139": (
        "kimi_mcp/model/test_client.py::test_an_empty_answer_is_nudged_and_at_most_twice",
        "kimi_mcp/model/test_client.py::test_a_filtered_answer_stops_with_the_reason",
        "kimi_mcp/model/test_client.py::test_an_answer_cut_at_its_limit_is_continued_where_it_stopped",
        "kimi_mcp/model/test_client.py::test_a_call_cut_at_the_limit_is_asked_for_again_with_twice_the_room_and_at_most_twice",
    ),
    "LLM-140": (
        "kimi_mcp/model/test_client.py::test_what_will_not_pass_is_never_tried_again",
        "kimi_mcp/model/test_client.py::test_a_prompt_that_leaves_no_room_is_an_overflow_before_it_is_sent",
        "kimi_mcp/model/test_client.py::test_a_body_beyond_the_hosts_limit_is_an_overflow_before_it_is_sent",
        "kimi_mcp/model/test_client.py::test_a_result_of_five_megabytes_is_cut_before_it_is_sent",
    ),
    "LLM-142": (
        "kimi_mcp/model/test_client.py::test_a_redirect_never_carries_the_key_elsewhere",
        "kimi_mcp/model/test_client.py::test_plain_http_is_for_this_machine_only_unless_it_is_allowed",
    ),
    # secrets
    "SECR-149": ("kimi_mcp/model/test_keys.py::test_no_key_reaches_a_child_a_log_a_file_or_an_error",),
    "SECR-150": (
        "kimi_mcp/model/test_keys.py::test_a_keyring_may_answer_hang_or_fail",
        "kimi_mcp/model/test_keys.py::test_a_file_counts_only_when_nobody_else_can_read_it",
        "kimi_mcp/model/test_keys.py::test_a_file_that_is_none_of_ours_is_not_followed",
    ),
}
"""Case: the tests, as paths below `tests/` and names."""

_NO_HTTP = "kimi-mcp serves over stdin and stdout only; no socket is opened, so there is nothing to attack."

REASONS: dict[str, str] = {
    # mcp-http
    **{f"MCP-{number}": _NO_HTTP for number in range(123, 131)},
}
"""Case: why no test is needed."""
