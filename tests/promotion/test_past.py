"""The past under another policy: what it would have refused is what its rules would have said then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.findings import errors_in
from promotebot.promotion.past import closed_at, compare_past
from promotebot.promotion.plan import Rejected, plan
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.replay import Step
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.chain import event_digest
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Source
from promotebot.registry.names import to_datetime
from tests.gate.sequences import LAX, LEGACY, MODEL, MOVES, OLD, SHA, START, Desk, Move, examine

STRICT = (
    b"stages:\n  shadow: {soak: {minimum: 3d, required: true}}\n  staging: {soak: {minimum: 1d, required: true}}\n"
    b"terminal: [shadow]\nrequire_reason: true\n"
)
POLICIES = [
    LAX,
    Policy(),
    parse_policy(STRICT),
    parse_policy(
        b"freezes: [{start: 2026-02-05T00:00, end: 2026-02-12T00:00, reason: audit, stages: [staging, active]}]"
    ),
    parse_policy(b"windows: [{days: [mon, fri], hours: 00:00-12:00, stages: [shadow, active]}]"),
    parse_policy(
        b"require_sha: true\nstages: {shadow: {hold_after_rollback: true}, active: {hold_after_rollback: false}}"
    ),
]
COMPARED = {
    *("request.terminal", "request.reason", "active.prior_stage"),
    *("soak.shadow", "soak.staging", "freeze", "window", "rollback.hold"),
}


def empty() -> ModelRegistry:
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}))


def refusal(desk: Desk, policy: Policy, move: Move) -> list[str] | None:
    """What another policy's rules say of a move that the desk then makes; None where it makes none."""
    before, request = desk.registry, replace(desk)._request(move)
    if not desk.make(move):
        return None
    assert request is not None
    entry = before.entry(move.model)
    merged = {event: to_datetime(event.ts_utc) for event in entry.history} if entry else {}
    facts, proof = Facts(commit_reachable=True, merged_at=merged), examine(None, request.artifact_dir, policy.limits)  # type: ignore[arg-type]
    decided = plan(before, request, proof, policy, desk.now, base=before, facts=facts, commit=SHA)
    found = errors_in(decided.findings) if isinstance(decided, Rejected) else []
    return [finding.message for finding in found if finding.rule in COMPARED]


@given(st.lists(MOVES, max_size=8), st.sampled_from(POLICIES))
def test_what_a_policy_would_have_refused_is_what_its_rules_say_at_that_time(moves: list[Move], policy: Policy) -> None:
    desk = Desk(empty(), LAX, START)
    said: dict[str, list[list[str]]] = {}
    for move in moves:
        messages = refusal(desk, policy, move)
        if messages is not None:
            said.setdefault(move.model, []).append(messages)
    found: dict[str, list[list[str]]] = {}
    for one in compare_past(policy, desk.registry):
        found.setdefault(one.model, []).append([finding.message for finding in one.refused])
        assert not one.problem
    assert found == said


def made(*moves: Move) -> ModelRegistry:
    desk = Desk(empty(), LAX, START)
    for move in moves:
        desk.must(move)
    return desk.registry


def test_each_key_that_the_history_can_answer_refuses_in_its_own_words() -> None:
    registry = made(
        Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v1", Source.GITHUB),
        Move(MODEL, Action.PROMOTE, Stage.STAGING, "v1", Source.CLI, minutes=60),
        Move(MODEL, Action.PROMOTE, Stage.ACTIVE, "v2", Source.GITHUB),
    )
    found = [[finding.rule for finding in one.refused] for one in compare_past(parse_policy(STRICT), registry)]
    assert found == [[], ["request.terminal", "soak.shadow"], ["active.prior_stage"]]


def test_an_event_that_names_no_stage_is_told_and_is_no_pass() -> None:
    registry = made(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v1"))
    document = ModelRegistry.parse(registry.to_bytes()).document
    document["models"][MODEL]["history"][0]["to_stage"] = None
    found = [*compare_past(Policy(), ModelRegistry.parse(stored_json(document)))]
    assert [(one.refused, one.problem) for one in found] == [((), "it names no stage")]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_pointer_of_an_older_tool_has_no_past(policy: Policy) -> None:
    document = {"schema_version": "v1", "models": {OLD: LEGACY}}
    assert [*compare_past(policy, ModelRegistry.parse(stored_json(document)))] == []


@given(st.lists(MOVES, max_size=8), st.sampled_from(POLICIES))
def test_what_was_merged_in_a_freeze_is_what_its_rules_say_at_the_time_of_the_merge(
    moves: list[Move], policy: Policy
) -> None:
    desk = Desk(empty(), LAX, START)
    for move in moves:
        before = desk.registry
        refused = refusal(desk, policy, move)
        if refused is None:
            continue
        stored = desk.registry.raw_history(move.model)[0]
        event = desk.registry.history[move.model][0]
        found = closed_at(policy, Step(move.model, event, before, event_digest(stored)), desk.now)
        assert [one.message for one in found] == [
            said for said in refused if "is frozen until" in said or "takes promotions only" in said
        ]


def test_an_exception_has_to_hold_at_the_merge_too() -> None:
    desk = Desk(empty(), LAX, START)
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v1", Source.GITHUB))
    before = desk.registry
    desk.must(Move(MODEL, Action.PROMOTE, Stage.ACTIVE, "v1", Source.GITHUB))
    stored = desk.registry.raw_history(MODEL)[0]
    event = desk.registry.history[MODEL][0].model_copy(update={"override": "freeze: the fix for incident 7"})
    step = Step(MODEL, event, before, event_digest(stored))
    policy = parse_policy(
        b"freezes: [{start: 2026-01-01T00:00, end: 2027-01-01T00:00, reason: audit}]\n"
        b"overrides: [{rule: freeze, people: [alice], start: 2026-02-01T00:00, end: 2026-03-01T00:00}]\n"
    )
    inside, after = (to_datetime(f"2026-0{month}-02T00:00:00Z") for month in (2, 3))
    assert closed_at(policy, step, inside) == []
    assert [one.rule for one in closed_at(policy, step, after)] == ["freeze", "override"]
