"""How an event ended: exit codes, the document of the output `result`, and refusals that nobody changes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome, finding_details
from promotebot.findings import error, passed, unknown, warning
from promotebot.gate.refusal import Reason, Refusal

EXIT_CODES = {
    "ignored": 0,
    "promoted": 0,
    "planned": 0,
    "unchanged": 0,
    "withdrawn": 0,
    "passed": 0,
    "waiting": 0,
    "helped": 0,
    "held": 0,
    "proposed": 0,
    "checked": 0,
    "lifted": 0,
    "refused": 1,
    "failed": 4,
}
"""The output `decision` → how the job ends."""


def test_every_decision_has_its_exit_code() -> None:
    assert {outcome.value: outcome.exit_code for outcome in Outcome} == EXIT_CODES


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answer_ends_as_its_outcome_says_unless_it_says_otherwise(outcome: Outcome) -> None:
    assert Answer(outcome, Reason.GATE).code == EXIT_CODES[outcome.value]
    assert Answer(outcome, Reason.GATE, exit_code=3).code == 3
    assert Answer(outcome, Reason.GATE, exit_code=0).code == 0, "zero is an exit code, too"


def test_only_a_success_of_the_gate_is_a_pass() -> None:
    assert GATE_OUTCOMES == {
        "success": Outcome.PASSED,
        "action_required": Outcome.WAITING,
        "failure": Outcome.REFUSED,
    }


def test_the_result_document_says_null_where_there_is_nothing() -> None:
    assert Answer(Outcome.REFUSED, Reason.PERMISSION, "no").result() == {
        "schema_version": "v1",
        "decision": "refused",
        "reason_code": "permission",
        "message": "no",
        "commit_sha": None,
        "comment_url": None,
    }


def test_the_result_document_carries_commit_comment_and_details_and_not_the_summary() -> None:
    details = {"findings": [], "stage": "active"}
    answer = Answer(Outcome.PROMOTED, Reason.COMMITTED, "done", "c" * 40, "https://x", "# Summary", details=details)
    document = answer.result()
    assert (document["commit_sha"], document["comment_url"]) == ("c" * 40, "https://x")
    assert (document["findings"], document["stage"]) == ([], "active")
    assert "# Summary" not in document.values()


def test_passes_are_left_out_of_the_findings_and_nothing_else_is() -> None:
    findings = [passed("a", "fine"), warning("b", "hm"), error("c", "no", where="w", remedy="r"), unknown("d", "?")]
    listed = finding_details(findings)["findings"]
    assert [(item["rule"], item["severity"]) for item in listed] == [
        ("b", "warning"),
        ("c", "error"),
        ("d", "unknown"),
    ]
    assert listed[1] == {"rule": "c", "severity": "error", "message": "no", "where": "w", "remedy": "r"}
    assert finding_details([]) == finding_details([passed("a", "fine")]) == {"findings": []}


def test_answers_and_refusals_are_not_changed_once_they_are_made() -> None:
    refusal = Refusal(Reason.FORK, "a fork", "push it here")
    with pytest.raises(FrozenInstanceError):
        refusal.message = "fine"  # type: ignore[misc]  # that is what is tried
    with pytest.raises(FrozenInstanceError):
        Answer(Outcome.REFUSED, Reason.FORK).outcome = Outcome.PASSED  # type: ignore[misc]  # that is what is tried
    assert refusal.findings == ()


def test_codes_are_unique_words_that_a_workflow_can_compare() -> None:
    for closed_list in (Outcome, Reason):
        values = [member.value for member in closed_list]
        assert len(set(values)) == len(values)
        assert all(value == value.lower() and value.replace("_", "").isalpha() for value in values)
