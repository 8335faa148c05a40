"""The canary share, from the comment to the deployment and the service."""

from __future__ import annotations

from typing import Any

import pytest

from promotebot.registry.names import ModelName
from tests.office import Office

pytestmark = pytest.mark.thorough

STAGING = "/promote staging regime_classifier"


def test_a_share_is_in_the_registry_the_card_the_deployment_and_the_event_for_a_cd(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, f"{STAGING} --share 2.5%")
    assert job.outputs["reason_code"] == "committed", job.log
    pointer = office.registry(office.head(number)).get_stage_pointer("regime_classifier", "staging")
    assert pointer is not None
    assert pointer.share == "2.5%"
    card = office.comment(number)
    first = card.split("\n\n")[1]
    assert "2.5% of production" in first
    assert "Production does not change" not in first
    assert "into STAGING, with 2.5% of production." in card
    assert "| share of production | `2.5%` |" in card
    assert '+ "share": "2.5%"' in " ".join(card.split())
    assert office.gate(number).outputs["decision"] == "passed"
    receipt = office.reports(office.head(number))[-1].output["summary"].replace("\\", "")
    assert "| Share of production | `2.5%` |" in receipt
    office.merge(number)
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert (payload["share"], payload["action"]) == ("2.5%", "promote")
    [sent] = office.repository.dispatches
    received: Any = sent.client_payload
    assert (sent.event_type, received["share"], len(received)) == ("promotebot.promoted", "2.5%", 10)
    assert "action" not in received
    asked = office.pull("another")
    office.ask(asked, "/status")
    assert "(2.5% of production)" in office.answer(asked)


def test_a_promotion_without_a_share_sends_what_it_always_sent(office: Office) -> None:
    number = office.pull()
    office.ask(number, STAGING)
    assert "of production" not in office.comment(number)
    office.merge(number)
    [sent] = office.repository.dispatches
    received: Any = sent.client_payload
    assert received["action"] == "promote"
    assert "share" not in received


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{STAGING} --share 5 %", "'5' is not a share such as 5% or 2.5%"),
        (f"{STAGING} --share 500%", "'500%' is not a share such as 5% or 2.5%"),
        (f"{STAGING} --share=-1%", "'-1%' is not a share such as 5% or 2.5%"),
        (f"{STAGING} --share -1%", "'-1%' is not a share such as 5% or 2.5%"),
        ("/rollback regime_classifier staging --share 5% --reason x", "unknown flag"),
    ],
)
def test_a_line_with_another_share_is_not_carried_out(office: Office, line: str, said: str) -> None:
    number, before = office.pull(), office.registry("main").to_bytes()
    job = office.ask(number, line)
    assert job.outputs["reason_code"] == "unreadable_command"
    assert said in office.answer(number)
    assert office.registry(office.head(number)).to_bytes() == before


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (f"{STAGING} --share 10%", "/promote staging regime_classifier --share 5%"),
        ("/promote active regime_classifier --share 5%", "/promote active regime_classifier"),
    ],
)
def test_a_refused_share_is_answered_with_the_line_that_works(office: Office, line: str, meant: str) -> None:
    number = office.pull()
    assert office.ask(number, line).outputs["reason_code"] == "rules"
    assert f"`{meant}`" in office.answer(number)
    assert office.ask(number, meant).outputs["reason_code"] == "committed"


def test_a_share_that_somebody_raises_on_the_branch_is_refused(office: Office) -> None:
    number = office.pull()
    office.ask(number, f"{STAGING} --share 2%")
    head = office.registry(office.head(number)).to_bytes().decode()
    assert head.count('"share": "2%"') == 2
    forged = {"ml/registry/models.json": head.replace('"share": "2%"', '"share": "5%"')}
    office.push("alice", "evaluation", forged, "chore: More", force=True)
    assert office.gate(number).outputs["decision"] == "refused"


def test_a_share_is_kept_when_the_promotion_is_planned_again_on_another_base(office: Office) -> None:
    number = office.pull()
    office.ask(number, f"{STAGING} --share 2%")
    other = office.pull("other")
    office.ask(other, '/demote regime_classifier shadow --reason "of another team"')
    office.merge(other)
    office.pushed(other)
    pointer = office.registry(office.head(number)).get_stage_pointer("regime_classifier", "staging")
    assert pointer is not None
    assert pointer.share == "2%"
    name = ModelName("regime_classifier")
    assert office.registry(office.head(number)).history[name][1:] == office.registry("main").history[name]
    assert office.gate(number).outputs["decision"] == "passed"
