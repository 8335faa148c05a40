"""A stage that a rollback holds, on GitHub: what is asked for, and what is pending."""

from __future__ import annotations

import pytest

from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL = "regime_classifier"
ASK = f"/promote active {MODEL}"


@pytest.fixture(autouse=True)
def allowed(office: Office) -> None:
    office.repository.actions_may_open_pulls = True


def rolled_back(office: Office) -> None:
    """regime_v2 goes live, and is rolled back from at night."""
    number = office.pull("live")
    assert office.ask(number, ASK).succeeded
    office.merge(number)
    night(office, f'/rollback {MODEL} --reason "incident 7"')


def night(office: Office, command: str) -> None:
    """A job started by hand, and the merge of the pull request that it opens."""
    job = office.dispatch(command)
    assert job.outputs["decision"] == "promoted", job.log
    number = max(office.repository.pulls)
    office.merge(number)
    office.pushed(number)


def test_nothing_goes_up_until_somebody_ends_the_hold_and_the_event_keeps_why(office: Office) -> None:
    rolled_back(office)
    number = office.pull("again")
    head = office.head(number)
    job = office.ask(number, ASK)
    assert (job.outputs["decision"], job.outputs["reason_code"], office.head(number)) == ("refused", "rules", head)
    told = "\n".join(office.comments(number)).replace("\\", "")
    assert "ACTIVE of regime_classifier is held" in told
    assert "rolled back to regime_v1_prod_rollback by bob on" in told
    assert "incident 7" in told
    assert f"{ASK} --lift-hold" in told
    job = office.ask(number, f'{ASK} --lift-hold "the feature is computed again" --reason "incident 7 is closed"')
    assert job.outputs["decision"] == "promoted", job.log
    event = office.registry(office.head(number)).history[MODEL][0]
    assert event.lifts_hold == "the feature is computed again"
    assert office.gate(number).outputs["decision"] == "passed"
    office.merge(number)
    assert office.pointer("main", "active") == "regime_v2_candidate"


def test_who_may_not_promote_there_may_not_end_the_hold_either(office: Office) -> None:
    rolled_back(office)
    number = office.pull("again")
    job = office.ask(number, f'{ASK} --lift-hold "please" --reason "please"', author="carol")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "permission")


def test_a_promotion_that_was_pending_turns_red_and_asking_again_replaces_it(office: Office) -> None:
    number = office.pull("pending")
    assert office.ask(number, ASK).succeeded
    night(office, f'/demote {MODEL} active --reason "incident 7"')
    night(office, f'/rollback {MODEL} --reason "incident 7 is over"')
    assert "regime_classifier is held" in "\n".join(office.comments(number)).replace("\\", "")
    assert office.gate(number).outputs["decision"] == "refused"
    job = office.ask(number, f'{ASK} --lift-hold "fixed"')
    assert job.outputs["decision"] == "promoted", job.log
    assert office.gate(number).outputs["decision"] == "passed"
    history = office.registry(office.head(number)).history[MODEL]
    assert [event.lifts_hold for event in history[:2]] == ["fixed", None]


def test_a_false_alarm_is_put_right_by_name_on_github_too(office: Office) -> None:
    rolled_back(office)
    job = office.dispatch(f'/rollback {MODEL} --reason "false alarm"')
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "no_rollback_target")
    assert f"/rollback {MODEL} active --to regime_v2_candidate" in job.summary
    night(office, f'/rollback {MODEL} --to regime_v2_candidate --reason "false alarm"')
    assert office.pointer("main", "active") == "regime_v2_candidate_rollback"
