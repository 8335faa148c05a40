"""The rules and the decision: every refusal by its rule id, and what no sequence of legal promotions breaks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.manifest import Manifest
from promotebot.errors import InvalidInput
from promotebot.findings import error, errors_in, warning, warnings_in
from promotebot.promotion.history import check_entry
from promotebot.promotion.plan import Decision, Plan, Rejected, Unchanged, plan
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.reconstruct import request_of
from promotebot.promotion.replay import Diverged, Replayed, Step, replay
from promotebot.promotion.request import Actor, Request
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName
from promotebot.text import short_digest

NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
MODEL = ModelName("regime_classifier")
SHA = GitSha("5" * 40)
EMPTY = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}))


def evidence(name: str = "v1", seed: str = "1", **manifest: Any) -> Evidence:
    document = {
        "schema_version": "v1.1",
        "model_file": "m.onnx",
        "sha256": {"m.onnx": seed * 64},
        "created_at": "2026-01-01T00:00:00Z",
    }
    parsed = Manifest.model_validate({**document, **manifest})
    return Evidence(ArtifactPath(f"ml/artifacts/{name}"), "commit", parsed, parsed.digest)


def asked(stage: Stage, proof: Evidence, **changes: Any) -> Request:
    values: dict[str, Any] = {
        "model": MODEL,
        "stage": stage,
        "artifact_dir": proof.artifact_dir,
        "artifact_id": f"{proof.artifact_dir[13:]}_{stage.value}",
        "actor": Actor("alice", Source.CLI),
        "dataset_id": "d1",
        "git_sha": SHA,
        "reason": "because",
        "new_model": True,
    }
    return Request(**{**values, **changes})


def decide(
    registry: ModelRegistry,
    request: Request,
    proof: Evidence,
    *,
    now: datetime = NOW,
    base: ModelRegistry | None = None,
    policy: Policy | None = None,
    facts: Facts | None = None,
) -> Decision:
    return plan(
        registry,
        request,
        proof,
        policy or Policy(),
        now,
        base=base or registry,
        facts=facts or Facts(commit_reachable=True),
        commit=None,
    )


def after(registry: ModelRegistry, stage: Stage, proof: Evidence, now: datetime = NOW, **changes: Any) -> ModelRegistry:
    decision = decide(registry, asked(stage, proof, **changes), proof, now=now)
    assert isinstance(decision, Plan), decision
    return decision.after


def refused_by(decision: Decision) -> set[str]:
    assert isinstance(decision, Rejected), decision
    assert all(finding.remedy for finding in errors_in(decision.findings))
    return {finding.rule for finding in errors_in(decision.findings)}


V1, V2, V3 = evidence(), evidence("v2", "2"), evidence("v3", "3")
SHADOWED = after(EMPTY, Stage.SHADOW, V1)
LIVE = after(SHADOWED, Stage.ACTIVE, V1)


def test_a_first_promotion_adds_the_model_and_seals_its_event() -> None:
    entry = SHADOWED.entries[MODEL]
    assert entry.shadow is not None
    assert entry.history_digest is not None
    assert entry.history[0].pointer == entry.shadow
    assert (entry.history[0].from_stage, entry.history[0].previous) == (None, None)


def test_the_stage_it_came_from_is_the_highest_lower_one_with_these_bytes() -> None:
    assert LIVE.history[MODEL][0].from_stage is Stage.SHADOW
    staged = after(SHADOWED, Stage.STAGING, V1)
    assert after(staged, Stage.ACTIVE, V1).history[MODEL][0].from_stage is Stage.STAGING


def test_promotion_clears_no_other_stage() -> None:
    assert LIVE.get_stage_pointer(MODEL, "shadow") == SHADOWED.get_stage_pointer(MODEL, "shadow")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"git_sha": None}, "active.git_sha"),
        ({"dataset_id": None}, "active.dataset_id"),
        ({"actor": Actor(" ", Source.CLI)}, "request.actor"),
        ({"model": ModelName("other")}, "request.model"),
    ],
)
def test_active_needs_what_the_runbook_asks_for(changes: dict[str, Any], rule: str) -> None:
    assert rule in refused_by(decide(SHADOWED, asked(Stage.ACTIVE, V1, **changes), V1))


def test_all_findings_are_reported_at_once() -> None:
    request = asked(Stage.ACTIVE, V2, git_sha=None, dataset_id=None)
    assert refused_by(decide(SHADOWED, request, V2)) == {"active.git_sha", "active.dataset_id", "active.prior_stage"}


@pytest.mark.parametrize(("field", "value"), [("git_sha", "6" * 40), ("dataset_id", "d2")])
def test_what_the_manifest_says_must_agree(field: str, value: str) -> None:
    proof = evidence(**{field: value})
    assert f"manifest.{field}" in refused_by(decide(SHADOWED, asked(Stage.ACTIVE, proof), proof))


@pytest.mark.parametrize("reachable", [False, None])
def test_a_training_commit_must_be_known_to_be_in_the_history(reachable: bool | None) -> None:
    facts = Facts(commit_reachable=reachable)
    request = asked(Stage.ACTIVE, V1, git_sha=GitSha("6" * 40))
    assert "git_sha.ancestor" in refused_by(decide(SHADOWED, request, V1, facts=facts))
    # What was recorded for other bytes says nothing about these.
    other = after(SHADOWED, Stage.SHADOW, V2)
    assert "git_sha.ancestor" in refused_by(decide(other, asked(Stage.ACTIVE, V3), V3, facts=facts))


@pytest.mark.parametrize("reachable", [False, None])
def test_a_commit_that_was_squashed_away_is_known_by_its_pull_request_or_by_the_history(reachable: bool | None) -> None:
    request = asked(Stage.ACTIVE, V1, git_sha=GitSha("6" * 40))
    merged = decide(SHADOWED, request, V1, facts=Facts(commit_reachable=reachable, merged_in=7))
    assert isinstance(merged, Plan)
    told = [finding.message for finding in merged.findings if finding.rule == "git_sha.ancestor"]
    assert told == ["666666666666 is a commit of #7, which was merged into the base"]


def test_a_commit_that_history_recorded_for_these_bytes_is_known_where_the_history_is_whole() -> None:
    gone = Facts(commit_reachable=False)
    recorded = decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, facts=gone)
    assert isinstance(recorded, Plan)
    [told_so] = [finding.message for finding in warnings_in(recorded.findings) if finding.rule == "git_sha.ancestor"]
    assert told_so.endswith("but it was recorded before, with v1_shadow.")
    shallow = decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, facts=Facts(commit_reachable=None))
    assert refused_by(shallow) == {"git_sha.ancestor"}
    elsewhere = decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, base=EMPTY, policy=LAX, facts=gone)
    assert refused_by(elsewhere) == {"git_sha.ancestor"}  # an event of this pull request vouches for nothing


def test_a_prior_stage_counts_only_in_the_base() -> None:
    assert refused_by(decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, base=EMPTY)) == {"active.prior_stage"}
    assert isinstance(decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, base=EMPTY, policy=LAX), Plan)


def test_bytes_nobody_could_prove_have_no_prior_stage() -> None:
    unproven = replace(V1, digest=None, findings=(error("artifact.digest", "differs", remedy="restore"),))
    assert "active.prior_stage" in refused_by(decide(SHADOWED, asked(Stage.ACTIVE, V1), unproven))


def test_soak_warns_by_default_and_refuses_when_required() -> None:
    early = decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, now=NOW + timedelta(days=1))
    assert [finding.rule for finding in warnings_in(early.findings)] == ["soak.shadow"]
    merged = Facts(commit_reachable=True, merged_at={SHADOWED.history[MODEL][0]: NOW})
    request = asked(Stage.ACTIVE, V1)
    assert refused_by(decide(SHADOWED, request, V1, policy=STRICT, facts=merged)) == {"soak.shadow"}
    late = decide(SHADOWED, request, V1, now=NOW + timedelta(days=7), policy=STRICT, facts=merged)
    assert isinstance(late, Plan)


STRICT = parse_policy(b"stages: {shadow: {soak: {minimum: 7d, required: true}}}")


@pytest.mark.parametrize("source", Source)
def test_an_event_dated_300_days_back_does_not_satisfy_a_required_soak(source: Source) -> None:
    request = asked(Stage.ACTIVE, V1, actor=Actor("alice", source))
    late = NOW + timedelta(days=300)
    refused = decide(SHADOWED, request, V1, now=late, policy=STRICT)
    assert refused_by(refused) == {"soak.shadow"}
    assert "how long it was there is unknown" in errors_in(refused.findings)[0].message
    recommended = decide(SHADOWED, request, V1, now=late)
    assert isinstance(recommended, Plan)
    [told] = [finding.message for finding in recommended.findings if finding.rule == "soak.shadow"]
    assert told.endswith("(by the event's own, self-asserted time)")
    merged = Facts(commit_reachable=True, merged_at={SHADOWED.history[MODEL][0]: late - timedelta(days=6)})
    assert refused_by(decide(SHADOWED, request, V1, now=late, policy=STRICT, facts=merged)) == {"soak.shadow"}


LAX = parse_policy(b"stages: {active: {require_prior_stage: false}}")
TERMINAL_ACTIVE = [b"terminal: [shadow, staging]", b"require_sha: true", b"separation: {approvals: 1}"]


@pytest.mark.parametrize("text", TERMINAL_ACTIVE)
@pytest.mark.parametrize("action", [Action.PROMOTE, Action.ROLLBACK, Action.DEMOTE])
def test_a_stage_that_is_closed_to_the_terminal_is_changed_on_github_only(text: bytes, action: Action) -> None:
    registry = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    request = asked(Stage.ACTIVE, V1, action=action)
    refused = decide(registry, request, V1, policy=parse_policy(text))
    assert refused_by(refused) == {"request.terminal"}
    verb = {"promote": "/promote active", "rollback": "/rollback regime", "demote": "/demote regime"}[action.value]
    assert f"comment on the pull request: {verb}" in errors_in(refused.findings)[0].remedy
    on_github = replace(request, actor=Actor("alice", Source.GITHUB))
    assert isinstance(decide(registry, on_github, V1, policy=parse_policy(text)), Plan)


@pytest.mark.parametrize("text", TERMINAL_ACTIVE)
def test_the_other_stages_stay_open_to_the_terminal(text: bytes) -> None:
    assert isinstance(decide(LIVE, asked(Stage.STAGING, V1), V1, policy=parse_policy(text)), Plan)
    cleared = asked(Stage.SHADOW, V1, action=Action.DEMOTE)
    assert isinstance(decide(LIVE, cleared, V1, policy=parse_policy(text)), Plan)


CONFIRMED = parse_policy(b"stages: {active: {confirm: 10m}}")


def test_a_promotion_to_active_is_confirmed_where_the_policy_asks_and_on_github_alone() -> None:
    request = asked(Stage.ACTIVE, V1, confirmed=True)
    refused = decide(SHADOWED, request, V1, policy=CONFIRMED)
    assert refused_by(refused) == {"request.confirmed"}
    assert "confirm it: /promote active" in errors_in(refused.findings)[0].remedy
    on_github = replace(request, actor=Actor("alice", Source.GITHUB))
    plan = decide(SHADOWED, on_github, V1, policy=CONFIRMED)
    assert isinstance(plan, Plan)
    assert plan.event.confirmed is True
    assert refused_by(decide(SHADOWED, replace(on_github, confirmed=False), V1, policy=CONFIRMED)) == {
        "request.confirmed"
    }
    unasked = decide(SHADOWED, on_github, V1)
    assert isinstance(unasked, Plan)
    assert unasked.event.confirmed is None


@pytest.mark.parametrize("action", [Action.ROLLBACK, Action.DEMOTE])
def test_what_goes_back_or_out_is_confirmed_by_nobody(action: Action) -> None:
    registry = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    plan = decide(registry, asked(Stage.ACTIVE, V1, action=action), V1, policy=CONFIRMED)
    assert isinstance(plan, Plan)
    assert plan.event.confirmed is None


def test_a_reason_is_warned_of_or_required_by_policy() -> None:
    silent = asked(Stage.ACTIVE, V1, reason=None)
    assert "request.reason" in {f.rule for f in warnings_in(decide(SHADOWED, silent, V1).findings)}
    policy = parse_policy(b"require_reason: true")
    assert refused_by(decide(SHADOWED, silent, V1, policy=policy)) == {"request.reason"}
    from_title = asked(Stage.ACTIVE, V1, origins={"reason": "pull request title"})
    assert refused_by(decide(SHADOWED, from_title, V1, policy=policy)) == {"request.reason"}


def test_bytes_that_were_active_before_are_a_rollback_and_need_a_reason() -> None:
    moved_on = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    back = decide(moved_on, asked(Stage.ACTIVE, V1), V1)
    assert isinstance(back, Plan)
    assert back.action is Action.ROLLBACK
    assert refused_by(decide(moved_on, asked(Stage.ACTIVE, V1, reason=None), V1)) == {"request.reason"}


def test_the_same_again_is_unchanged_and_a_new_id_is_not() -> None:
    assert isinstance(decide(LIVE, asked(Stage.ACTIVE, V1), V1), Unchanged)
    renamed = decide(LIVE, asked(Stage.ACTIVE, V1, artifact_id="v1_final"), V1)
    assert isinstance(renamed, Plan)
    assert renamed.action is Action.PROMOTE


def test_the_same_bytes_with_another_manifest_are_not_the_same_again() -> None:
    assert isinstance(decide(SHADOWED, asked(Stage.SHADOW, V1), V1), Unchanged)
    rewritten = evidence(threshold=0.9)
    assert rewritten.digest == V1.digest
    decision = decide(SHADOWED, asked(Stage.SHADOW, rewritten), rewritten)
    assert isinstance(decision, Plan)
    assert decision.pointer.manifest_digest == rewritten.manifest_digest != V1.manifest_digest


def test_a_pointer_that_pins_no_manifest_gets_one_by_asking_again() -> None:
    document = copy.deepcopy(SHADOWED.document)
    entry = document["models"][MODEL]
    for pointer in (entry["shadow"], entry["history"][0]["pointer"]):
        del pointer["manifest_digest"]
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    older = ModelRegistry.parse(stored_json(document))
    decision = decide(older, asked(Stage.SHADOW, V1), V1)
    assert isinstance(decision, Plan)
    assert decision.pointer.manifest_digest == V1.manifest_digest


TUNED = evidence("v1_tuned", "1", threshold=0.9)
"""The bytes of V1 under another manifest."""


def without_manifests(registry: ModelRegistry) -> ModelRegistry:
    """The registry as a tool wrote it whose pointers pinned the bytes alone."""
    document = copy.deepcopy(registry.document)
    entry = document["models"][MODEL]
    pointers = [entry[stage.value] for stage in Stage] + [event["pointer"] for event in entry["history"]]
    for pointer in filter(None, pointers):
        pointer.pop("manifest_digest", None)
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    return ModelRegistry.parse(stored_json(document))


def test_the_same_bytes_under_another_manifest_were_in_no_stage_before() -> None:
    assert TUNED.digest == V1.digest
    refused = decide(SHADOWED, asked(Stage.ACTIVE, TUNED), TUNED)
    assert refused_by(refused) == {"active.prior_stage"}
    assert f"with this manifest ({short_digest(TUNED.manifest_digest)})" in errors_in(refused.findings)[0].message
    assert isinstance(decide(without_manifests(SHADOWED), asked(Stage.ACTIVE, TUNED), TUNED), Plan)


def test_another_manifest_soaks_from_its_own_promotion_and_comes_from_its_own_stage() -> None:
    tuned = after(SHADOWED, Stage.SHADOW, TUNED, now=NOW + timedelta(days=6))
    newest, oldest = tuned.history[MODEL]
    late = NOW + timedelta(days=7)
    merged = Facts(commit_reachable=True, merged_at={oldest: NOW, newest: NOW + timedelta(days=6)})
    refused = decide(tuned, asked(Stage.ACTIVE, TUNED), TUNED, now=late, policy=STRICT, facts=merged)
    assert refused_by(refused) == {"soak.shadow"}
    first = decide(tuned, asked(Stage.ACTIVE, V1), V1, now=late, policy=STRICT, facts=merged)
    assert isinstance(first, Plan)
    assert first.event.from_stage is None, "shadow holds the other manifest now"
    assert after(tuned, Stage.STAGING, TUNED, now=late).history[MODEL][0].from_stage is Stage.SHADOW


@pytest.mark.parametrize("policy", ["windows: [{hours: 08:59-09:00}]", "windows: [{days: [sun], hours: 00:00-24:00}]"])
def test_outside_its_windows_a_stage_takes_no_promotion_but_a_rollback(policy: str) -> None:
    closed = parse_policy(policy.encode())
    refused = decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, policy=closed)
    assert refused_by(refused) == {"window"}
    assert "It opens next: 2026-02-" in errors_in(refused.findings)[0].message
    assert isinstance(decide(SHADOWED, asked(Stage.STAGING, V1), V1, policy=closed), Plan)
    moved_on = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    back = decide(moved_on, asked(Stage.ACTIVE, V1), V1, policy=closed)
    assert isinstance(back, Plan)
    assert back.action is Action.ROLLBACK
    opened = parse_policy(b"windows: [{hours: 09:00-09:01}]")
    assert isinstance(decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, policy=opened), Plan)


def test_another_manifest_of_bytes_that_were_active_is_no_rollback() -> None:
    moved_on = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    shadowed = after(moved_on, Stage.SHADOW, TUNED)
    frozen = parse_policy(b"freezes: [{start: 2026-02-16T00:00, end: 2026-02-17T00:00, reason: close}]")
    assert refused_by(decide(shadowed, asked(Stage.ACTIVE, TUNED), TUNED, policy=frozen)) == {"freeze"}
    forward = decide(shadowed, asked(Stage.ACTIVE, TUNED), TUNED)
    assert isinstance(forward, Plan)
    assert forward.action is Action.PROMOTE
    back = decide(forward.after, asked(Stage.ACTIVE, V1), V1)
    assert isinstance(back, Plan)
    assert back.action is Action.ROLLBACK, "the manifest that was ACTIVE before is gone back to"
    older = decide(without_manifests(moved_on), asked(Stage.ACTIVE, TUNED), TUNED)
    assert isinstance(older, Plan)
    assert older.action is Action.ROLLBACK, "a pointer that pins no manifest is known by its bytes"


def test_an_event_that_claims_to_go_back_to_another_manifest_is_read_as_a_promotion() -> None:
    moved_on = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    for proof, action in ((TUNED, Action.PROMOTE), (V1, Action.ROLLBACK)):
        claimed = decide(moved_on, asked(Stage.ACTIVE, proof, action=Action.ROLLBACK), proof, policy=LAX)
        assert isinstance(claimed, Plan)
        step = Step(MODEL, claimed.event, moved_on, claimed.digest)
        assert (claimed.action, request_of(step, moved_on.entries[MODEL]).action) == (Action.ROLLBACK, action)


def test_new_bytes_in_a_directory_another_stage_points_to_are_refused() -> None:
    changed = evidence("v1", "9")
    assert refused_by(decide(LIVE, asked(Stage.STAGING, changed), changed)) == {"artifact.pinned"}


def test_another_manifest_in_a_directory_another_stage_points_to_is_refused() -> None:
    changed = evidence("v1", threshold=0.9)
    decision = decide(LIVE, asked(Stage.STAGING, changed), changed)
    assert refused_by(decision) == {"manifest.changed"}
    assert f"another manifest: {short_digest(V1.manifest_digest)}" in str(errors_in(decision.findings))


def test_a_model_is_added_only_in_shadow_and_only_when_meant() -> None:
    assert refused_by(decide(EMPTY, asked(Stage.SHADOW, V1, new_model=False), V1)) == {"request.model"}
    named = evidence(model=MODEL)
    assert isinstance(decide(EMPTY, asked(Stage.SHADOW, named, new_model=False), named), Plan)
    assert "request.model" in refused_by(decide(EMPTY, asked(Stage.STAGING, V1), V1))
    foreign = evidence(model="other")
    assert refused_by(decide(SHADOWED, asked(Stage.SHADOW, foreign), foreign)) == {"request.model"}


def test_a_clock_a_little_behind_uses_the_newest_time_and_far_behind_is_refused() -> None:
    behind = decide(SHADOWED, asked(Stage.STAGING, V1), V1, now=NOW - timedelta(minutes=5))
    assert isinstance(behind, Plan)
    assert behind.event.ts_utc == "2026-02-16T09:00:00Z"
    assert refused_by(decide(SHADOWED, asked(Stage.STAGING, V1), V1, now=NOW - timedelta(minutes=6))) == {
        "history.clock"
    }


def test_an_edited_history_is_not_promoted_on() -> None:
    document = json.loads(LIVE.to_bytes())
    document["models"][MODEL]["history"][1]["reason"] = "another"
    assert "history.chain" in refused_by(
        decide(ModelRegistry.parse(stored_json(document)), asked(Stage.STAGING, V1), V1)
    )


def test_a_registry_of_an_older_tool_is_warned_of_and_sealed() -> None:
    pointer = {"artifact_dir": "ml/artifacts/v1", "artifact_id": "v1_prod"}
    event = {"ts_utc": "2026-01-01T00:00:00Z", "to_stage": "active", "pointer": pointer, "from_stage": None}
    old = ModelRegistry.parse(
        stored_json(
            {"schema_version": "v1", "models": {MODEL: {"active": pointer, "staging": pointer, "history": [event]}}}
        )
    )
    decision = decide(old, asked(Stage.SHADOW, V2), V2)
    assert isinstance(decision, Plan)
    assert {finding.rule for finding in warnings_in(decision.findings)} == {"history.chain", "history.pointer"}
    assert errors_in(check_entry(decision.after, MODEL, NOW)) == []
    assert isinstance(replay(old, decision.after), Replayed)


actions = st.sampled_from([Action.PROMOTE, Action.PROMOTE, Action.PROMOTE, Action.ROLLBACK, Action.DEMOTE])
steps = st.lists(
    st.tuples(st.sampled_from(Stage), st.sampled_from(["1", "1_tuned", "2", "3"]), st.integers(0, 3), actions),
    max_size=8,
)
Move = tuple[Stage, str, int, Action]


def walk(moves: list[Move]) -> list[ModelRegistry]:
    """The registry after every legal step of a sequence, the empty one first."""
    states, now = [EMPTY], NOW
    for stage, seed, days, action in moves:
        now += timedelta(days=days)
        proof = TUNED if seed == "1_tuned" else evidence(f"v{seed}", seed)
        decision = decide(states[-1], asked(stage, proof, action=action), proof, now=now)
        if isinstance(decision, Plan):
            states.append(decision.after)
    return states


@given(steps)
def test_any_sequence_of_legal_requests_keeps_every_invariant(moves: list[Move]) -> None:
    states = walk(moves)
    for state in states:
        late = NOW + timedelta(days=99)
        assert all(not errors_in(check_entry(state, name, late)) for name in state)
        assert ModelRegistry.parse(state.to_bytes()).to_bytes() == state.to_bytes()
    replayed = replay(states[0], states[-1])
    assert isinstance(replayed, Replayed)
    assert len(replayed.steps) == len(states) - 1


@given(steps)
def test_nothing_becomes_active_whose_bytes_and_manifest_were_in_no_stage_before(moves: list[Move]) -> None:
    state = walk(moves)[-1]
    history = state.history.get(MODEL, ())
    for index, event in enumerate(history):
        if event.to_stage is Stage.ACTIVE:
            earlier = [e.pointer for e in history[index + 1 :] if e.to_stage]
            digests = (event.pointer.digest, event.pointer.manifest_digest)
            assert digests in [(pointer.digest, pointer.manifest_digest) for pointer in earlier]


def edits(entry: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every way to damage an entry by hand that the gate must name."""
    damaged: list[tuple[str, dict[str, Any]]] = []
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "event dropped": lambda e: e["history"].pop(),
        "newest dropped": lambda e: e["history"].pop(0),
        "event edited": lambda e: e["history"][-1].update(reason="x"),
        "reordered": lambda e: e["history"].reverse(),
        "pointer swapped": lambda e: e["shadow"].update(artifact_id="x"),
        "digest swapped": lambda e: e["shadow"].update(digest="sha256:" + "0" * 64),
        "pointer cleared": lambda e: e.update(shadow=None),
        "pointer without event": lambda e: e.update(staging=dict(e["shadow"]) if e["staging"] is None else None),
        "key added": lambda e: e.update(maintainer="me"),
        "chain cut": lambda e: e.update(history_digest=None),
        "true for one": lambda e: e["history"][0].update(request=True),
    }
    for name, change in changes.items():
        copied = copy.deepcopy(entry)
        try:
            change(copied)
        except (KeyError, IndexError, AttributeError):
            continue
        if copied != entry:
            damaged.append((name, copied))
    return damaged


