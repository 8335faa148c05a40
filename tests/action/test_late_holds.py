"""`/hold` in a review, or in a comment that was edited: who writes it believes that it holds, so it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.action.test_hold import green, is_held, judge_group, queued, said, verdict
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.gate.attacks import state
from tests.gate.test_approvals import REVIEW
from tests.office import Office

pytestmark = pytest.mark.thorough
A_WHILE = 2
"""Seconds: whoever answers what somebody wrote read it first."""


def review(office: Office, number: int, body: str, *, by: str = "carol", state: str = "COMMENTED") -> Job:
    """Somebody reviews with these words, and the gate's job runs that follows; then a while passes."""
    office.repository.review(number, by=by, state=state, body=body)
    payload = office.repository.workflow_run_event(REVIEW, number, event="pull_request_review", sender=by)
    job = office.event("workflow_run", payload, by=by, INPUT_COMMAND="gate")
    office.hub.pass_time(A_WHILE)
    return job


def edit(office: Office, comment_id: int, body: str, *, by: str = "carol") -> Job:
    """Somebody edits a comment, and the job runs that hears of it; then a while passes."""
    office.repository.edit_comment(comment_id, body=body)
    job = office.job(office.repository.issue_comment_event(comment_id, action="edited", sender=by))
    office.hub.pass_time(A_WHILE)
    return job


@pytest.mark.parametrize("state", ["COMMENTED", "CHANGES_REQUESTED", "APPROVED"])
def test_a_review_holds_whatever_its_verdict_is(office: Office, state: str) -> None:
    number = green(office)
    assert review(office, number, "Looks odd.\n\n/hold the metrics drift", state=state).outputs["decision"] == "refused"
    assert is_held(office, number)
    assert "Held by `carol`: the metrics drift." in said(office, number)


def test_a_review_holds_once(office: Office) -> None:
    number = green(office)
    review(office, number, "/hold")
    before = office.comments(number)
    assert review(office, number, "I agree", by="bob").outputs["decision"] == "refused"
    assert len(office.comments(number)) == len(before)
    office.ask(number, "/unhold", author="bob")
    assert review(office, number, "fine now", by="bob", state="APPROVED").outputs["decision"] == "passed"
    assert verdict(office, number)[0] == "success"


def test_a_comment_on_code_holds_once_and_says_where_it_was_written(office: Office) -> None:
    number = green(office)
    office.repository.review(number, by="carol", state="COMMENTED", on_code=["odd", "/hold the metrics drift"])
    payload = office.repository.workflow_run_event(REVIEW, number, event="pull_request_review_comment", sender="carol")
    assert office.event("workflow_run", payload, by="carol").outputs["decision"] == "refused"
    assert is_held(office, number)
    assert "Held by `carol`: the metrics drift." in said(office, number)
    assert "#discussion_r" in said(office, number)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    assert office.gate(number, "edited").outputs["decision"] == "passed"


def test_a_command_on_code_is_answered_once(office: Office) -> None:
    number = green(office)
    office.repository.review(number, by="alice", state="COMMENTED", on_code=["/promote active"])
    assert office.gate(number, "edited").outputs["decision"] == "passed"
    told = office.comments(number)
    assert "and this is a comment on code. Nothing was carried out." in told[-1]
    office.gate(number, "edited")
    assert office.comments(number) == told


def test_no_more_commands_in_reviews_are_answered_than_one_job_may(office: Office) -> None:
    number = green(office)
    office.repository.review(number, by="mallory", state="COMMENTED", body="/promote staging")
    for _ in range(3):
        office.repository.review(number, by="mallory", state="COMMENTED", on_code=["/promote active"] * 20)
    office.hub.requests.clear()
    office.gate(number, "edited")
    posted = [made for made in office.hub.requests if made.method == "POST" and made.path.endswith("/comments")]
    assert 0 < len(posted) <= 50


