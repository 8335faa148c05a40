"""An exception from a freeze, from the comment to the gate and the card."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from promotebot.registry.names import ModelName
from tests.office import Office
from tests.screenshots.pairs import FREE, WORSE, active, artifact, scores
from tests.screenshots.scene import Scene

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
    assert "the fix for incident 7. The rule found: ACTIVE is frozen until " in first
    assert first.endswith("year end.")
    event = office.registry(office.head(number)).history[ModelName("regime_classifier")][0]
    assert event.override == "freeze: the fix for incident 7"
    assert office.gate(number).outputs["decision"] == "passed"
    office.merge(number)
    [made] = office.repository.deployments.values()
    payload: Any = made.payload
    assert payload["override"] == event.override


def test_a_dry_run_says_first_what_the_request_lets_pass(office: Office) -> None:
    freeze(office, end=5)
    number = office.pull()
    office.ask(number, f"/promote active {WHY} --dry-run")
    first = office.answer(number).split("\n\n")[1]
    assert first.startswith(
        "⚠️ **`alice` makes an exception from a rule:** freeze: the fix for incident 7. The rule found: "
    )


def test_another_signature_is_said_before_an_exception_with_what_the_rule_found(office: Office) -> None:
    scene = Scene(office)
    office.policy(FREE)
    active(scene, "market", artifact(scene, "market_v1", scores()))
    start, end = (f"{office.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 5))
    grant = f"{{rule: comparison.agreement, people: [alice], start: {start}, end: {end}}}"
    office.policy(f"{FREE}comparison: {{agreement: 0.9}}\noverrides: [{grant}]\n")
    number = office.pull(files=artifact(scene, "other", scores(WORSE, ("scores", "label", "sum"))))
    both = '--allow-signature-change "it reads sum" --override "comparison.agreement: it never says volatile"'
    job = office.ask(number, f"/promote active market --artifact-dir ml/artifacts/other --artifact-id other {both}")
    assert job.outputs["reason_code"] == "committed", office.answer(number)
    signature, exception = office.comment(number).replace("&#58;", ":").split("\n\n")[1:3]
    assert signature == "⚠️ **Other outputs than ACTIVE has, which the request allows:** it reads sum"
    found = "37.5 % of the classes of scores are those of ACTIVE; the policy asks for 90 %."
    assert exception.endswith(f"comparison.agreement: it never says volatile. The rule found: {found}")


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
