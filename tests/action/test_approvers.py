"""Who approved the exact head stands in the check's receipt, in the card and in the deployment: by one function."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.demo.story import REGISTRY
from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

REVIEW = ".github/workflows/review.yml"


@pytest.fixture
def number(office: Office) -> int:
    """A promotion by alice into a base that asks for no approval."""
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    return number


def review(office: Office, number: int, by: str, state: str = "APPROVED") -> Job:
    """Somebody reviews, and the gate's job runs that follows; without `separation`, too."""
    office.repository.review(number, by=by, state=state)
    payload = office.repository.workflow_run_event(REVIEW, number, event="pull_request_review", sender=by)
    job = office.event("workflow_run", payload, by=by, INPUT_COMMAND="gate")
    assert job.exit_code == 0, job.log
    return job


def row(office: Office, number: int) -> str:
    """The receipt's row, without its time."""
    summary = str(office.reports(office.head(number))[-1].output["summary"])
    [told] = re.findall(r"\| Approved by \| `(.*?)` \|", summary)
    words, _, at = told.partition(" (at ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC(; .*)?\)", at)
    return str(words + at.partition(" UTC")[2].removesuffix(")"))


def fact(office: Office, number: int) -> str:
    """The card's line; empty where there is none."""
    [card] = [one for one in office.comments(number) if one.startswith("<!-- promotebot:regime_classifier")]
    return next((line for line in card.splitlines() if line.startswith("- **Approved by**")), "")


def test_before_the_first_review_the_receipt_says_that_nobody_approved_it(office: Office, number: int) -> None:
    assert row(office, number) == "nobody yet"
    assert fact(office, number) == ""


def test_an_approval_is_in_the_receipt_and_in_the_card_though_no_policy_asks_for_it(
    office: Office, number: int
) -> None:
    review(office, number, "carol")
    review(office, number, "bob")
    assert row(office, number) == "bob, carol"
    assert fact(office, number) == "- **Approved by** `bob`, `carol` when this was checked"


def test_what_the_check_names_the_deployment_names(office: Office, number: int) -> None:
    for login in ("alice", "bob", "mallory"):
        review(office, number, login)
    assert row(office, number) == "bob"
    office.merge(number)
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["approvers"] == ["bob"]


def merge_and_review(office: Office, number: int, **after: str) -> Any:
    """Merge; a minute later somebody reviews, and only then the announcement runs. Returns the deployment's payload."""
    office.repository.merge(number, by="bob")
    office.hub.pass_time(60)
    for login, state in after.items():
        office.repository.review(number, by=login, state=state)
    office.hub.catch_up()
    payload = office.repository.pull_request_event(number, action="closed")
    assert office.event("pull_request_target", payload, by="bob").exit_code == 0
    [made] = office.repository.deployments.values()
    return made.payload


def test_who_approves_after_the_merge_is_not_named(office: Office, number: int) -> None:
    review(office, number, "bob")
    assert merge_and_review(office, number, carol="APPROVED")["approvers"] == ["bob"]


def test_what_a_reviewer_says_after_the_merge_takes_no_approval_back(office: Office, number: int) -> None:
    review(office, number, "bob")
    assert merge_and_review(office, number, bob="CHANGES_REQUESTED")["approvers"] == ["bob"]


def test_an_approval_in_the_second_of_the_merge_is_named(office: Office, number: int) -> None:
    merged_at = office.hub.now()
    office.hub.clock = lambda: merged_at  # GitHub tells whole seconds
    office.repository.review(number, by="bob")
    assert merge_and_review(office, number)["approvers"] == ["bob"]


def test_what_was_pushed_to_the_branch_without_its_merge_was_approved_by_nobody(office: Office, number: int) -> None:
    review(office, number, "bob")
    before = office.repository.git.branch("main") or ""
    office.push("carol", "main", {REGISTRY: office.registry("evaluation").to_bytes()}, "feat(ml): Promote by hand")
    payload: Any = office.repository.push_event("main", before=before, sender="carol")
    office.event("push", payload, by="carol", PROMOTEBOT_COMMAND="announce")
    [made] = office.repository.deployments.values()
    payload = made.payload
    assert (payload["pull"], payload["approvers"]) == (number, [])


@pytest.mark.parametrize("state", ["DISMISSED", "CHANGES_REQUESTED"])
def test_an_approval_that_was_taken_back_is_named_no_more(office: Office, number: int, state: str) -> None:
    review(office, number, "bob")
    review(office, number, "bob", "COMMENTED")
    assert row(office, number) == "bob"
    review(office, number, "bob", state)
    assert (row(office, number), fact(office, number)) == ("nobody yet", "")


def test_who_asked_in_somebody_elses_pull_request_is_no_approver(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active", author="bob")
    review(office, number, "bob")
    assert row(office, number) == "nobody yet"


def test_an_app_approves_nothing(office: Office, number: int) -> None:
    office.hub.add_user("helper[bot]", type="Bot")
    office.repository.set_role("helper[bot]", "write")
    review(office, number, "helper[bot]")
    assert row(office, number) == "nobody yet"


def test_an_approval_of_an_older_head_is_not_one_of_this_head(office: Office, number: int) -> None:
    review(office, number, "bob")
    office.push_on()
    office.gate(number)
    assert row(office, number) == "nobody yet"


def test_among_very_many_reviews_the_receipt_does_not_say_that_nobody_approved(office: Office, number: int) -> None:
    office.repository.review(number, by="bob")
    for _ in range(50):
        office.repository.review(number, by="mallory", state="COMMENTED")
    office.gate(number)
    assert row(office, number) == "not known; only the newest reviews were read"
    review(office, number, "carol")
    assert row(office, number) == "carol; only the newest reviews were read"
    office.merge(number)
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["approvers"] == ["bob", "carol"], "the deployment reads every page"


def test_with_separation_those_are_named_who_count(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    number = office.pull()
    office.push("carol", "evaluation", {"ml/evaluations/more.json": "{}\n"}, "docs: More", force=True)
    office.ask(number, "/promote active")
    review(office, number, "bob")
    review(office, number, "carol")
    assert row(office, number) == "bob", "carol pushed last"
    assert fact(office, number) == "", "the line on approvals says it"


def test_naming_them_costs_no_request(office: Office, number: int) -> None:
    def asked() -> int:
        office.hub.requests.clear()
        office.gate(number)
        return len(office.hub.requests)

    asked()  # which writes the card
    before = asked()
    office.repository.review(number, by="bob")
    assert asked() == before
    assert row(office, number) == "bob"


def test_github_is_asked_once_for_all_that_one_pull_request_brings(office: Office) -> None:
    number = office.pull()
    for stage in ("staging", "active"):
        assert office.ask(number, f"/promote {stage} --artifact-dir ml/artifacts/regime_v2").succeeded
    review(office, number, "bob")
    office.hub.requests.clear()
    office.merge(number)
    payloads: list[Any] = [made.payload for made in office.repository.deployments.values()]
    assert [payload["approvers"] for payload in payloads] == [["bob"], ["bob"]]
    assert [one.path for one in office.hub.requests].count("/graphql/Verdicts") == 1
