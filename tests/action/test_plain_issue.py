"""A plain issue: questions about the default branch, and a rollback that opens a pull request."""

from __future__ import annotations

import pytest

from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

ROLLBACK = '/rollback regime_classifier --reason "incident 7"'


@pytest.fixture
def issue(office: Office) -> int:
    office.repository.actions_may_open_pulls = True
    return office.repository.open_issue(author="alice", title="p95 went up").number


def live(office: Office) -> None:
    """regime_v2 is ACTIVE, so that there is something to go back to."""
    number = office.pull("live")
    assert office.ask(number, "/promote active").succeeded
    office.merge(number)


def opened(office: Office) -> list[int]:
    return [pull.number for pull in office.repository.pulls.values() if pull.head_ref.startswith("promote/")]


def says(job: Job) -> tuple[str, str]:
    return job.outputs["decision"], job.outputs["reason_code"]


def test_a_rollback_opens_a_pull_request_and_the_issue_links_to_it(office: Office, issue: int) -> None:
    live(office)
    job = office.ask(issue, ROLLBACK, author="bob")
    assert says(job) == ("promoted", "committed"), job.log
    (number,) = opened(office)
    assert f"/pull/{number}>) to roll back; until then nothing changes." in office.answer(issue)
    assert office.pointer(office.head(number), "active") == "regime_v1_prod_rollback"
    event = office.registry(office.head(number)).history["regime_classifier"][0]
    assert event.request is not None
    assert (event.actor, event.request.pull, event.reason) == ("bob", number, "incident 7")
    assert office.gate(number).outputs["decision"] == "passed"


def test_the_same_job_run_again_opens_no_second_pull_request_and_answers_in_place(office: Office, issue: int) -> None:
    live(office)
    comment = office.repository.comment(issue, author="bob", body=ROLLBACK)
    payload = office.repository.issue_comment_event(comment.id)
    first = office.job(payload)
    again = office.job(payload)
    assert says(first) == ("promoted", "committed")
    assert says(again) == ("unchanged", "already_done"), again.log
    assert (len(opened(office)), len(office.comments(issue))) == (1, 1)


@pytest.mark.parametrize(
    ("body", "author", "reason", "text"),
    [
        (ROLLBACK, "carol", "permission", "needs maintain"),
        (ROLLBACK, "bob", "no_rollback_target", ""),
        ("/rollback regime_classifier", "bob", "unreadable_command", "--reason"),
        ("/promote active", "bob", "not_a_pull_request", "/rollback"),
        ("/demote regime_classifier active --reason x", "bob", "not_a_pull_request", "`promote` workflow by hand"),
        ("/stop it", "bob", "not_a_pull_request", "Nothing is held. This is an issue, not a pull request."),
        ("/withdraw", "bob", "not_a_pull_request", "/status"),
        ("/status\n/why", "bob", "not_a_pull_request", "/verify"),
        ("/status nope", "bob", "unclear", "regime_classifier"),
        ("/verify", "mallory", "permission", "/status"),
        ("promote active", "bob", "unreadable_command", "  /promote active\n"),
    ],
)
def test_what_does_not_work_there_is_refused_with_what_does(
    office: Office, issue: int, body: str, author: str, reason: str, text: str
) -> None:
    job = office.ask(issue, body, author=author)
    assert says(job) == ("refused", reason), job.log
    assert text in office.answer(issue)
    assert (opened(office), len(office.comments(issue))) == ([], 1)


def test_an_edited_comment_counts_no_more_there_than_elsewhere(office: Office, issue: int) -> None:
    live(office)
    comment = office.repository.comment(issue, author="bob", body=ROLLBACK)
    payload = office.repository.issue_comment_event(comment.id)
    office.repository.edit_comment(comment.id, body="never mind")
    assert says(office.job(payload)) == ("refused", "edited_comment")
    assert opened(office) == []


def test_questions_are_answered_from_the_default_branch(office: Office, issue: int) -> None:
    office.policy("stages: {active: {permission: admin}}\ncontacts: ['#ml-oncall']\n")
    number = office.pull("pending")
    assert office.ask(number, "/promote staging").succeeded
    assert says(office.ask(issue, "/status", author="mallory")) == ("helped", "shown")
    status = office.answer(issue)
    assert "| `regime_classifier` | ACTIVE | `regime_v1_prod`" in status
    assert f"[#{number}](" in status
    assert "`regime_v2_candidate` promoted to STAGING" in status
    assert "This pull request" not in status
    assert says(office.ask(issue, "/help", author="mallory")) == ("helped", "help")
    assert "role admin |" in office.answer(issue)
    assert "/promote" not in office.answer(issue)
    assert says(office.ask(issue, "/verify", author="carol")) == ("helped", "shown")
    assert "verified" in office.answer(issue)


def test_the_older_answer_is_folded_there_too(office: Office, issue: int) -> None:
    for _ in range(2):
        assert office.ask(issue, "/promote active", author="bob").outputs["reason_code"] == "not_a_pull_request"
    assert len(office.comments(issue)) == 1
    assert sum(c.minimized_reason == "outdated" for c in office.repository.comments_on(issue)) == 1
