"""After a rollback a stage takes nothing newer until somebody ends the hold: in any order of events, at every door."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.evidence import Evidence
from promotebot.findings import errors_in, warnings_in
from promotebot.promotion.plan import Decision, Plan, Rejected
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.reconstruct import differences, request_of
from promotebot.promotion.replay import Step
from promotebot.promotion.rules.way_back import stage_is_not_held
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action
from tests.promotion.test_plan import EMPTY, MODEL, NOW, asked, decide, evidence, refused_by
from tests.promotion.test_plan import after as promoted

FREE = parse_policy(b"stages: {active: {require_prior_stage: false, hold_after_rollback: false}}")
HELD = parse_policy(b"stages: {active: {require_prior_stage: false}}")
PROOFS = {letter: evidence(letter, digit) for letter, digit in zip("abcd", "1234", strict=True)}
START = promoted(EMPTY, Stage.SHADOW, evidence("s", "9"))
"""The model, with nothing in ACTIVE yet."""


def decide_move(registry: ModelRegistry, move: str, hours: int, policy: Policy, *, lift: str | None = None) -> Decision:
    """`a` asks to promote a, `<a` to go back to a, `-` to take out what stands there."""
    letter = move.lstrip("<")
    entry = registry.entry(MODEL)
    today = entry.active if entry else None
    action = Action.DEMOTE if move == "-" else Action.ROLLBACK if move.startswith("<") else Action.PROMOTE
    proof = PROOFS["a" if move == "-" else letter]
    changes = {"lift_hold": lift, "artifact_id": f"{letter}_prod"}
    if move == "-" and today:
        proof = Evidence(proof.artifact_dir, "commit")
        changes = {"artifact_dir": today.artifact_dir, "artifact_id": today.artifact_id}
    request = asked(Stage.ACTIVE, proof, action=action, **changes)
    return decide(registry, request, proof, now=NOW + timedelta(hours=hours), policy=policy)


def after(*moves: str, policy: Policy = HELD) -> ModelRegistry:
    """The registry after moves, each of them legal; `^` before one ends the hold."""
    registry = START
    for hours, move in enumerate(moves):
        lift = "fixed" if move.startswith("^") else None
        decision = decide_move(registry, move.lstrip("^"), hours, policy, lift=lift)
        assert isinstance(decision, Plan), decision
        registry = decision.after
    return registry


@pytest.mark.parametrize("moves", ["a b <a", "a b <a -", "a b <a - <a", "a b c <a"])
def test_nothing_newer_goes_up_after_a_rollback(moves: str) -> None:
    registry = after(*moves.split())
    decision = decide_move(registry, "d", 9, HELD)
    assert refused_by(decision) == {"rollback.hold"}
    assert isinstance(decision, Rejected)
    (problem,) = errors_in(decision.findings)
    assert "ACTIVE of regime_classifier is held: rolled back to a_prod by alice on 2026-02-16T" in problem.message
    assert ": because." in problem.message
    assert problem.remedy == "when its cause is fixed: the same command with --lift-hold 'the cause is fixed'"


def test_what_was_rolled_back_from_is_newer_too_whatever_its_promotion_is_recorded_as() -> None:
    registry = after("a", "b", "<a")
    assert refused_by(decide_move(registry, "b", 9, HELD)) == {"rollback.hold"}
    assert refused_by(decide_move(registry, "<b", 9, HELD)) == {"rollback.hold"}
    decision = decide_move(registry, "<b", 9, HELD, lift="false alarm")
    assert isinstance(decision, Plan)
    assert decision.event.lifts_hold == "false alarm"
    told = {finding.rule: finding.message for finding in warnings_in(decision.findings)}
    assert told["rollback.removed"] == "b_prod was rolled back on 2026-02-16T11:00:00Z by alice: because."
    assert "This ends the hold after a rollback: false alarm" in told["rollback.hold"]


def test_going_back_further_and_taking_out_are_never_held_up() -> None:
    for move in ("<a", "-"):
        assert isinstance(decide_move(after("a", "b", "c", "<b"), move, 9, HELD), Plan)
    restored = decide_move(after("a", "b", "-"), "<b", 9, HELD)
    assert isinstance(restored, Plan)
    assert "b_prod was removed from ACTIVE on" in " ".join(f.message for f in warnings_in(restored.findings))


def test_what_an_older_tool_wrote_without_a_digest_is_known_by_its_directory() -> None:
    written = json.loads(after("a", "b", "<a").to_bytes())
    model = written["models"][MODEL]
    del model["history_digest"]
    for event in model["history"]:
        del event["previous"], event["policy_digest"]
    for pointer in (model["shadow"], model["active"], *(event["pointer"] for event in model["history"])):
        del pointer["digest"], pointer["manifest_digest"]
    registry = ModelRegistry.parse(stored_json(written))
    assert refused_by(decide_move(registry, "b", 9, HELD)) == {"rollback.hold"}
    back = decide_move(registry, "<b", 9, HELD, lift="false alarm")
    assert isinstance(back, Plan)
    assert "rollback.removed" in {finding.rule for finding in warnings_in(back.findings)}


def test_a_lifted_hold_is_over_and_the_key_is_written_only_where_it_ends_one() -> None:
    registry = after("a", "b", "<a", "^c")
    assert registry.raw_history(MODEL)[0]["lifts_hold"] == "fixed"
    plain = decide_move(registry, "d", 9, HELD, lift="nothing to end")
    assert isinstance(plain, Plan)
    assert "lifts_hold" not in plain.after.raw_history(MODEL)[0]


def test_a_policy_may_leave_the_hold_out_and_other_stages_have_none_unless_it_says_so() -> None:
    assert isinstance(decide_move(after("a", "b", "<a"), "c", 9, FREE), Plan)
    assert [Policy().stages.holds_after_rollback(stage) for stage in Stage] == [False, False, True]
    assert parse_policy(b"stages: {shadow: {hold_after_rollback: true}}").stages.holds_after_rollback(Stage.SHADOW)


@dataclass
class Oracle:
    """What a person would say of ACTIVE, kept by hand beside the rules."""

    ever: list[str] = field(default_factory=list)
    today: str | None = None
    held_at: str | None = None
    bad: dict[str, int] = field(default_factory=dict)
    """What was rolled back from and not put back since → the number of that rollback."""
    count: int = 0

    def allows(self, letter: str) -> bool:
        """Whether an artifact may go up without a word of anybody's."""
        known = letter in self.ever and letter not in self.bad
        return self.held_at is None or known or letter in (self.held_at, self.today)

    def see(self, move: str, *, lifted: bool) -> None:
        """Take note of an event that was written."""
        self.count += 1
        if move == "-":
            self.today = None
            return
        letter = move.lstrip("<")
        goes_back = move.startswith("<") or (letter in self.ever and letter != self.today)
        undoes = self.bad.pop(letter, None) == self.count - 1
        if goes_back and self.today not in (None, letter) and not undoes:
            self.bad[str(self.today)] = self.count
        if lifted or letter != self.held_at:
            self.held_at = None
        self.held_at = letter if goes_back and not lifted else self.held_at
        self.today = letter
        self.ever.append(letter)


