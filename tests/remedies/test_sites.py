"""Which lines there are to paste, and that each of them is pasted somewhere here."""

from __future__ import annotations

import re

from tests.office import ROOT
from tests.remedies import test_comment, test_terminal

from .sites import commands_in_words, sites, words_of_lines

NOT_RUN = {
    "cli/pull_request.py:tell_page": "`gh pr create`: gh is not here, and asks GitHub itself",
    "cli/init_steps.py:_labels": "`gh label create`: gh is not here, and asks GitHub itself",
    "cli/init_steps.py:_on_github": "`gh workflow run`: gh is not here, and asks GitHub itself",
    "action/rest.py:plan": "needs promotions of two models that rest on each other; the line is `/withdraw`, "
    "which others run",
    "storage/buckets.py:_no_extra": "takes a package from a registry",
}
"""Places whose lines are not run, and why."""
ELSEWHERE = {
    "cli/commit.py:_leave": "tests/cli/test_rollback.py",
    "cli/reject.py:_add": "tests/cli/test_reject.py",
    "planning/reject.py:way_out": "tests/cli/test_reject.py",
    "artifact/quarantine.py:check_quarantine": "tests/cli/test_reject.py",
    "artifact/loading.py:fetch": "tests/artifact/test_quarantine.py",
    "cli/reject.py:_which": "tests/cli/test_reject.py",
    "cli/reject.py:run": "tests/cli/test_reject.py",
    **dict.fromkeys(
        (
            *("action/check.py:_box_refusal", "action/check.py:_closed", "action/check.py:_person_refusal"),
            *("promotion/checklist.py:command", "promotion/checklist.py:parse_boxes"),
        ),
        "tests/action/test_check.py",
    ),
    "action/late_holds.py:_in_review": "tests/action/test_late_holds.py",
    "action/rejection.py:_meant": "tests/action/test_reject.py",
    "action/rejection.py:find": "tests/action/test_reject.py",
    "comments/rejected.py:_files": "tests/action/test_reject.py",
    "comments/rejected.py:_holder": "tests/action/test_reject.py",
    "promotion/reject.py:of": "tests/action/test_reject.py",
    "gate/policy.py:check_own_quarantine": "tests/action/test_reject.py",
    "promotion/reject.py:parse_reject": "tests/action/test_reject.py",
    "action/promote.py:_rest_on": "tests/action/test_withdraw.py",
    "action/breakage.py:_directory": "tests/action/test_schedule_issue.py",
    "action/breakage.py:_history": "tests/action/test_schedule_issue.py",
    "action/breakage.py:_ways_back": "tests/action/test_schedule_issue.py",
    "artifact/bundle.py:bundle_command": "tests/artifact/test_bundle.py",
    "artifact/proven_copy.py:_uploaded": "tests/action/test_evaluation_storage.py",
    "artifact/pinned_files.py:bring": "tests/action/test_storage.py",
    "artifact/loading.py:_held": "tests/artifact/test_loading.py",
    "cli/pull_request.py:of": "tests/cli/test_pull_request.py",
    "cli/slips.py:meant_line": "tests/cli/test_slips.py",
    "promotion/rules/stages.py:_patches": "tests/remedies/test_terminal.py",
    "cli/registry_adopt.py:_requests": "tests/cli/test_older_registries.py",
    "cli/init_folder.py:folder_of": "tests/cli/test_init_folder.py",
    "cli/init_steps.py:_committed": "tests/cli/test_init_scan.py",
    "cli/init_steps.py:_files": "tests/action/test_lfs_client.py",
    "cli/init_steps.py:_found": "tests/cli/test_init_scan.py",
    "cli/evidence.py:run": "tests/cli/test_evidence.py",
    "cli/imports.py:_target": "tests/cli/test_import.py",
    "promotion/history.py:other_stages": "tests/cli/test_import.py",
    "promotion/request.py:_import": "tests/cli/test_import.py",
    "promotion/rules/imports.py:_first_bytes": "tests/cli/test_older_registries.py",
    "promotion/rules/imports.py:_promotion": "tests/cli/test_import.py",
    "promotion/rules/imports.py:active_becomes_whole": "tests/cli/test_older_registries.py",
    "promotion/rules/request.py:_instead_of_import": "tests/action/test_imported.py",
    "pulls/changeset.py:base_registry": "tests/action/test_imported.py",
    "pulls/replan.py:_of_another_active": "tests/gate/test_sixth_review.py",
    "registry/head.py:take_over": "tests/cli/test_import.py",
    "verification/verify.py:_complete": "tests/cli/test_older_registries.py",
    "git/lfs_batch.py:not_there": "tests/action/test_lfs_client.py",
    "git/lfs_clone.py:_not_here": "tests/action/test_lfs_client.py",
}
"""Places whose lines another test runs."""
PROSE = {
    "action/against_gate.py:against_gate": "the first word of a line",
    "action/doctor.py:_refusal": "what a command shows",
    "action/help.py:_of_pull": "a line of /help",
    "action/hold.py:_held": "what a synonym means",
    "action/queries.py:opening_refusal": "what a command needs",
    "action/workflow_dispatch.py:": "an example of the form of a command",
    "artifact/opening.py:peak_memory": "a file of the kernel",
    "cli/change.py:actor_of": "what was looked at",
    "cli/parser.py:": "examples of a help, which tests/cli/test_main.py reads",
    "cli/github_settings.py:origin_on": "where a finding is",
    "cli/doctor.py:_settings": "takes the token of gh, which is not here",
    "cli/init_steps.py:_first": "a step with values that only the person knows",
    "comments/": "cards and /help, whose lines tests/comments and tests/action run",
    "doctor/": "settings and files, mended line by line by tests/doctor/test_mending.py",
    "gate/hold.py:": "what lifts a hold, in the status",
    "promotion/commands.py:_parse_": "the names of commands",
    "promotion/safety_words.py:": "what other commands do, for whoever wrote a word of another bot",
    "verification/junit.py:to_junit": "the name of a suite",
}
"""Places whose words name commands, and are no lines to paste."""


def test_no_line_holds_a_placeholder() -> None:
    words = [*words_of_lines()]
    assert len(words) > 60
    found = [word for word in words if re.search(r"<[\w-]+>|…|\b(?!HEAD\b|ACTIVE\b)[A-Z]{3,}\b", word[1])]
    assert found == []


def test_every_place_that_gives_a_line_is_run_or_says_why_not() -> None:
    at_a_terminal = {site for case in test_terminal.CASES for site in (case.site, *case.then)}
    in_a_comment = {case.site for case in test_comment.CASES}
    by_themselves = {test_terminal.CHANGING, test_terminal.PUT_BACK, *test_comment.BY_THEMSELVES}
    run = at_a_terminal | in_a_comment | by_themselves | set(ELSEWHERE)
    assert run.isdisjoint(NOT_RUN)
    assert sites() == run | set(NOT_RUN)
    assert (len(test_terminal.CASES), len(test_comment.CASES), len(run), len(NOT_RUN)) == (63, 38, 133, 5)
    assert [test for test in ELSEWHERE.values() if not (ROOT / test).is_file()] == []


def test_no_words_hold_a_command_that_is_a_line_to_paste() -> None:
    found = commands_in_words()
    unknown = [(place, text) for place, text in sorted(found) if not place.startswith(tuple(PROSE))]
    assert unknown == [], "make it a Remedy with `shell` or `comment`, so that it is run"
    assert [known for known in PROSE if not any(place.startswith(known) for place, _ in found)] == []
