"""A team's own words for stages on GitHub: the base's policy decides, and the stage is what is written."""

from __future__ import annotations

import pytest

from tests.office import Office

pytestmark = pytest.mark.thorough

POLICY = "aliases: {production: active, canary: staging}\n"


def test_a_comment_takes_the_word_and_the_stage_is_written(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull()
    job = office.ask(number, "/promote canary")
    assert job.outputs["decision"] == "promoted", job.log
    head = office.head(number)
    assert office.pointer(head, "staging") == "regime_v2_candidate"
    assert "canary" not in office.registry(head).to_bytes().decode()
    assert "`regime_classifier` → STAGING · ready for review" in office.comment(number)
    assert office.gate(number).outputs["decision"] == "passed"


def test_the_pull_requests_own_policy_has_no_say(office: Office) -> None:
    number = office.pull(files={".github/promotion.yml": POLICY})
    job = office.ask(number, "/promote canary")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "unreadable_command")
    assert "'canary' is not a stage" in office.answer(number)


def test_a_word_that_the_policy_does_not_have_is_refused_with_those_that_it_has(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull()
    assert office.ask(number, "/promote qa").outputs["reason_code"] == "unreadable_command"
    assert "production, canary" in office.answer(number)


def test_a_slip_of_a_word_is_answered_with_the_line_that_was_meant(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull()
    for slip, meant in (
        ("/promote prodction", "/promote production"),
        ('/demote regime_classifier cannary --reason "why"', '/demote regime_classifier canary --reason "why"'),
    ):
        assert office.ask(number, slip).outputs["reason_code"] == "unreadable_command"
        assert meant in office.answer(number)


def test_a_label_with_the_word_promotes_and_taking_it_off_withdraws(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull()
    job = office.label(number, "promote:canary")
    assert job.outputs["decision"] == "promoted", job.log
    assert office.pointer(office.head(number), "staging") == "regime_v2_candidate"
    assert office.unlabel(number, "promote:canary").outputs["decision"] == "withdrawn"
    assert office.pointer(office.head(number), "staging") is None
    office.label(number, "promote:live")
    assert office.labels(number) == []


def test_a_job_started_by_hand_takes_the_word(office: Office) -> None:
    office.repository.actions_may_open_pulls = True
    office.policy(POLICY)
    job = office.dispatch('/promote canary regime_classifier --reason "evaluated"')
    assert job.outputs["decision"] == "promoted", job.log


def test_help_names_the_words(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull()
    office.ask(number, "/help")
    assert "ACTIVE (`production`)" in office.answer(number)
    assert "STAGING (`canary`)" in office.answer(number)


def test_on_an_issue_a_rollback_takes_the_word(office: Office) -> None:
    office.policy(POLICY)
    issue = office.repository.open_issue(author="alice", title="p95 went up").number
    job = office.ask(issue, '/rollback regime_classifier nowhere --reason "why"')
    assert "production, canary" in job.log + office.answer(issue)
    job = office.ask(issue, '/rollback regime_classifier production --reason "why"')
    assert job.outputs["reason_code"] != "unreadable_command"