@given(steps.filter(lambda moves: bool(moves)))
def test_every_hand_edit_of_a_legal_registry_is_refused_and_named(moves: list[Move]) -> None:
    state = after(walk(moves)[-1], Stage.SHADOW, evidence("v8", "8"), now=NOW + timedelta(days=30))
    document = json.loads(state.to_bytes())
    for name, entry in edits(document["models"][MODEL]):
        try:
            head = ModelRegistry.parse(stored_json({**document, "models": {MODEL: entry}}))
        except Exception as problem:  # noqa: BLE001 - the loader may refuse it first
            assert "ml/registry/models.json" in str(problem), name  # noqa: PT017 - either refusal is right
            continue
        result = replay(state, head)
        assert isinstance(result, Diverged), name
        assert MODEL in result.findings[0].where, name


def test_a_removed_model_and_a_changed_head_are_named() -> None:
    bare = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}))
    result = replay(LIVE, bare)
    assert isinstance(result, Diverged)
    assert "removed" in result.findings[0].message
    team = ModelRegistry({**LIVE.document, "team": "x"})
    result = replay(LIVE, team)
    assert isinstance(result, Diverged)
    assert "$.team" in result.findings[0].message


def test_a_rehashed_history_is_found_by_comparing_with_the_base() -> None:
    document = json.loads(LIVE.to_bytes())
    events = document["models"][MODEL]["history"]
    events[1]["reason"] = "rewritten"
    forged = ModelRegistry({"schema_version": "v1", "models": {}}).with_event(
        MODEL, events[1], events[1]["pointer"], Stage.SHADOW
    )
    forged = forged.with_event(MODEL, events[0], events[0]["pointer"], Stage.ACTIVE)
    assert errors_in(check_entry(forged, MODEL, NOW)) == []
    result = replay(LIVE, forged)
    assert isinstance(result, Diverged)
    assert "history[1] is not the base's history[1]: reason changed." in result.findings[0].message


