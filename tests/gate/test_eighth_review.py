"""What was built last, attacked: the merge queue, patterns of models, hostile data, rejections, and tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promotebot.action import merge_group
from promotebot.gate.status import publish_verdict
from tests.action.test_hold import judge_group, queued
from tests.fake_github.faults import Fault
from tests.fake_github.refusals import HttpError
from tests.gate.test_required import labelled, ran
from tests.office import Office

pytestmark = pytest.mark.thorough

REVIEW = ".github/workflows/review.yml"
ASKS = "separation: {approvals: 1}\nstages: {active: {labels: [risk-approved], checks: [unit-tests]}}\n"


def reviewed(office: Office, number: int, state: str = "APPROVED") -> None:
    office.repository.review(number, by="bob", state=state)
    payload = office.repository.workflow_run_event(REVIEW, number, event="pull_request_review", sender="bob")
    office.event("workflow_run", payload, by="bob", INPUT_COMMAND="gate")


@pytest.fixture
def ready(office: Office) -> int:
    """A promotion by alice that has the label, the check and the approval that the policy asks for."""
    office.policy(ASKS)
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    labelled(office, number, "risk-approved")
    ran(office, number, "unit-tests")
    reviewed(office, number)
    assert office.checks(office.head(number))[-1] == "success", office.comments(number)
    return number


LOSSES: dict[str, Callable[[Office, int], object]] = {
    "the label is taken off": lambda office, number: labelled(office, number, "risk-approved", action="unlabeled"),
    "the check fails": lambda office, number: ran(office, number, "unit-tests", "failure"),
    "the check runs again": lambda office, number: ran(office, number, "unit-tests", None),
    "the approval is dismissed": lambda office, number: reviewed(office, number, "DISMISSED"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_queued_promotion_loses_takes_it_out_of_the_queue(office: Office, ready: int, loss: str) -> None:
    behind = office.pull("behind")
    office.gate(behind, "opened")
    groups = queued(office, ready, behind)
    assert [judge_group(office, ready), judge_group(office, behind)] == ["passed", "passed"]
    LOSSES[loss](office, ready)
    assert office.checks(office.head(ready))[-1] == "pending"
    assert [office.checks(group.head_sha)[-1] for group in groups] == ["failure", "failure"]
    with pytest.raises(HttpError):
        office.repository.merge_queue.land(ready)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_group_does_not_stay_green_where_the_label_went_while_it_was_judged(
    office: Office, ready: int, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    [group] = queued(office, ready)

    def slow(*arguments: Any) -> None:
        publish_verdict(*arguments)
        office.repository.remove_label(ready, "risk-approved", by="bob")
        office.hub.pass_time(10)
        if not is_known:
            office.hub.faults.append(Fault("GET", f"/issues/{ready}/labels", 500, times=9))

    monkeypatch.setattr(merge_group, "publish_verdict", slow)
    job = office.event("merge_group", office.repository.merge_group_event(ready), by="bob")
    assert job.exit_code == (1 if is_known else 4), job.log
    assert office.checks(group.head_sha) == ["success", "failure"]
