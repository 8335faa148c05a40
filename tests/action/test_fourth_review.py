"""What a fourth hostile review found in the cards: what an earlier event left, and words that anybody can write."""

from __future__ import annotations

import json

import pytest

from promotebot.registry.model import Action
from tests.demo.story import REGISTRY
from tests.gate.forgery import forged, push
from tests.office import Office

pytestmark = pytest.mark.thorough


def lines(office: Office, number: int) -> list[str]:
    return office.comment(number).split("\n")


def test_a_promotion_that_is_taken_out_again_by_a_later_event_is_no_promotion_in_the_card(office: Office) -> None:
    """Events made at a terminal stand one upon the other: regime_v2 becomes ACTIVE, and then nothing does."""
    number = office.pull()
    promoted = forged(office, None)
    emptied = forged(office, None, promoted.after, action=Action.DEMOTE, reason="broken")
    push(office, number, emptied, by="alice")
    assert office.gate(number).outputs["decision"] == "passed"
    assert office.pointer(office.head(number), "active") is None
    said = lines(office, number)
    assert said[1] == "### 🛑 `regime_classifier` · ACTIVE is left without a model · ready for review"
    assert "- **Merging** removes **`regime_v1_prod`** from ACTIVE; the stage is then empty." in said
    assert "- `regime_classifier` → ACTIVE: nothing, removes `regime_v2_candidate`" in said
    assert "regime_classifier ACTIVE → nothing, was " in str(vars(office.reports(office.head(number))[-1]))


def test_of_two_promotions_into_one_stage_the_card_tells_the_last_beside_what_the_base_holds(office: Office) -> None:
    number = office.pull()
    first = forged(office, None, artifact_id="first")
    push(office, number, forged(office, None, first.after, artifact_id="second"), by="alice")
    assert office.gate(number).outputs["decision"] == "passed"
    said = lines(office, number)
    assert "- **Merging** makes **`second`** the ACTIVE model in place of `regime_v1_prod`." in said
    assert any(line.startswith("- **ACTIVE today:** `regime_v1_prod`") for line in said)


def test_production_is_not_said_to_stay_where_the_same_pull_request_changes_it(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    assert "Production does not change" in office.comment(number)
    office.ask(number, "/promote active")
    assert "ACTIVE moves from `regime_v1_prod`" in office.comment(number)
    assert not any(words in office.comment(number) for words in ("Production does not change", "ACTIVE stays"))
    assert "ACTIVE stays" not in str(vars(office.reports(office.head(number))[-1]))


def test_nobody_is_said_to_have_withdrawn_what_somebody_else_took_off_the_branch(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, json.dumps(office.registry("main").document, indent=2, ensure_ascii=False) + "\n")
    carol.commit("revert(ml): Withdraw it\n\nPromotebot-Withdrawn: comment:1#1\nRequested-by: alice")
    carol.push()
    office.gate(number)
    assert "no longer promotes" in office.comment(number)
    assert "alice" not in office.comment(number)
    office.ask(number, "/promote active")
    office.ask(number, "/withdraw", author="bob")
    office.gate(number)
    assert "was withdrawn by `bob`" in office.comments(number)[0]