@pytest.mark.parametrize("many", [{"body": "fine"}, {"on_code": ["fine"]}], ids=["in reviews", "on code"])
def test_many_reviews_push_no_hold_out_of_what_is_read(office: Office, many: dict[str, Any]) -> None:
    """GitHub gives a hundred at most with one question, and the newest come first."""
    number = green(office)
    office.repository.review(number, by="bob", state="COMMENTED", on_code=["/hold the metrics drift"])
    for _ in range(120):
        office.repository.review(number, by="carol", state="COMMENTED", **many)
    assert office.gate(number, "edited").outputs["decision"] == "refused"
    assert "Held by `bob`: the metrics drift." in said(office, number)


def test_a_ref_like_the_bots_does_not_keep_a_review_from_holding(office: Office) -> None:
    """carol, who may write, makes the ref before the review's job looks, and deletes it afterwards."""
    number = green(office)
    mark = f"refs/promotebot/hold/{number}/review-{office.hub.next_id() + 1}"
    office.repository.git.set_ref(mark, office.head(number))
    review(office, number, "/hold the metrics drift", by="bob")
    assert any(status.context.endswith(mark.rpartition("/")[2]) for status in office.repository.statuses), mark
    office.repository.git.set_ref(mark, None)
    assert office.gate(number, "edited").outputs["decision"] == "refused"
    assert is_held(office, number)


def test_an_unhold_that_is_run_again_lifts_no_review_of_afterwards(office: Office) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    comment = office.repository.comment(number, author="bob", body="/unhold")
    lifts = office.repository.issue_comment_event(comment.id)
    assert office.job(lifts).outputs["decision"] == "lifted"
    review(office, number, "/hold the metrics drift")
    office.job(lifts)
    assert is_held(office, number)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"