MOVES = st.sampled_from([*PROOFS, *(f"<{letter}" for letter in PROOFS), "-"])


@given(st.lists(st.tuples(MOVES, st.booleans()), max_size=12))
def test_in_any_order_nothing_newer_goes_into_a_held_stage_without_a_word_and_the_gate_says_the_same(
    moves: list[tuple[str, bool]],
) -> None:
    registry, oracle = START, Oracle()
    for hours, (move, lifts) in enumerate(moves):
        if move.startswith("<") and move[1:] not in oracle.ever:
            continue  # nothing prepares a rollback to what never stood there
        lift = "fixed" if lifts and move != "-" else None
        decision = decide_move(registry, move, hours, HELD, lift=lift)
        if isinstance(decision, Rejected):
            assert_refused_everywhere(registry, move, hours, decision, oracle)
        if not isinstance(decision, Plan):
            continue
        lifted = decision.event.lifts_hold is not None
        letter = move.lstrip("<")
        assert move == "-" or oracle.allows(letter) is not lifted, (move, oracle)
        assert_gate_agrees(decision, hours)
        oracle.see(move, lifted=lifted)
        registry = decision.after


def assert_refused_everywhere(
    registry: ModelRegistry, move: str, hours: int, decision: Rejected, oracle: Oracle
) -> None:
    """What is refused at the door for the hold alone is refused as an event that somebody wrote by hand."""
    rules = {finding.rule for finding in errors_in(decision.findings)}
    if rules != {"rollback.hold"}:
        assert rules <= {"demote.stage", "request.model"}, rules
        return
    assert not oracle.allows(move.lstrip("<"))
    forged = decide_move(registry, move, hours, FREE)
    assert isinstance(forged, Plan)
    again = judged_again(forged, hours)
    assert isinstance(again, Rejected)
    assert {finding.rule for finding in errors_in(again.findings)} == {"rollback.hold"}


def assert_gate_agrees(decision: Plan, hours: int) -> None:
    again = judged_again(decision, hours)
    assert isinstance(again, Plan), again
    assert differences(decision.event, again.event) == []
    # Whoever leaves out of the event why the hold ended, or writes what nothing asked for, changes the event.
    if decision.event.lifts_hold:
        silent = replace(request_of(step_of(decision), decision.before.entry(MODEL)), lift_hold=None)
        proof = PROOFS[silent.artifact_dir[-1]]
        refused = decide(decision.before, silent, proof, now=NOW + timedelta(hours=hours), policy=HELD)
        assert refused_by(refused) == {"rollback.hold"}


def step_of(decision: Plan) -> Step:
    return Step(MODEL, decision.event, decision.before, decision.digest)


def judged_again(decision: Plan, hours: int) -> Decision:
    """What the gate makes of an event: back to its request, and planned on what stood before."""
    request = request_of(step_of(decision), decision.before.entry(MODEL))
    proof = PROOFS[request.artifact_dir[-1]]
    proof = Evidence(proof.artifact_dir, "commit") if request.action is Action.DEMOTE else proof
    return decide(decision.before, request, proof, now=NOW + timedelta(hours=hours), policy=HELD)


def test_the_rule_is_one_of_those_that_every_door_applies() -> None:
    from promotebot.promotion.rules.catalogue import DEMOTION_RULES, RULES

    assert stage_is_not_held in RULES
    assert stage_is_not_held not in DEMOTION_RULES