def test_a_demotion_without_a_reason_is_refused() -> None:
    proof = evidence()
    request = asked(Stage.ACTIVE, proof, action=Action.DEMOTE, reason=None)
    decision = decide(LIVE, request, proof)
    assert isinstance(decision, Rejected)
    assert "A demotion requires --reason." in {finding.message for finding in decision.findings}


def test_a_rollback_takes_a_commit_that_history_names_though_it_was_squashed_away() -> None:
    pointer = LIVE.entries[MODEL].history[0].pointer
    proof = evidence()
    request = asked(Stage.ACTIVE, proof, action=Action.ROLLBACK, git_sha=pointer.git_sha, artifact_id="back")
    decision = decide(LIVE, request, proof, facts=Facts(commit_reachable=False))
    assert not isinstance(decision, Rejected), errors_in(decision.findings)
    assert any("it was recorded before" in finding.message for finding in warnings_in(decision.findings))


def test_an_older_tools_active_is_gone_back_to_with_a_warning() -> None:
    proof = evidence()
    place = {"artifact_dir": proof.artifact_dir, "artifact_id": "old", "git_sha": SHA, "dataset_id": "d1"}
    event = {"ts_utc": "2026-01-01T00:00:00Z", "to_stage": "active", "pointer": place}
    model = {"active": None, "history": [event]}
    old = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {MODEL: model}}))
    decision = decide(old, asked(Stage.ACTIVE, proof, action=Action.ROLLBACK), proof)
    assert any("before digests were recorded" in finding.message for finding in warnings_in(decision.findings))