LATE = {
    "a review": {"body": "/hold it drifts"},
    "a comment on code": {"body": "", "on_code": ["/hold it drifts"]},
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_what_is_written_after_an_unhold_stands_though_its_job_looks_later(
    office: Office, late: Mapping[str, Any]
) -> None:
    number = green(office)
    office.ask(number, "/hold", author="carol")
    office.hub.pass_time(A_WHILE)
    unhold = office.repository.comment(number, author="bob", body="/unhold")
    office.hub.pass_time(A_WHILE)
    office.repository.review(number, by="carol", state="COMMENTED", **late)
    assert office.job(office.repository.issue_comment_event(unhold.id)).outputs["decision"] == "lifted"
    assert is_held(office, number)
    office.hub.pass_time(A_WHILE)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    assert not is_held(office, number)


def test_a_review_that_no_job_heard_yet_is_lifted_by_whoever_could_read_it(office: Office) -> None:
    number = green(office)
    office.repository.review(number, by="carol", state="COMMENTED", body="/hold it drifts")
    office.hub.pass_time(A_WHILE)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"
    assert not is_held(office, number)


def test_an_edit_after_an_unhold_stands_though_its_job_comes_first(office: Office) -> None:
    number = green(office)
    written = office.repository.comment(number, author="carol", body="looks odd")
    office.hub.pass_time(A_WHILE)
    unhold = office.repository.comment(number, author="bob", body="/unhold")
    office.hub.pass_time(A_WHILE)
    edit(office, written.id, "/hold it drifts")
    office.job(office.repository.issue_comment_event(unhold.id))
    assert is_held(office, number)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"


@pytest.mark.parametrize("body", ["> /hold", "never /hold this", "/unhold", ""])
def test_other_words_of_a_review_do_nothing(office: Office, body: str) -> None:
    number = green(office)
    assert review(office, number, body).outputs["decision"] == "passed"
    assert verdict(office, number)[0] == "success"


def test_who_may_not_hold_by_a_comment_may_not_by_a_review_and_is_told_so(office: Office) -> None:
    number = green(office)
    assert review(office, number, "/hold", by="mallory").outputs["decision"] == "passed"
    assert "NOT held" in said(office, number)


def test_reviews_of_somebody_who_may_not_hold_cost_every_job_the_same_however_many_there_are(office: Office) -> None:
    number = green(office)
    costs = []
    for count in (1, 4):
        for _ in range(count):
            office.repository.review(number, by="mallory", state="COMMENTED", body="/hold")
        office.gate(number, "edited")  # which answers the newest of them
        told = office.comments(number)
        office.hub.requests.clear()
        office.hub.git_requests.clear()
        assert office.gate(number, "edited").outputs["decision"] == "passed"
        assert office.comments(number) == told
        assert not [made for made in office.hub.requests if "/comments" in made.path]
        costs.append((len(office.hub.requests), len(office.hub.git_requests)))
    assert costs[0] == costs[1]


def test_each_new_review_of_somebody_who_may_not_hold_is_answered(office: Office) -> None:
    number = green(office)
    first = review(office, number, "/hold", by="mallory")
    office.hub.requests.clear()
    assert first.outputs["decision"] == review(office, number, "/hold it", by="mallory").outputs["decision"] == "passed"
    assert [made.method for made in office.hub.requests if made.path.endswith(f"/issues/{number}/comments")] == ["POST"]


def test_a_review_of_somebody_who_may_holds_beside_those_of_others_who_may_not(office: Office) -> None:
    number = green(office)
    office.repository.review(number, by="mallory", state="COMMENTED", body="/hold")
    office.repository.review(number, by="carol", state="COMMENTED", body="/hold the metrics drift")
    office.repository.review(number, by="mallory", state="COMMENTED", body="/hold")
    assert office.gate(number, "edited").outputs["decision"] == "refused"
    assert is_held(office, number)
    assert "Held by `carol`: the metrics drift." in said(office, number)


def test_the_merge_queue_hears_a_review_that_holds(office: Office) -> None:
    number = green(office)
    [group] = queued(office, number)
    office.repository.review(number, by="carol", state="COMMENTED", body="/hold the metrics drift")
    assert judge_group(office, number) == "refused"
    assert state(office, group.head_sha) == "failure"
    assert "Held by `carol`: the metrics drift." in said(office, number)


def test_where_a_hold_of_a_review_cannot_be_recorded_nothing_turns_green(office: Office) -> None:
    number = office.pull()
    office.hub.inject(Fault("POST", "/statuses/", status=502, times=3))
    assert review(office, number, "/hold").exit_code != 0
    assert verdict(office, number)[0] != "success"
    assert "NOT held" in said(office, number)
    assert office.gate(number).outputs["decision"] == "refused"
    assert is_held(office, number)


def test_reviews_that_cannot_be_heard_keep_no_other_pull_request_from_its_verdict(office: Office) -> None:
    number, other = green(office), office.pull("other")
    for count in range(101):
        office.repository.git.set_ref(f"refs/promotebot/hold/{number}/{count}", office.head(number))
    office.repository.review(number, by="carol", state="COMMENTED", body="/hold")
    first, second = (
        office.repository.workflow_run_event(REVIEW, one, event="pull_request_review", sender="carol")
        for one in (number, other)
    )
    first["workflow_run"]["pull_requests"] += second["workflow_run"]["pull_requests"]
    assert office.event("workflow_run", first, by="carol").exit_code == 4
    assert verdict(office, other)[0] == "success"
    assert "has more than 100 marks of holds" in said(office, number)


BY_OTHERS: dict[str, Callable[[Office, int], object]] = {
    "the gate after a push": lambda office, number: office.gate(number, "synchronize"),
    "a comment": lambda office, number: office.ask(number, "/withdraw"),
    "a label": lambda office, number: office.label(number, "promote:active", by="alice"),
    "a push to main": lambda office, _: policy_moves(office),
}


def policy_moves(office: Office) -> None:
    """bob puts a policy on main, which concerns every pull request that promotes, and the job runs that follows."""
    before = str(office.repository.git.branch("main"))
    office.policy("drafts: true\n")
    office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob")


@pytest.mark.parametrize("job", BY_OTHERS)
def test_a_review_holds_where_the_branch_left_its_workflow_out(office: Office, job: str) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active", author="alice").outputs["decision"] == "promoted"
    office.repository.review(number, by="carol", state="COMMENTED", body="/hold the metrics drift")
    BY_OTHERS[job](office, number)
    assert is_held(office, number)
    assert "Held by `carol`: the metrics drift." in said(office, number)


IN_A_REVIEW = {
    "/promote active": "/promote active",
    'Fine.\n/demote regime_classifier staging --reason "it drifts"': (
        '/demote regime_classifier staging --reason "it drifts"'
    ),
    "/promote activ now please": "/help",
}


@pytest.mark.parametrize(("body", "line"), IN_A_REVIEW.items())
def test_who_writes_a_command_into_a_review_is_told_once_where_it_belongs(office: Office, body: str, line: str) -> None:
    number = green(office)
    assert review(office, number, body).outputs["decision"] == "passed"
    before = office.comments(number)
    answer = before[-1]
    assert (
        "Commands are read in comments of the conversation only, and this is a review. Nothing was carried out."
        in answer
    )
    assert f"  ```text\n  {line}\n" in answer
    assert "in [this review](" in answer
    assert review(office, number, "I agree", by="bob").outputs["decision"] == "passed"
    assert office.comments(number) == before
    assert office.ask(number, line).outputs["reason_code"] in ("committed", "nothing_to_change", "help")


@pytest.mark.parametrize("body", ["/lgtm", "/approve", "> /promote active", "see /promote active", "/assign bob"])
def test_other_words_of_a_review_get_no_answer(office: Office, body: str) -> None:
    number = green(office)
    before = len(office.comments(number))
    review(office, number, body, state="APPROVED")
    assert len(office.comments(number)) == before


def test_a_comment_that_says_it_since_it_was_edited_holds(office: Office) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="carol", body="looks odd")
    assert edit(office, comment.id, "/hold looks odd").outputs["decision"] == "held"
    assert is_held(office, number)
    assert "Held by `carol`: looks odd." in said(office, number)


