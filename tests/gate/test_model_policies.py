"""What the policy asks of one model alone holds at every door: comment, label, run by hand, and the gate afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from html import unescape

import pytest
import yaml

from promotebot.promotion.local_times import DAYS
from tests.gate.forgery import MODEL, forged, push, refused, said, say
from tests.office import Office
from tests.promotion.policy_table import PEM

pytestmark = pytest.mark.thorough

ACTIVE = "/promote active"
ADMIN = "models: {regime_*: {stages: {active: {permission: admin}}}}\n"
OPEN = "models: {regime_*: {stages: {active: {permission: write}}}}\n"
FROZEN = "models: {regime_*: {freezes: [{start: 2020-01-01T00:00, end: 2099-01-01T00:00, reason: audit}]}}\n"
NEEDS_ADMIN = "promoting to ACTIVE needs admin"


@pytest.mark.parametrize("command", [ACTIVE, f"{ACTIVE} {MODEL}", f"{ACTIVE} {MODEL} --dry-run"])
def test_who_may_not_promote_this_model_is_refused_whether_or_not_it_is_named(office: Office, command: str) -> None:
    office.policy(ADMIN)
    number = office.pull()
    head = office.head(number)
    job = office.ask(number, command)
    assert (job.outputs["reason_code"], office.head(number)) == ("permission", head)
    assert NEEDS_ADMIN in office.comment(number)


def test_a_label_and_a_run_by_hand_ask_for_the_models_own_role(office: Office) -> None:
    office.policy(ADMIN)
    office.repository.actions_may_open_pulls = True
    number = office.pull()
    assert office.label(number, "promote:active").outputs["reason_code"] == "permission"
    assert office.dispatch("/promote active").outputs["reason_code"] == "permission"
    assert office.dispatch(f"/promote active {MODEL}").outputs["reason_code"] == "permission"


def test_a_label_without_a_model_is_taken_off_by_who_may_withdraw_what_it_stands_for(office: Office) -> None:
    office.policy("models: {other: {stages: {active: {permission: admin}}}}\n")
    number = office.pull()
    assert office.label(number, "promote:active").outputs["decision"] == "promoted"
    assert office.unlabel(number, "promote:active", by="carol").outputs["reason_code"] == "permission"
    assert office.unlabel(number, "promote:active").outputs["decision"] == "withdrawn"


def test_a_model_may_ask_for_less_than_the_others(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active", author="carol").outputs["reason_code"] == "permission"
    office.policy(OPEN)
    number = office.pull("later")
    assert office.ask(number, "/promote active", author="carol").outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"
    assert office.ask(number, "/withdraw", author="carol").outputs["decision"] == "withdrawn"


def test_the_gate_refuses_what_the_door_refused(office: Office) -> None:
    office.policy(ADMIN)
    number = office.pull()
    asked, _ = say(office, number, "/promote active")
    push(office, number, forged(office, asked))
    refused(office, number)
    at_a_terminal = office.pull("terminal")
    push(office, at_a_terminal, forged(office, None), by="bob")
    refused(office, at_a_terminal, "needs admin")


def windows(days: int) -> str:
    """A window of the whole day that is so many days from now."""
    day = DAYS[(datetime.now(timezone.utc) + timedelta(days=days)).weekday()]
    return f"windows: [{{days: [{day}], hours: 00:00-24:00}}]"


KEYS = yaml.safe_dump({"keys": [{"name": "release", "pem": PEM}]}, default_flow_style=True, width=10**9).strip()


@pytest.mark.parametrize(
    ("general", "own", "says"),
    [
        ("", windows(3), "takes promotions only"),
        (windows(3), windows(0), "takes promotions only"),
        ("", "limits: {files: 1}", "the limit is 1"),
        ("limits: {files: 1}", "limits: {files: 100}", "the limit is 1"),
        (f"signatures: {KEYS}", "signatures: {required: [active]}", "is not signed"),
    ],
)
def test_what_the_general_policy_or_the_models_own_section_refuses_is_refused_at_the_door_and_by_the_gate(
    office: Office, general: str, own: str, says: str
) -> None:
    number = office.pull()
    asked, _ = say(office, number, f"{ACTIVE} --dry-run")
    plan = forged(office, asked)
    office.policy(f"models: {{other: {{{own}}}}}\n" if "keys" not in general else "{}\n")
    assert office.ask(number, f"{ACTIVE} --dry-run").outputs["decision"] == "planned"
    office.policy(f"{general}\nmodels: {{regime_*: {{{own}}}}}\n")
    assert office.ask(number, ACTIVE).outputs["reason_code"] == "rules"
    assert says in unescape(said(office, number))
    push(office, number, plan)
    refused(office, number, says)


def test_a_freeze_of_this_model_stops_it_alone_and_the_policys_line_is_named(office: Office) -> None:
    office.policy(FROZEN)
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["reason_code"] == "rules"
    assert "ACTIVE is frozen until" in said(office, number)
    office.ask(number, "/why")
    assert "`models.regime_*.freezes: [" in said(office, number)
    office.policy(FROZEN.replace("regime_*", "other"))
    assert office.ask(office.pull("later"), "/promote active").outputs["decision"] == "promoted"


def test_a_promotion_outside_the_windows_is_refused_at_the_door_and_by_the_gate(office: Office) -> None:
    number = office.pull()
    asked, _ = say(office, number, "/promote active --dry-run")
    plan = forged(office, asked)
    tomorrow = (office.now + timedelta(days=2)).strftime("%a").lower()
    office.policy(f"windows: [{{days: [{tomorrow}], hours: 10:00-11:00}}]\n")
    assert office.ask(number, ACTIVE).outputs["reason_code"] == "rules"
    assert "ACTIVE takes promotions only" in said(office, number)
    push(office, number, plan)
    refused(office, number, "ACTIVE takes promotions only")
    assert office.ask(office.pull("lower"), "/promote staging").outputs["decision"] == "promoted"


def test_this_model_needs_a_head_to_be_named_and_approvals_of_its_own(office: Office) -> None:
    office.policy("models: {regime_*: {require_sha: true, separation: {approvals: 1}}}\n")
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["reason_code"] == "sha_required"
    assert office.ask(number, f"/promote active --sha {office.head(number)}").outputs["decision"] == "promoted"
    assert office.checks(office.head(number))[-1] == "pending"
    assert "waits for 1 more approval" in office.comment(number)


def test_who_is_named_may_promote_by_every_door_but_not_weaken_the_policy(office: Office) -> None:
    office.policy("stages: {active: {people: [carol]}}\n")
    number = office.pull()
    assert office.ask(number, ACTIVE, author="carol").outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"
    office.push(
        "carol", "weaker", {".github/promotion.yml": "stages: {active: {people: [carol, mallory]}}\n"}, "chore: x"
    )
    other = office.repository.open_pull(author="carol", head="weaker", title="Policy").number
    office.gate(other, "opened")
    refused(office, other, "carol has write permission; weakening the policy or promoting to ACTIVE needs maintain")


def test_why_says_who_may_ask_for_the_model_that_the_last_request_meant(office: Office) -> None:
    office.policy(ADMIN)
    number = office.pull()
    office.ask(number, "/promote active")
    office.ask(number, "/why")
    assert said(office, number).count(NEEDS_ADMIN) == 3


def test_whoever_may_change_one_model_alone_may_not_weaken_the_policy(office: Office) -> None:
    office.policy(ADMIN)
    office.push("alice", "weaker", {".github/promotion.yml": OPEN}, "chore: Policy")
    number = office.repository.open_pull(author="alice", head="weaker", title="Policy").number
    assert office.gate(number, "opened").outputs["decision"] == "refused"
