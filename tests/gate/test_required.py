"""Labels and other checks that the policy requires: the check stays shut until they are there, on the exact head."""

from __future__ import annotations

from typing import Any

import pytest

from promotebot.action.reply import Replier
from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

CI = ".github/workflows/ci.yml"
BOTH = "stages: {active: {labels: [risk-approved], checks: [unit-tests]}}\n"


@pytest.fixture
def number(office: Office) -> int:
    """A pull request by alice whose promotion alice asked for, into a base that wants a label and a check."""
    office.policy(BOTH)
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    return number


def now(office: Office, number: int) -> str:
    return office.checks(office.head(number))[-1]


def labelled(office: Office, number: int, name: str, *, action: str = "labeled") -> Job:
    """Somebody puts a label on, or takes it off, and the gate's job runs that hears of it."""
    if action == "labeled":
        office.repository.add_label(number, name, by="bob")
    else:
        office.repository.remove_label(number, name, by="bob")
    payload = office.repository.pull_request_event(number, action=action, sender="bob", label=name)
    return office.event("pull_request_target", payload, by="bob", PROMOTEBOT_COMMAND="gate")


def ran(office: Office, number: int, name: str, conclusion: str | None = "success") -> Job:
    """The team's own workflow reports a check, and the gate's job runs when it has ended."""
    office.repository.report_check(office.head(number), name, conclusion)
    payload = office.repository.workflow_run_event(CI, number, event="pull_request", sender="alice")
    return office.event("workflow_run", payload, PROMOTEBOT_COMMAND="gate")


def test_the_request_is_done_and_says_what_a_merge_still_needs(office: Office, number: int) -> None:
    assert now(office, number) == "pending"
    card = office.comment(number)
    assert "waiting for the label risk-approved" in card
    head = office.head(number)[:7]
    assert "The check waits for the label risk-approved: put it on this pull request" in card
    assert f"The check waits for another check of {head} (unit-tests has not run there): each of them has to" in card
    assert "**Next:** add what is missing, then merge." in card


def test_the_check_turns_green_when_both_are_there_in_any_order(office: Office, number: int) -> None:
    job = labelled(office, number, "Risk-Approved")
    assert (job.exit_code, job.outputs["decision"]) == (0, "waiting"), job.log
    assert now(office, number) == "pending"
    job = ran(office, number, "unit-tests")
    assert (job.exit_code, job.outputs["decision"]) == (0, "passed"), job.log
    assert now(office, number) == "success"
    assert "- **Labels:** the label risk-approved is on the pull request" in office.comment(number)
    office.repository.protect("main", required_checks=["promotebot/gate"])
    assert office.repository.merge(number, by="bob")


def test_a_label_that_is_taken_off_shuts_it_again(office: Office, number: int) -> None:
    ran(office, number, "unit-tests")
    labelled(office, number, "risk-approved")
    assert now(office, number) == "success"
    labelled(office, number, "risk-approved", action="unlabeled")
    assert now(office, number) == "pending"


def test_a_check_that_fails_when_it_runs_again_shuts_it_again(office: Office, number: int) -> None:
    labelled(office, number, "risk-approved")
    ran(office, number, "unit-tests")
    assert now(office, number) == "success"
    ran(office, number, "unit-tests", "failure")
    assert now(office, number) == "pending"
    assert "unit-tests failed" in office.comment(number)


def test_a_check_of_an_older_head_counts_for_nothing(office: Office, number: int) -> None:
    labelled(office, number, "risk-approved")
    ran(office, number, "unit-tests")
    office.push_on()
    assert office.gate(number).outputs["decision"] == "waiting"
    assert now(office, number) == "pending"


def test_a_status_of_the_name_is_a_check_too(office: Office, number: int) -> None:
    labelled(office, number, "risk-approved")
    head = office.head(number)
    office.repository.post_status(head, "unit-tests", "success", by="carol")
    job = office.event("status", office.repository.status_event(), by="carol", PROMOTEBOT_COMMAND="gate")
    assert (job.exit_code, job.outputs["decision"]) == (0, "passed"), job.log
    assert now(office, number) == "success"


