"""Who may allow another signature, and make an exception, by team and by CODEOWNERS: in comments, and at the gate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.action.test_signature_rule import ALLOW, ASK, FREE, V3, artifact
from tests.fake_github.people import BOT_PERMISSIONS, Job
from tests.office import Office

pytestmark = pytest.mark.thorough


def said(office: Office, number: int) -> str:
    return office.answer(number).replace("\\", "").replace("\u2060", "")


def ask_with(office: Office, token: str, number: int, line: str, author: str) -> Job:
    comment = office.repository.comment(number, author=author, body=line)
    return office.job(office.repository.issue_comment_event(comment.id), GITHUB_TOKEN=token)


def gate_with(office: Office, token: str, number: int) -> str:
    payload = office.repository.pull_request_event(number, action="edited")
    office.event("pull_request_target", payload, GITHUB_TOKEN=token)
    return office.checks(office.head(number))[-1]


def app_token(office: Office) -> str:
    return office.repository.issue_app_token({**BOT_PERMISSIONS, "members": "read"}, slug="github-actions")


def test_only_who_is_named_allows_another_signature(office: Office) -> None:
    office.policy(f"{FREE}signature_people: [bob]\n")
    number = artifact(office)
    refused = office.ask(number, f"{ASK} {ALLOW}")
    assert refused.outputs["reason_code"] == "rules"
    assert "`signature.people`" in refused.summary
    assert "alice may not allow another signature; the policy allows bob." in said(office, number)
    assert office.ask(number, f"{ASK} {ALLOW}", author="bob").outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"
    office.ask(number, "/why", author="carol")
    assert "signature_people" in "".join(office.comments(number)).replace("\\", "")


def test_a_team_is_asked_for_and_the_gate_asks_again(office: Office) -> None:
    office.policy(f"{FREE}signature_people: ['@acme/serving']\n")
    office.hub.teams["acme/serving"] = {"bob": "active"}
    number, token = artifact(office), app_token(office)
    assert office.ask(number, f"{ASK} {ALLOW}", author="bob").outputs["decision"] == "refused"
    assert "GitHub does not show that bob is in @acme/serving" in said(office, number), "a job's own token sees no team"
    assert ask_with(office, token, number, f"{ASK} {ALLOW}", "alice").outputs["decision"] == "refused"
    assert ask_with(office, token, number, f"{ASK} {ALLOW}", "bob").outputs["decision"] == "promoted"
    assert gate_with(office, token, number) == "success"
    office.hub.teams["acme/serving"] = {}
    assert gate_with(office, token, number) == "failure"


def test_the_owners_of_the_registry_on_the_base_may(office: Office) -> None:
    office.policy(f"{FREE}signature_people: [CODEOWNERS]\n")
    office.push("bob", "main", {".github/CODEOWNERS": "/ml/registry/ @bob\n"}, "chore: Owners")
    number = artifact(office)
    assert office.ask(number, f"{ASK} {ALLOW}").outputs["decision"] == "refused"
    assert office.ask(number, f"{ASK} {ALLOW}", author="bob").outputs["decision"] == "promoted"


def test_a_terminal_allows_nothing_where_the_policy_names_people(office: Office) -> None:
    office.policy(f"{FREE}signature_people: [alice]\n")
    artifact(office)
    alice = office.person("alice")
    alice.git("fetch", "--quiet", "origin")
    alice.git("switch", "--quiet", "--detach", "origin/new")
    words = (
        "promote",
        "--stage",
        "active",
        "--model",
        "regime_classifier",
        "--artifact-dir",
        V3,
        "--artifact-id",
        "regime_v3",
    )
    why = ("--reason", "why", "--allow-signature-change", "the service was changed")
    done = alice.promotebot(*words, *why)
    assert done.returncode == 1
    assert "Another signature is allowed in comments on GitHub only" in done.stdout + done.stderr
    assert alice.git("status", "--porcelain") == ""


FREEZE_LINE = '/promote active --override "freeze: the fix for incident 7"'


def frozen_but_for_a_team(office: Office) -> None:
    """ACTIVE is frozen, and alice's team may make an exception from it."""
    start, end = (f"{office.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 5))
    freeze = f"freezes: [{{start: {start}, end: {end}, reason: year end}}]\n"
    office.policy(f"{freeze}overrides: [{{rule: freeze, people: ['@acme/oncall'], start: {start}, end: {end}}}]\n")
    office.hub.teams["acme/oncall"] = {"alice": "active"}


def test_a_member_of_a_team_makes_an_exception(office: Office) -> None:
    frozen_but_for_a_team(office)
    number, token = office.pull(), app_token(office)
    assert ask_with(office, token, number, FREEZE_LINE, "bob").outputs["decision"] == "refused"
    assert ask_with(office, token, number, FREEZE_LINE, "alice").outputs["decision"] == "promoted"
    assert gate_with(office, token, number) == "success"
    office.merge(number)
    [card] = [one for one in office.comments(number) if one.startswith("<!-- promotebot:regime_classifier")]
    assert "makes an exception from a rule" in card, "the card after the merge has its plan, too"
