"""The gate by hand and by the timer: what started no job of its own is judged, within bounds."""

from __future__ import annotations

import pytest

from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.office import BOT, Office

pytestmark = pytest.mark.thorough

GATE = ".github/workflows/gate.yml"


def by_hand(office: Office, pull_request: str, *, ref: str | None = None) -> Job:
    payload = office.repository.workflow_dispatch_event(
        GATE, sender="bob", ref=ref, inputs={"pull-request": pull_request}
    )
    return office.event("workflow_dispatch", payload, by="bob", PROMOTEBOT_COMMAND="gate")


def by_timer(office: Office) -> Job:
    payload = office.repository.schedule_event(GATE, "41 5 * * *")
    return office.event("schedule", payload, by=BOT, PROMOTEBOT_COMMAND="gate")


def judged(office: Office, *numbers: int) -> list[list[str]]:
    return [office.checks(office.head(number)) for number in numbers]


@pytest.mark.parametrize("typed", ["{}", "#{}", " {} "])
def test_one_pull_request_is_judged_by_hand(office: Office, typed: str) -> None:
    one, two = office.pull("one"), office.pull("two")
    job = by_hand(office, typed.format(one))
    assert (job.exit_code, job.outputs["decision"]) == (0, "passed")
    assert judged(office, one, two) == [["success"], []]


def test_all_that_are_open_are_judged_by_hand_also_those_with_a_verdict(office: Office) -> None:
    one, two, closed = office.pull("one"), office.pull("two"), office.pull("three")
    office.gate(one)
    office.repository.close(closed, by="alice")
    job = by_hand(office, "all")
    assert job.outputs["decision"] == "passed", job.log
    assert "2 pull requests judged: 0 refused, 0 failed" in job.outputs["result"]
    assert judged(office, one, two, closed) == [["success"] * 2, ["success"], []]


def test_the_timer_judges_what_has_no_verdict_and_leaves_the_rest_alone(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.gate(one)
    assert by_timer(office).outputs["decision"] == "passed"
    assert judged(office, one, two) == [["success"], ["success"]]


def test_a_verdict_that_still_waits_is_looked_at_again_and_a_strangers_is_none(office: Office) -> None:
    waits, stranger = office.pull("one"), office.pull("two")
    office.repository.post_status(office.head(waits), "promotebot/gate", "pending", by=BOT)
    office.repository.post_status(office.head(stranger), "promotebot/gate", "success", by="carol")
    assert by_timer(office).outputs["decision"] == "passed"
    assert judged(office, waits, stranger) == [["pending", "success"], ["success"] * 2]


def test_the_timer_that_finds_nothing_costs_a_request_for_each_base_and_pull_request(office: Office) -> None:
    office.gate(office.pull("one"))
    office.gate(office.pull("two"))
    office.hub.requests.clear()
    assert by_timer(office).outputs["result"]
    assert [request.writes for request in office.hub.requests] == [False] * (1 + 2)


def test_every_base_that_the_policy_lists_is_looked_at(office: Office) -> None:
    office.repository.git.set_ref("refs/heads/sandbox", office.repository.git.branch("main"))
    office.policy("bases: [sandbox]\n")
    number = office.pull("one", base="sandbox")
    assert by_timer(office).outputs["decision"] == "passed"
    posted = [s.context for s in office.repository.statuses if s.sha == office.head(number)]
    assert posted == ["promotebot/gate (sandbox)"]


def test_what_is_refused_is_red_on_its_head_and_not_on_main(office: Office) -> None:
    legal = office.pull("one")
    bad = office.pull("two", {"ml/registry/models.json": "{}\n"})
    job = by_timer(office)
    assert (job.exit_code, job.outputs["decision"]) == (0, "refused")
    assert judged(office, legal, bad) == [["success"], ["failure"]]


def test_one_that_fails_keeps_no_other_from_its_turn_and_is_told(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.hub.inject(Fault("POST", "/graphql/Conversation", status=404, message="Not Found"))  # the newest is first
    job = by_timer(office)
    assert (job.exit_code, job.outputs["decision"]) == (4, "failed")
    assert "2 pull requests judged&#58; 0 refused, 1 failed" in job.summary
    assert f"{two} could not be judged" in job.summary.replace("\u2060", "")
    assert judged(office, one, two) == [["success"], []]


def test_one_job_judges_a_bounded_number_and_says_what_is_left(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promotebot.action.sweep.MAX_JUDGED", 1)
    one, two = office.pull("one"), office.pull("two")
    assert "1 left for the next run" in by_hand(office, "all").outputs["result"]
    assert judged(office, one, two) == [[], ["success"]], "the newest first"
    by_hand(office, "all")
    assert judged(office, one, two) == [["success"], ["success"]], "what has no verdict comes first"


def test_a_refusal_says_in_the_summary_whom_to_call(office: Office) -> None:
    office.policy("contacts: ['oncall@example.com']\n")
    assert "Contacts: `oncall@example.com`." in by_hand(office, "main").summary


@pytest.mark.parametrize("typed", ["", "main", "1 2", "-1", "1.5", "9" * 30, "²"])
def test_what_is_no_number_is_refused_with_what_to_give(office: Office, typed: str) -> None:
    job = by_hand(office, typed)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "unreadable_command")
    assert "such as 12, or all" in job.outputs["result"]
    assert "such as 12, or all" in job.summary
    assert office.repository.statuses == []


def test_it_is_started_on_the_default_branch_only(office: Office) -> None:
    number = office.pull("one")
    assert by_hand(office, str(number), ref="one").outputs["reason_code"] == "wrong_base"
    assert judged(office, number) == [[]]
