"""A candidate beside today's ACTIVE through the whole bot: shown, refused by a threshold, and so at every door."""

from __future__ import annotations

import json

import pytest

from tests.demo.story import promote
from tests.gate.forgery import V2
from tests.gate.test_evidence import evidence
from tests.office import Office

pytestmark = pytest.mark.thorough

ASK = "/promote active"


def test_the_card_shows_how_the_outputs_differ_without_any_threshold(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    assert "**Outputs beside those of the current ACTIVE** in `ml/artifacts/regime_v1`, on" in office.comment(number)
    assert "| `regime_probs` | 68.8 % of 16 |" in office.comment(number)


def test_a_model_that_is_too_far_from_active_is_refused_and_the_table_is_shown(office: Office) -> None:
    office.policy("comparison: {agreement: 0.9, max_difference: 0.1}\n")
    number = office.pull()
    assert office.ask(number, ASK).outputs["decision"] == "refused"
    said = office.answer(number)
    assert "68.8 % of the classes of regime_probs are those of ACTIVE; the policy asks for 90 %" in said
    assert "The largest difference to ACTIVE, of regime_probs, is 0.723; the policy allows 0.1" in said
    assert "| `regime_probs` | 68.8 % of 16 |" in said


def test_a_model_that_is_close_enough_is_promoted(office: Office) -> None:
    office.policy("comparison: {agreement: 0.6}\n")
    assert office.ask(office.pull(), ASK).outputs["decision"] == "promoted"


def test_below_active_it_is_shown_and_a_warning_or_refused_where_the_policy_names_the_stage(office: Office) -> None:
    office.policy("comparison: {agreement: 0.9}\n")
    number = office.pull()
    assert office.ask(number, "/promote staging").outputs["decision"] == "promoted"
    assert "| `regime_probs` | 68.8 % of 16 |" in office.comment(number)
    told = "68.8 % of the classes of regime_probs are those of ACTIVE; the policy asks for 90 %"
    assert told in office.comment(number)
    office.policy("comparison: {agreement: 0.9, stages: [staging]}\n")
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "failure"
    other = office.pull("other")
    assert office.ask(other, "/promote staging").outputs["reason_code"] == "rules"
    assert "comparison.agreement" in office.answer(other)
    assert office.ask(other, ASK).outputs["decision"] == "promoted"


def test_after_a_demotion_the_last_one_is_what_the_candidate_is_compared_with_at_door_and_gate(office: Office) -> None:
    out = office.pull("out", {"notes.txt": "out\n"})
    assert office.ask(out, "/demote regime_classifier active --reason gone").outputs["decision"] == "promoted"
    office.merge(out)
    number = office.pull()
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"
    assert "**Outputs beside those of the last ACTIVE (until 20" in office.comment(number)
    assert "| `regime_probs` | 68.8 % of 16 |" in office.comment(number)
    policy = "comparison: {agreement: 0.9}\nevidence: {active: {metrics: {accuracy: {max_drop: 0.01}}}}\n"
    office.policy(policy)
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "failure"
    other = office.pull("other", evidence(office, V2, "0.91"))
    assert office.ask(other, ASK).outputs["decision"] == "refused"
    said = office.answer(other)
    assert "68.8 % of the classes of regime_probs are those of the last ACTIVE; the policy asks for 90 %" in said
    assert "not compared, as there is no evidence of the last ACTIVE" in said


def test_an_event_that_was_made_by_hand_is_judged_by_the_same_rule(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("by-hand")
    stage = ("--model", "regime_classifier", "--stage", "active", "--artifact-dir", "ml/artifacts/regime_v2")
    manifest = json.loads((alice.clone / "ml/artifacts/regime_v2/manifest.json").read_bytes())
    promote(alice, *stage, "--artifact-id", "v2", "--git-sha", manifest["git_sha"])
    alice.push()
    office.policy("comparison: {agreement: 0.9}\n")
    number = office.repository.open_pull(author="alice", head="by-hand", title="By hand").number
    office.gate(number)
    assert office.checks(office.head(number))[-1] == "failure"
    assert "comparison.agreement" in office.comment(number)


def test_the_way_back_is_open_whatever_the_threshold(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, ASK).succeeded
    office.merge(number)
    office.policy("comparison: {agreement: 1, max_difference: 0}\n")
    back = office.pull("back")
    job = office.ask(back, '/rollback regime_classifier --reason "worse"')
    assert job.outputs["decision"] == "promoted", job.log
