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
        "kimi_mcp/model/test_retries.py::test_a_host_is_waited_for_as_it_asks_and_never_longer_than_a_minute",
        "kimi_mcp/model/test_retries.py::test_what_a_host_cannot_do_for_now_is_tried_again",
        "kimi_mcp/model/test_retries.py::test_the_total_limit_holds_over_all_attempts",
    ),
    "LLM-132": (
        "kimi_mcp/model/test_retries.py::test_what_a_host_cannot_do_for_now_is_tried_again",
        "kimi_mcp/model/test_retries.py::test_what_will_not_pass_is_never_tried_again",
        "kimi_mcp/model/test_retries.py::test_attempts_end_and_the_last_reason_is_told",
        "kimi_mcp/model/test_retries.py::test_a_broken_answer_is_asked_for_again_and_nothing_of_it_is_kept",
        "kimi_mcp/model/test_retries.py::test_an_error_page_is_quoted_short_and_without_the_key",
    ),
    "LLM-133": (
        "kimi_mcp/model/test_retries.py::test_nothing_listening_is_said_at_once",
        "kimi_mcp/model/test_retries.py::test_an_unknown_name_and_a_broken_tls_are_told_apart",
        "kimi_mcp/model/test_retries.py::test_a_host_that_takes_the_connection_and_says_nothing_times_out",
        "kimi_mcp/model/test_retries.py::test_a_stall_ends_at_the_idle_limit_and_is_tried_again",
        "kimi_mcp/model/test_retries.py::test_a_drip_that_never_idles_ends_at_the_total_limit",
    ),
    "LLM-136": (
        "kimi_mcp/model/test_retries.py::test_a_broken_answer_is_asked_for_again_and_nothing_of_it_is_kept",
        "kimi_mcp/model/test_retries.py::test_a_connection_that_breaks_at_any_byte_is_taken_up_again",
        "kimi_mcp/model/test_retries.py::test_the_stream_may_be_split_at_every_byte",
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
        "kimi_mcp/model/test_retries.py::test_an_empty_answer_is_nudged_and_at_most_twice",
        "kimi_mcp/model/test_retries.py::test_a_filtered_answer_stops_with_the_reason",
        "kimi_mcp/model/test_retries.py::test_an_answer_cut_at_its_limit_is_continued_where_it_stopped",
        "kimi_mcp/model/test_retries.py::test_a_call_cut_at_the_limit_is_asked_for_again_with_twice_the_room_and_at_most_twice",
    ),
    "LLM-140": (
        "kimi_mcp/model/test_retries.py::test_what_will_not_pass_is_never_tried_again",
        "kimi_mcp/model/test_client.py::test_a_prompt_that_leaves_no_room_is_an_overflow_before_it_is_sent",
        "kimi_mcp/model/test_client.py::test_a_body_beyond_the_hosts_limit_is_an_overflow_before_it_is_sent",
        "kimi_mcp/model/test_client.py::test_a_result_of_five_megabytes_is_cut_before_it_is_sent",
    ),
    "LLM-142": (
        "kimi_mcp/model/test_client.py::test_a_redirect_never_carries_the_key_elsewhere",
        "kimi_mcp/model/test_client.py::test_plain_http_is_for_this_machine_only_unless_it_is_allowed",
    ),
    # secrets
    "SECR-149": (
        "faults/test_secrets.py::test_nothing_that_the_server_keeps_holds_a_key_and_all_of_it_is_private",
        "kimi_mcp/model/test_keys.py::test_no_key_reaches_a_child_a_log_a_file_or_an_error",
    ),
    "SECR-150": (
        "kimi_mcp/model/test_keys.py::test_a_keyring_may_answer_hang_or_fail",
        "kimi_mcp/model/test_keys.py::test_a_file_counts_only_when_nobody_else_can_read_it",
        "kimi_mcp/model/test_keys.py::test_a_file_that_is_none_of_ours_is_not_followed",
    ),
    # path
    "PATH-002": (
        "faults/test_paths.py::test_no_tool_follows_a_path_out",
        "faults/test_paths.py::test_reads_and_writes_are_refused_by_both_doors",
    ),
    "PATH-003": ("faults/test_paths.py::test_reads_and_writes_are_refused_by_both_doors",),
    "PATH-005": (
        "faults/test_paths.py::test_a_directory_that_is_swapped_for_a_link_all_the_time_leads_nowhere_else",
    ),
    "PATH-007": (
        "faults/test_paths.py::test_no_tool_follows_a_path_out",
        "kimi_tools/test_files.py::test_a_path_that_leads_out_or_is_no_file_is_refused",
    ),
    "PATH-009": (
        "faults/test_paths.py::test_no_tool_follows_a_path_out",
        "kimi_tools/test_files.py::test_a_device_is_refused",
    ),
    "PATH-010": ("kimi_tools/journal/test_journal.py::test_a_hard_link_out_of_the_root_keeps_its_bytes",),
    "PATH-011": ("kimi_mcp/server/test_conversation.py::test_roots_are_asked_for_again_after_they_changed",),
    "PATH-012": ("kimi_tools/test_files.py::test_the_root_may_be_named_in_any_spelling",),
    "PATH-013": ("faults/test_paths.py::test_no_tool_follows_a_path_out",),
    "PATH-014": ("faults/test_edits.py::test_a_link_that_a_command_left_does_not_lead_a_write_out",),
    # edit
    "EDIT-093": ("kimi_tools/edit/test_edit_file.py::test_an_edit_changes_its_bytes_and_no_others",),
    "EDIT-094": ("kimi_tools/edit/test_edit_file.py::test_an_edit_changes_its_bytes_and_no_others",),
    "EDIT-096": ("faults/test_edits.py::test_another_write_of_the_same_size_and_time_is_noticed",),
    "EDIT-097": (
        "faults/test_edits.py::test_another_write_between_our_look_and_our_rename_is_not_lost",
        "faults/test_edits.py::test_a_file_made_by_another_in_the_last_moment_is_not_overwritten",
    ),
    "EDIT-098": (
        "faults/test_edits.py::test_two_processes_that_edit_one_file_lose_no_edit",
        "kimi_tools/journal/test_journal.py::test_edits_of_one_file_from_many_threads_are_all_made",
    ),
    "EDIT-099": (
        "faults/test_writes.py::test_kill_9_at_any_system_call_tears_and_loses_nothing",
        "faults/test_writes.py::test_whichever_system_call_fails_all_files_are_old_or_all_are_new",
    ),
    "EDIT-101": (
        "faults/test_writes.py::test_kill_9_at_any_system_call_tears_and_loses_nothing",
        "faults/test_writes.py::test_a_crash_in_the_middle_is_on_record_and_taken_back_by_a_new_process",
    ),
    "EDIT-102": ("kimi_tools/edit/test_edit_file.py::test_an_edit_changes_its_bytes_and_no_others",),
    "EDIT-104": (
        "kimi_tools/edit/test_apply_patch.py::test_gits_own_diff_of_everything_gives_the_same_tree",
        "kimi_tools/edit/test_apply_patch.py::test_what_models_get_wrong_is_bridged",
        "kimi_tools/edit/test_apply_patch.py::test_what_cannot_be_applied_is_refused_with_a_reason",
        "kimi_tools/edit/test_apply_patch.py::test_one_bad_hunk_leaves_every_file_alone",
        "kimi_tools/edit/test_apply_patch.py::test_a_patch_that_came_with_crlf_keeps_an_lf_file_lf",
    ),
    "EDIT-105": (
        "kimi_tools/edit/test_edit_file.py::test_a_stale_hash_is_refused_with_the_new_one",
        "kimi_tools/edit/test_edit_file.py::test_the_result_shows_hash_place_and_diff",
    ),
    "EDIT-106": (
        "kimi_tools/journal/test_journal.py::test_undo_refuses_when_the_file_changed_since",
        "kimi_tools/journal/test_journal.py::test_undo_of_two_steps_refuses_when_another_program_wrote_between",
    ),
    "EDIT-107": ("kimi_tools/journal/test_journal.py::test_what_cannot_be_a_file_is_refused",),
    # trust, as far as files are concerned
    "TRUS-016": (
        "faults/test_edits.py::test_no_editing_tool_writes_a_protected_file_without_leave",
        "kimi_tools/journal/test_journal.py::test_a_protected_file_needs_leave_for_exactly_this_content",
    ),
    "TRUS-017": ("kimi_tools/journal/test_journal.py::test_git_is_never_written_under_any_of_its_names",),
    "TRUS-018": (
        "kimi_tools/journal/test_journal.py::test_a_protected_file_needs_leave_for_exactly_this_content",
    ),
    "TRUS-019": (
        "kimi_tools/journal/test_journal.py::test_a_protected_file_needs_leave_for_exactly_this_content",
    ),
    "TRUS-026": (
        "kimi_tools/test_files.py::test_hidden_code_points_are_marked_in_the_text_and_exact_in_the_data",
    ),
    # platform
    "PLAT-153": (
        "faults/test_paths.py::test_a_name_that_means_something_elsewhere_is_a_plain_name_here",
        "kimi_tools/journal/test_journal.py::test_git_is_never_written_under_any_of_its_names",
    ),
    "PLAT-155": (
        "faults/test_writes.py::test_whichever_system_call_fails_all_files_are_old_or_all_are_new",
        "faults/test_paths.py::test_reads_and_writes_are_refused_by_both_doors",
    ),
    # git
    "GIT-027": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-028": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-029": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-030": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-031": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-032": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-036": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-038": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
    ),
    "GIT-033": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
        "faults/test_git.py::test_a_missing_object_of_a_partial_clone_is_not_fetched",
    ),
    "GIT-039": (
        "faults/test_git.py::test_a_repository_elsewhere_is_refused",
        "faults/test_git.py::test_real_worktrees_submodules_and_sparse_checkouts_work",
    ),
    "GIT-041": (
        "faults/test_git.py::test_borrowed_objects_and_included_configuration_are_reported",
        "faults/test_git.py::test_a_file_named_in_the_configuration_is_not_quoted",
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
    ),
    "GIT-042": (
        "faults/test_git.py::test_an_option_in_an_argument_is_never_one",
        "kimi_tools/git/test_reading.py::test_unknown_and_malformed_revisions_are_told_apart",
        "kimi_tools/git/test_writing.py::test_a_name_that_is_no_branch_is_refused",
    ),
    "GIT-037": (
        "faults/test_git_vectors.py::test_no_git_tool_springs_the_trap",
        "faults/test_git_vectors.py::test_plain_git_springs_the_trap",
        "faults/test_git.py::test_a_remote_that_wants_a_password_is_not_asked_for_one",
    ),
    "GIT-048": (
        "faults/test_git.py::test_an_address_in_any_argument_reaches_nothing_and_its_password_is_not_told",
        "faults/test_trust.py::test_no_declared_tool_pushes_fetches_or_lifts_the_sandbox",
    ),
    "GIT-055": (
        "faults/test_git.py::test_a_remote_that_wants_a_password_is_not_asked_for_one",
        "faults/test_git.py::test_a_command_that_is_asked_for_a_password_fails_and_does_not_wait",
    ),
    "GIT-046": ("faults/test_git.py::test_another_repository_cannot_be_named",),
    "GIT-047": (
        "faults/test_git.py::test_a_commit_leaves_the_configuration_as_it_was",
        "kimi_tools/git/test_writing.py::test_a_message_is_data",
    ),
    "GIT-049": (
        "kimi_tools/git/test_writing.py::test_names_that_look_like_options_or_patterns_are_names",
        "kimi_tools/git/test_writing.py::test_a_name_that_is_no_text_is_committed_with_its_directory",
        "kimi_tools/git/test_reading.py::test_status_groups_what_changed",
    ),
    "GIT-050": ("faults/test_git.py::test_git_variables_of_the_server_do_not_count",),
    "GIT-051": ("faults/test_git.py::test_a_lock_left_behind_is_told_and_not_removed",),
    "GIT-052": (
        "kimi_tools/git/test_writing.py::test_no_commit_in_the_middle_of_something_else",
        "faults/test_git.py::test_unusual_states_are_told_and_nothing_fails_with_a_traceback",
        "kimi_tools/git/test_writing.py::test_the_first_commit_of_a_branch_can_be_made",
    ),
    "GIT-053": ("faults/test_git.py::test_damage_is_told_in_one_sentence_and_quickly",),
    "GIT-054": ("faults/test_git.py::test_control_characters_in_history_are_shown_and_not_sent",),
    "GIT-057": (
        "faults/test_git.py::test_real_worktrees_submodules_and_sparse_checkouts_work",
        "faults/test_git.py::test_a_path_outside_the_sparse_cone_is_not_committed_away",
        "faults/test_git.py::test_a_bare_repository_is_told_what_to_do",
    ),
    # exec
    "EXEC-060": (
        "kimi_tools/test_shell.py::test_nothing_is_kept_between_calls",
        "kimi_tools/test_shell.py::test_secrets_of_the_environment_do_not_reach_the_command",
    ),
    "EXEC-062": (
        "kimi_tools/test_process.py::test_programs_are_not_found_through_relative_or_excluded_entries_of_path",
        "faults/test_git.py::test_a_git_in_the_repository_is_never_run",
    ),
    # search
    "SEAR-108": ("kimi_tools/test_search.py::test_a_catastrophic_pattern_ends_quickly",),
    "SEAR-109": (
        "kimi_tools/test_search.py::test_an_invalid_pattern_is_explained_with_the_way_out",
        "kimi_tools/test_search.py::test_a_catastrophic_pattern_ends_quickly",
        "kimi_tools/test_search.py::test_look_around_works",
    ),
    "SEAR-111": (
        "kimi_tools/test_search.py::test_binary_and_huge_files_are_skipped_and_counted",
        "kimi_tools/test_search.py::test_a_long_line_is_cut_around_its_match",
    ),
    "SEAR-112": (
        "kimi_tools/test_search.py::test_pages_cover_every_match_once",
        "kimi_tools/git/test_reading.py::test_status_pages_many_changes",
    ),
    "SEAR-113": (
        "kimi_tools/test_search.py::test_a_tree_deeper_than_the_longest_path_gives_a_partial_answer",
    ),
    "SEAR-114": (
        "kimi_tools/test_search.py::test_ignored_files_are_left_out_and_pointed_at",
        "kimi_tools/test_search.py::test_files_of_secrets_are_not_searched",
    ),
    "SEAR-116": ("kimi_tools/test_search.py::test_what_cannot_be_read_is_told",),
    # trust
    "TRUS-020": ("faults/test_trust.py::test_an_answer_is_bound_to_content_and_not_to_a_name",),
    "TRUS-021": (
        "faults/test_trust.py::test_a_repositorys_files_change_no_setting",
        "faults/test_trust.py::test_the_host_is_not_chosen_by_the_repository",
        "faults/test_hostile_repository.py::test_a_server_that_is_started_inside_it_springs_no_trap",
    ),
    "TRUS-022": (
        "faults/test_trust.py::test_the_repositorys_test_command_runs_in_the_sandbox_only",
        "faults/test_trust.py::test_a_repositorys_files_change_no_setting",
        "faults/test_hostile_repository.py::test_no_tool_springs_a_trap",
    ),
    "TRUS-023": (
        "faults/test_trust.py::test_an_obeying_model_reads_nothing_outside_and_pushes_nothing",
        "faults/test_trust.py::test_no_declared_tool_pushes_fetches_or_lifts_the_sandbox",
        "kimi_tools/test_policy.py::test_leave_to_reach_another_machine_ends_when_strangers_text_is_read",
    ),
    "TRUS-025": (
        "faults/test_trust.py::test_the_tools_say_the_same_in_every_repository",
        "kimi_mcp/server/test_declarations.py::test_a_changed_declaration_is_seen_in_its_snapshot",
    ),
    # exec
    "EXEC-058": ("faults/test_commands.py::test_no_command_line_writes_outside",),
    "EXEC-059": (
        "faults/test_commands.py::test_no_command_line_writes_outside",
        "kimi_tools/test_policy.py::test_a_question_shows_what_is_invisible",
    ),
    "EXEC-061": ("faults/test_commands.py::test_no_command_line_writes_outside",),
    # sandbox
    "SAND-064": (
        "kimi_tools/sandbox/test_bubblewrap.py::test_the_system_cannot_be_written",
        "kimi_tools/sandbox/test_bubblewrap.py::test_home_and_the_neighbours_of_the_workspace_are_not_seen_and_not_changed",
    ),
    "SAND-065": ("kimi_tools/sandbox/test_bubblewrap.py::test_the_system_cannot_be_written",),
    "SAND-067": ("kimi_tools/sandbox/test_bubblewrap.py::test_a_unix_socket_of_the_host_is_out_of_reach",),
    "SAND-070": (
        "kimi_tools/sandbox/test_landlock.py::test_the_gaps_are_stated_and_single_hosts_are_refused",
        "kimi_tools/sandbox/test_landlock.py::test_there_is_no_socket_and_no_other_process_to_look_into",
    ),
    "SAND-071": (
        "faults/test_commands.py::test_without_any_sandbox_commands_are_refused_with_every_reason_and_the_way_out",
        "faults/test_commands.py::test_the_next_best_sandbox_is_taken_and_named",
    ),
    "SAND-072": (
        "kimi_tools/sandbox/test_bubblewrap.py::test_files_of_secrets_look_empty_and_leave_no_trace",
    ),
    "SAND-073": (
        "faults/test_commands.py::test_the_interpreter_that_runs_us_and_a_projects_environment_are_found",
        "kimi_tools/sandbox/test_bubblewrap.py::test_a_program_outside_what_is_shown_is_named_with_the_flag_that_shows_it",
    ),
    "SAND-074": (
        "faults/test_commands.py::test_a_directory_without_permission_is_left_out_and_the_run_goes_on",
    ),
    "SAND-076": ("kimi_tools/sandbox/test_bubblewrap.py::test_dangerous_system_calls_are_refused",),
    "SAND-077": (
        "kimi_mcp/server/test_asking.py::test_commands_of_the_server_run_in_the_sandbox_unless_the_user_has_lifted_it",
        "faults/test_trust.py::test_no_declared_tool_pushes_fetches_or_lifts_the_sandbox",
    ),
    # testrun
    "TEST-078": (
        "faults/test_commands.py::test_a_process_that_ignores_the_end_and_its_orphans_are_gone_after_a_timeout",
        "kimi_tools/test_process.py::test_a_timeout_ends_children_that_ignore_the_polite_signal",
    ),
    "TEST-079": (
        "kimi_tools/test_process.py::test_an_orphan_that_keeps_the_output_open_does_not_hold_the_call",
        "kimi_tools/sandbox/test_bubblewrap.py::test_a_command_that_leaves_its_group_ends_with_the_sandbox",
        "kimi_tools/sandbox/test_landlock.py::test_an_orphan_in_its_own_session_ends_with_the_command",
    ),
    "TEST-080": ("faults/test_commands.py::test_a_kill_of_the_server_ends_what_runs_in_the_sandbox",),
    "TEST-081": (
        "kimi_mcp/server/test_ending.py::test_cancelling_a_command_ends_its_processes",
        "kimi_mcp/server/test_ending.py::test_a_cancelled_call_is_stopped_and_not_answered",
    ),
    "TEST-082": (
        "kimi_tools/test_process.py::test_a_flood_of_output_is_bounded_and_counted",
        "kimi_tools/test_redact.py::test_a_line_without_an_end_is_masked_and_does_not_grow_memory",
    ),
    "TEST-084": (
        "faults/test_commands.py::test_the_memory_of_a_process_is_not_limited_by_address_space",
        "kimi_tools/test_usage.py::test_a_command_that_takes_too_much_memory_is_ended_with_the_reason",
        "kimi_tools/test_usage.py::test_memory_that_is_only_reserved_or_mapped_from_a_file_does_not_count",
    ),
    "TEST-091": ("faults/test_commands.py::test_a_limit_of_time_holds_when_the_clock_is_set_back",),
    "TEST-085": (
        "faults/test_commands.py::test_a_test_that_reads_standard_input_or_the_terminal_does_not_hang",
    ),
    "TEST-086": ("kimi_tools/test_shell.py::test_colours_progress_bars_and_controls_are_made_readable",),
    "TEST-087": (
        "kimi_tools/testrun/test_pytest.py::test_every_way_a_test_can_end_is_told_apart_and_the_repository_stays_clean",
        "kimi_tools/testrun/test_pytest.py::test_nothing_that_fits_is_not_a_pass",
        "kimi_tools/testrun/test_pytest.py::test_a_missing_pytest_is_said_with_the_way_to_install_it",
        "kimi_tools/testrun/test_pytest.py::test_a_runner_that_dies_or_hangs_names_the_test",
    ),
    "TEST-089": ("faults/test_commands.py::test_two_test_runs_at_once_do_not_mix",),
    "TEST-090": ("faults/test_writes.py::test_whichever_system_call_fails_all_files_are_old_or_all_are_new",),
    # secrets
    "SECR-144": ("faults/test_secrets.py::test_tests_that_print_the_environment_print_no_secret",),
    "SECR-145": (
        "faults/test_secrets.py::test_a_key_across_two_reads_of_a_flood_is_masked",
        "kimi_tools/test_redact.py::test_no_secret_slips_through_between_two_pieces_of_a_stream",
        "kimi_tools/test_redact.py::test_a_private_key_is_masked_whole_or_cut",
    ),
    "SECR-146": (
        "faults/test_secrets.py::test_a_known_value_is_masked_in_every_form_that_a_test_prints",
        "kimi_tools/test_redact.py::test_a_known_value_is_masked_in_the_forms_in_which_programs_print_it",
    ),
    "SECR-147": (
        "faults/test_secrets.py::test_a_file_of_secrets_is_not_read_searched_shown_or_committed",
        "kimi_tools/git/test_writing.py::test_secrets_are_not_committed_without_leave",
    ),
    "SECR-148": ("faults/test_secrets.py::test_the_password_of_a_remote_is_masked",),
    "SECR-151": (
        "faults/test_secrets.py::test_what_only_looks_random_is_not_masked",
        "kimi_tools/test_redact.py::test_the_standard_library_holds_no_false_hit",
    ),
    # archive
    "ARCH-117": (
        "faults/test_edits.py::test_a_journal_that_was_tampered_with_restores_nothing_outside",
        "kimi_tools/edit/test_apply_patch.py::test_what_cannot_be_applied_is_refused_with_a_reason",
        "kimi_mcp/runs/test_place.py::test_two_attempts_at_once_work_in_their_copies_and_the_original_is_untouched",
    ),
    # mcp-http: there is no HTTP server, and this shows it
    **dict.fromkeys(
        (f"MCP-{number}" for number in range(123, 131)),
        (
            "faults/test_trust.py::test_the_server_listens_on_no_address",
            "faults/test_trust.py::test_the_look_for_listening_sockets_sees_one",
        ),
    ),
    "SECR-152": ("faults/test_secrets.py::test_no_command_takes_a_key_as_an_argument",),
}
"""Case: the tests, as paths below `tests/` and names."""

REASONS: dict[str, str] = {
    "PLAT-154": "Needs a file system that ignores case (vfat, or ext4 and tmpfs with casefold), which neither the "
    "machines that run this suite nor an ordinary user's namespaces have; protected names are compared without "
    "case on every system (TRUS-016).",
}
"""Case: why no test is needed."""