def test_an_edited_comment_holds_in_the_name_of_who_edited_it(office: Office) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="mallory", body="looks odd")
    assert edit(office, comment.id, "/hold looks odd", by="mallory").outputs["decision"] == "refused"
    assert verdict(office, number)[0] == "success"
    assert edit(office, comment.id, "/hold looks very odd", by="bob").outputs["decision"] == "held"
    assert verdict(office, number)[1].startswith("held by bob: looks very odd")


def test_the_edits_of_a_comment_hold_once_and_the_next_is_told_so(office: Office) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="carol", body="looks odd")
    edit(office, comment.id, "/hold")
    office.ask(number, "/unhold", author="bob")
    assert edit(office, comment.id, "/hold it drifts").outputs["reason_code"] == "already_done"
    assert "NOT held" in said(office, number)
    assert office.gate(number).outputs["decision"] == "passed"


def test_an_unhold_that_is_run_again_lifts_no_hold_that_was_edited_in_since(office: Office) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="carol", body="/hold")
    office.job(office.repository.issue_comment_event(comment.id))
    unhold = office.repository.comment(number, author="bob", body="/unhold")
    payload = office.repository.issue_comment_event(unhold.id)
    assert office.job(payload).outputs["decision"] == "lifted"
    assert edit(office, comment.id, "/hold it drifts again").outputs["decision"] == "held"
    office.job(payload)
    assert is_held(office, number)
    assert office.ask(number, "/unhold", author="bob").outputs["decision"] == "lifted"


@pytest.mark.parametrize("body", ["looks fine", "/promote active", "/unhold"])
def test_no_other_command_counts_that_was_edited_in(office: Office, body: str) -> None:
    number = green(office)
    comment = office.repository.comment(number, author="carol", body="looks odd")
    assert edit(office, comment.id, body).outputs["decision"] == "ignored"
    assert verdict(office, number)[0] == "success"
