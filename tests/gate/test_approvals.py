"""Separation of duties: the check stays shut until other people approved the exact head."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest

from promotebot.action.result import Outcome
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

REVIEW = ".github/workflows/review.yml"


def separated(office: Office, approvals: int = 1) -> None:
    """The base asks for this many approvals."""
    office.policy(f"separation: {{approvals: {approvals}}}\n")


def review(office: Office, number: int, by: str, state: str = "APPROVED") -> Job:
    """Somebody reviews, and the gate's job runs that follows."""
    office.repository.review(number, by=by, state=state)
    payload = office.repository.workflow_run_event(REVIEW, number, event="pull_request_review", sender=by)
    return office.event("workflow_run", payload, by=by, INPUT_COMMAND="gate")


@pytest.fixture
def number(office: Office) -> int:
    """A pull request by alice whose promotion alice asked for, into a base that wants one approval."""
    separated(office)
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    return number


def now(office: Office, number: int) -> str:
    return office.checks(office.head(number))[-1]


def test_a_promotion_waits_for_somebody_elses_approval_and_says_so(office: Office, number: int) -> None:
    assert now(office, number) == "pending"
    comment = office.comment(number)
    assert f"waits for 1 more approval of {office.head(number)[:7]}" in comment
    assert "other than alice approves exactly this commit in a review" in comment


def test_the_approval_of_somebody_else_turns_the_check_green(office: Office, number: int) -> None:
    job = review(office, number, "bob")
    assert (job.exit_code, job.outputs["decision"]) == (0, "passed"), job.log
    assert now(office, number) == "success"
    office.repository.protect("main", required_checks=["promotebot/gate"])
    assert office.repository.merge(number, by="bob")


@pytest.mark.parametrize("state", ["DISMISSED", "CHANGES_REQUESTED"])
def test_an_approval_that_is_taken_back_shuts_it_again(office: Office, number: int, state: str) -> None:
    review(office, number, "bob")
    job = review(office, number, "bob", state)
    assert (job.exit_code, job.outputs["decision"]) == (0, "waiting"), job.log
    assert now(office, number) == "pending"


def test_a_mere_comment_takes_nothing_back(office: Office, number: int) -> None:
    review(office, number, "bob")
    review(office, number, "bob", "COMMENTED")
    assert now(office, number) == "success"


@pytest.mark.parametrize("by", ["alice", "mallory"])
def test_neither_who_asked_nor_who_may_not_write_counts(office: Office, number: int, by: str) -> None:
    review(office, number, by)
    assert now(office, number) == "pending"


def test_a_bots_approval_counts_for_nothing(office: Office, number: int) -> None:
    office.hub.add_user("helper[bot]", type="Bot")
    office.repository.set_role("helper[bot]", "write")
    review(office, number, "helper[bot]")
    assert now(office, number) == "pending"


def test_who_asked_does_not_count_in_somebody_elses_pull_request(office: Office) -> None:
    separated(office)
    number = office.pull()
    office.ask(number, "/promote active", author="bob")
    review(office, number, "bob")
    assert now(office, number) == "pending"
    review(office, number, "carol")
    assert now(office, number) == "success"


def test_who_pushed_last_does_not_count(office: Office) -> None:
    separated(office)
    number = office.pull()
    carol = office.person("carol")
    carol.git("fetch", "origin", "evaluation")
    carol.git("checkout", "evaluation")
    carol.write("ml/evaluations/more.json", "{}\n")
    carol.commit("docs: More")
    carol.push()
    office.ask(number, "/promote active")
    review(office, number, "carol")
    assert now(office, number) == "pending", "our own commit is on top; carol's push is the last of a person"
    review(office, number, "bob")
    assert now(office, number) == "success"


def test_who_started_a_rollback_by_hand_does_not_approve_it_and_the_bot_is_nobody(office: Office) -> None:
    first = office.pull("first")
    office.ask(first, "/promote active")
    office.merge(first)
    separated(office)
    office.repository.actions_may_open_pulls = True
    job = office.dispatch('/rollback regime_classifier --reason "incident"', by="bob")
    assert job.succeeded, job.log
    number = max(office.repository.pulls)
    assert office.repository.pull(number).user.login == BOT
    review(office, number, "bob")
    assert now(office, number) == "pending"
    review(office, number, "carol")
    assert now(office, number) == "success"


