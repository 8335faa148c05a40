"""An exception from a freeze, from the comment to the gate and the card."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from promotebot.registry.names import ModelName
from tests.office import Office

pytestmark = pytest.mark.thorough

WHY = '--override "freeze: the fix for incident 7"'


def freeze(office: Office, *, end: int) -> None:
    start, over = (f"{office.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, end))
    freeze = f"freezes: [{{start: {start}, end: {over}, reason: year end}}]\n"
    office.policy(f"{freeze}overrides: [{{rule: freeze, people: [alice], start: {start}, end: {over}}}]\n")


def test_a_promotion_in_a_freeze_says_first_who_makes_the_exception(office: Office) -> None:
    freeze(office, end=5)
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["reason_code"] == "rules"
    job = office.ask(number, f"/promote active {WHY}")
    assert job.outputs["reason_code"] == "committed", job.log
    card = office.comment(number).replace("\\", "")
    first = card.split("\n\n")[1]
    assert first.startswith("⚠️ **`alice` makes an exception from a rule:** freeze")
    assert "the fix for incident 7" in first
    event = office.registry(office.head(number)).history[ModelName("regime_classifier")][0]
    assert event.override == "freeze: the fix for incident 7"
    assert office.gate(number).outputs["decision"] == "passed"
    office.merge(number)
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["override"] == event.override


def test_somebody_else_with_the_role_makes_no_exception(office: Office) -> None:
    freeze(office, end=5)
    number = office.pull()
    job = office.ask(number, f"/promote active {WHY}", author="bob")
    assert job.outputs["reason_code"] == "rules"
    assert "bob may not override freeze; the policy allows alice." in office.answer(number).replace("\\", "")


def test_a_request_that_names_no_rule_is_told_the_rules(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, '/promote active --override "because"')
    assert job.outputs["reason_code"] == "unreadable_command"
    assert "name one of these rules: active.prior_stage" in office.answer(number).replace("\\", "")
