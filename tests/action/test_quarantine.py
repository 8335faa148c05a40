"""Quarantine on GitHub: refused in comments, skipped by rollbacks, reported at night, lifted by two people."""

from __future__ import annotations

import json

from tests.action.test_cards import MODEL, card
from tests.gate.attacks import state
from tests.office import Office

FREE = "stages: {active: {require_prior_stage: false}}\n"


def digest_of(office: Office, version: str) -> str:
    manifest = office.repository.git.run("show", f"main:ml/artifacts/{version}/manifest.json")
    return f"sha256:{json.loads(manifest)['sha256']['model.onnx']}"


def held(office: Office, version: str) -> str:
    return f"{FREE}quarantine: [{{digest: '{digest_of(office, version)}', reason: wrong labels}}]\n"


def test_a_promotion_is_refused_with_the_reason(office: Office) -> None:
    office.policy(held(office, "regime_v2"))
    job = office.ask(office.pull(), "/promote active")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "rules")
    assert "is in quarantine: wrong labels" in job.summary.replace("&#58;", ":")


def test_what_was_promoted_before_turns_red(office: Office) -> None:
    office.policy(FREE)
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    office.policy(held(office, "regime_v2"))
    assert "is in quarantine: wrong labels" in office.gate(number).summary.replace("&#58;", ":")
    assert state(office, office.head(number)) == "failure"


def test_a_rollback_goes_past_it_or_says_that_it_cannot(office: Office) -> None:
    office.policy(FREE)
    number = office.pull()
    assert office.ask(number, "/promote active --artifact-id regime_v2_prod").succeeded
    office.repository.merge(number, by="bob")
    office.policy(held(office, "regime_v1"))
    back = office.pull("back")
    for command in (f"/rollback {MODEL} --reason x", f"/rollback {MODEL} --to regime_v1_prod --reason x"):
        job = office.ask(back, command)
        assert job.outputs["decision"] == "refused"
        assert "it is in quarantine: wrong labels" in job.summary.replace("&#58;", ":")


def test_the_nightly_verification_reports_what_is_active_and_in_quarantine(office: Office) -> None:
    office.policy(held(office, "regime_v1"))
    payload = office.repository.schedule_event(".github/workflows/verify.yml", "17 3 * * *")
    job = office.event("schedule", payload, PROMOTEBOT_COMMAND="verify")
    assert job.exit_code == 1
    assert "which is in quarantine: wrong labels" in job.summary.replace("&#58;", ":")


def test_two_other_people_have_to_approve_that_it_is_lifted(office: Office) -> None:
    office.policy(held(office, "regime_v2"))
    number = office.pull("lift", {".github/promotion.yml": FREE})
    office.repository.review(number, by="bob")
    assert "waits for 1 more approval" in office.gate(number).summary.replace("&#58;", ":")
    assert state(office, office.head(number)) == "pending"
    office.repository.review(number, by="carol")
    office.gate(number)
    verdict = [one for one in office.repository.statuses if one.context == "promotebot/gate"][-1]
    assert "approval" not in (verdict.description or "")


def test_what_is_put_into_it_waits_for_nobody(office: Office) -> None:
    office.policy(FREE)
    number = office.pull("reject", {".github/promotion.yml": held(office, "regime_v2")})
    office.gate(number)
    assert state(office, office.head(number)) == "success"


def test_the_card_offers_no_way_back_to_it(office: Office) -> None:
    office.policy(held(office, "regime_v1"))
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert "**No way back:** `regime_v1_prod` is in quarantine" in card(office, number)