def test_a_branch_that_only_apps_push_to_has_no_end_in_the_list_and_opens_nothing(office: Office, number: int) -> None:
    entries = office.repository.activity.entries
    ours = entries[-1]
    entries[:] = [*[replace(ours, kind="push") for _ in range(120)]]
    job = review(office, number, "bob")
    assert job.exit_code == 4
    assert any("does not list who pushed" in comment for comment in office.comments(number))


def test_an_approval_of_an_older_head_counts_for_nothing(office: Office, number: int) -> None:
    review(office, number, "bob")
    office.push_on()
    assert office.gate(number).outputs["decision"] == "waiting"
    assert now(office, number) == "pending"


def test_every_page_of_reviews_is_read(office: Office, number: int) -> None:
    for _ in range(120):
        office.repository.review(number, by="bob", state="COMMENTED")
    office.repository.review(number, by="bob")
    assert review(office, number, "carol", "COMMENTED").outputs["decision"] == "passed"


def test_two_approvals_are_two_people(office: Office) -> None:
    separated(office, 2)
    number = office.pull()
    office.ask(number, "/promote active")
    review(office, number, "bob")
    review(office, number, "bob")
    assert now(office, number) == "pending"
    review(office, number, "carol")
    assert now(office, number) == "success"


def test_a_pull_request_that_promotes_nothing_waits_for_nobody(office: Office) -> None:
    separated(office)
    number = office.pull()
    assert office.gate(number, "opened").outputs["decision"] == "passed"


def test_a_change_of_the_policy_waits_for_somebody_elses_approval(office: Office) -> None:
    separated(office)
    number = office.pull(files={".github/promotion.yml": "require_sha: true\n"})
    job = office.gate(number, "opened")
    assert (job.exit_code, job.outputs["decision"]) == (0, "waiting"), job.log
    review(office, number, "alice")
    assert now(office, number) == "pending"
    review(office, number, "bob")
    assert now(office, number) == "success"
    [run] = [run for run in office.repository.check_runs.values() if run.conclusion == "success"]
    assert str(run.output["title"]) == "no promotion in this pull request; the policy becomes weaker"
    assert "`separation` becomes weaker: \\{approvals: 1\\} → null" in unescape(str(run.output["summary"]))


def test_the_merge_queue_asks_for_a_change_of_the_policy_too(office: Office) -> None:
    separated(office)
    number = office.pull(files={".github/promotion.yml": "require_sha: true\n"})
    group = office.repository.merge_queue.add(number, by="bob")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["pending"]


@pytest.mark.parametrize("path", ["/activity", "/graphql/Verdicts", "/collaborators/bob/permission"])
def test_a_question_about_approvals_that_is_not_answered_opens_nothing(office: Office, number: int, path: str) -> None:
    office.hub.faults.append(Fault("*", path, 500, times=9))
    job = review(office, number, "bob")
    assert job.exit_code == 4
    assert now(office, number) != "success"


def test_a_push_that_github_does_not_list_yet_opens_nothing(office: Office, number: int) -> None:
    office.repository.activity.entries.clear()
    job = review(office, number, "bob")
    assert job.exit_code == 4
    assert any("does not list who pushed" in comment for comment in office.comments(number))


def test_the_merge_queue_asks_again(office: Office, number: int) -> None:
    review(office, number, "bob")
    queue = office.repository.merge_queue
    group = queue.add(number, by="bob")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["success"]
    office.repository.review(number, by="bob", state="DISMISSED")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["success", "pending"]


def test_what_is_queued_before_it_needs_no_approval_of_its_own_here(office: Office, number: int) -> None:
    review(office, number, "bob")
    office.repository.merge_queue.add(number, by="bob")
    after = office.pull("after")
    group = office.repository.merge_queue.add(after, by="bob")
    payload = office.repository.queue_run_event(REVIEW, after)
    assert office.event("workflow_run", payload, by="bob").outputs["decision"] == "passed"
    assert office.checks(group.head_sha) == ["success"]


def test_why_says_what_is_waited_for(office: Office, number: int) -> None:
    office.ask(number, "/why", author="carol")
    _, comment = office.comments(number)
    assert "waits for 1 more approval" in comment.partition("\n\n")[0]
    assert "other than alice" in comment


def test_a_run_that_is_neither_about_reviews_nor_checks_starts_nothing(office: Office, number: int) -> None:
    before = len(office.repository.requests)
    payload = office.repository.workflow_run_event(REVIEW, number, event="release", sender="mallory")
    assert office.event("workflow_run", payload).outputs["decision"] == Outcome.IGNORED.value
    assert len(office.repository.requests) == before