def test_only_the_app_counts_that_the_policy_names(office: Office) -> None:
    office.policy("stages: {active: {checks: [{name: evaluation, app: trainer}]}}\n")
    number = office.pull()
    office.ask(number, "/promote active")
    head = office.head(number)
    office.repository.post_status(head, "evaluation", "success", by="carol")
    office.repository.report_check(head, "evaluation")
    office.gate(number)
    assert now(office, number) == "pending"
    told = office.comment(number)
    assert "evaluation (by trainer) is not there by this App, but by carol, github-actions" in told
    office.repository.report_check(head, "evaluation", app="trainer")
    suite = office.repository.check_suite_event(number, app="trainer")
    job = office.event("check_suite", suite, PROMOTEBOT_COMMAND="gate")
    assert (job.exit_code, job.outputs["decision"]) == (0, "passed"), job.log
    assert now(office, number) == "success"


def test_what_the_gate_reports_itself_does_not_start_it_again(office: Office, number: int) -> None:
    before = office.checks(office.head(number))
    status = office.event("status", office.repository.status_event(), PROMOTEBOT_COMMAND="gate")
    suite = office.repository.check_suite_event(number, app="github-actions")
    own = office.event("check_suite", suite, PROMOTEBOT_COMMAND="gate")
    assert (status.outputs["decision"], own.outputs["decision"]) == ("ignored", "ignored")
    assert office.checks(office.head(number)) == before


def test_why_names_the_line_of_the_policy(office: Office, number: int) -> None:
    office.ask(number, "/why")
    told = office.answer(number)
    assert 'gate.labels: stages.active.labels: ["risk-approved"] (line 1' in told.replace("`", "").replace(
        "[line", "line"
    )
    assert 'stages.active.checks: ["unit-tests"]' in told


def test_the_rollback_of_production_waits_for_neither(office: Office) -> None:
    first = office.pull("first")
    office.ask(first, "/promote active")
    office.merge(first)
    office.policy(BOTH)
    number = office.pull("back")
    office.ask(number, '/rollback regime_classifier --reason "incident"')
    assert now(office, number) == "success"


def test_a_policy_that_asks_for_neither_costs_no_request(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    asked = [made.path for made in office.hub.requests if made.method == "GET"]
    assert not [path for path in asked if path.endswith(("/check-runs", "/labels"))]


def test_the_merge_queue_asks_again_on_the_pull_requests_own_head(office: Office, number: int) -> None:
    labelled(office, number, "risk-approved")
    ran(office, number, "unit-tests")
    group = office.repository.merge_queue.add(number, by="bob")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["success"], "nothing ran on the commit of the queue itself"
    office.repository.remove_label(number, "risk-approved", by="bob")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["success", "pending"]
    assert "waits for the label risk-approved" in office.comments(number)[-1]


def test_a_green_does_not_stay_where_the_label_went_while_it_was_judged(
    office: Office, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(office, number, "unit-tests")
    publish = Replier.publish

    def slow(self: Replier, *arguments: Any) -> None:
        publish(self, *arguments)
        if office.labels(number):
            office.repository.remove_label(number, "risk-approved", by="bob")
            office.hub.pass_time(10)

    monkeypatch.setattr(Replier, "publish", slow)
    labelled(office, number, "risk-approved")
    assert office.checks(office.head(number))[-3:] == ["success", "failure", "pending"]


def test_an_event_made_at_a_terminal_waits_for_them_too(office: Office) -> None:
    office.policy("stages: {shadow: {labels: [early], checks: [unit-tests]}}\n")
    carol = office.person("carol")
    carol.git("checkout", "-b", "by-hand")
    flags = ("--model", "regime_classifier", "--stage", "shadow", "--artifact-dir", "ml/artifacts/regime_v1")
    promoted = carol.promotebot("promote", *flags, "--artifact-id", "again")
    assert promoted.returncode == 0, promoted.stderr
    told = " ".join(promoted.stderr.split())
    assert "SHADOW asks for the label early on the pull request, which is not known at a terminal." in told
    assert "SHADOW asks for success of the check unit-tests on the exact head" in told
    carol.commit("feat(ml): Again")
    carol.push()
    number = office.repository.open_pull(author="carol", head="by-hand").number
    office.gate(number, "opened")
    assert now(office, number) == "pending"
    office.repository.report_check(office.head(number), "unit-tests")
    labelled(office, number, "early")
    assert now(office, number) == "success"