def test_a_registry_that_does_not_read_back_as_planned_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelRegistry, "reread", lambda _self, _name: LIVE)
    proof = evidence("v2", "2")
    with pytest.raises(InvalidInput, match="did not give what was planned"):
        decide(LIVE, asked(Stage.SHADOW, proof), proof)


def test_a_plan_keeps_what_it_was_made_from() -> None:
    decision = plan(
        LIVE, asked(Stage.SHADOW, V2), V2, Policy(), NOW, base=LIVE, facts=Facts(commit_reachable=True), commit="c" * 40
    )
    assert isinstance(decision, Plan)
    assert decision.before is LIVE
    assert decision.event.registry_git_sha == "c" * 40


@pytest.mark.parametrize("name", [MODEL, ModelName("another")])
def test_a_plan_that_reads_back_otherwise_in_any_part_is_not_written(
    monkeypatch: pytest.MonkeyPatch, name: ModelName
) -> None:
    reread = ModelRegistry.reread

    def otherwise(self: ModelRegistry, model: str) -> ModelRegistry:
        read = reread(self, model)
        return read.with_entry(name, {**read.raw_entry(name), "maintainer": "me"})

    monkeypatch.setattr(ModelRegistry, "reread", otherwise)
    proof = evidence("v2", "2")
    with pytest.raises(
        InvalidInput, match=r"^ml/registry/models\.json: reading the new registry back did not give what was planned"
    ):
        decide(LIVE, asked(Stage.SHADOW, proof), proof)


def test_what_has_no_digest_is_called_unknown() -> None:
    assert (short_digest(None), short_digest(""), short_digest("sha256:" + "1" * 64)) == (
        "unknown bytes",
        "unknown bytes",
        "sha256:11111111…",
    )


def unserved(proof: Evidence) -> Evidence:
    """The same artifact, which a session with default options does not load."""
    return replace(proof, findings=(warning("artifact.serves", "it crashes", where=proof.artifact_dir, remedy="look"),))


@pytest.mark.parametrize("stage", Stage)
def test_what_services_cannot_open_is_refused_for_active_and_a_warning_below(stage: Stage) -> None:
    decision = decide(SHADOWED, asked(stage, V1, artifact_id="again"), unserved(V1))
    if stage is Stage.ACTIVE:
        assert refused_by(decision) == {"artifact.serves"}
    else:
        assert isinstance(decision, Plan | Unchanged)
        assert "artifact.serves" in {finding.rule for finding in warnings_in(decision.findings)}


def test_what_services_ran_before_comes_back_with_a_warning() -> None:
    newer = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    decision = decide(newer, asked(Stage.ACTIVE, V1, action=Action.ROLLBACK), unserved(V1))
    assert isinstance(decision, Plan)
    assert "artifact.serves" in {finding.rule for finding in warnings_in(decision.findings)}
