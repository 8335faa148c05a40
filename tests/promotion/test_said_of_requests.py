"""What is decided of requests, and inferred for them, word for word: messages are the interface.

A change shows up in `said/*.txt`; APPROVE=1 writes them anew, and the diff is what a reviewer reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from promotebot.artifact.manifest import Manifest
from promotebot.findings import error
from promotebot.promotion.infer import IncompleteRequest, InferenceContext, complete
from promotebot.promotion.plan import Decision, Plan, Rejected, document
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, RequestRef, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName
from tests.approved import approve, finding_text, json_text, set_values

from .test_plan import EMPTY, LIVE, MODEL, NOW, SHA, SHADOWED, V1, V2, after, asked, decide, evidence

REF = RequestRef(repo="acme/models", pull=7, id="comment:1#1", login="alice", head_sha=SHA)
MOVED_ON = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)


def stored(**entry: Any) -> ModelRegistry:
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {MODEL: entry}}))


def decisions() -> Iterator[tuple[str, Decision]]:
    """Every rule, on the side where it passes and where it does not."""
    days, github = timedelta(days=1), Actor("alice", Source.GITHUB)
    active, strict = asked(Stage.ACTIVE, V1), parse_policy(b"stages: {shadow: {soak: {minimum: 36h, required: true}}}")
    foreign, stated = evidence(model="other"), evidence(git_sha="6" * 40, dataset_id="d2")
    agreeing = evidence(git_sha=SHA, dataset_id="d1", model=MODEL, feature_order=("a", "b"))
    staged = after(SHADOWED, Stage.STAGING, V1, now=NOW + days)
    place = {"artifact_dir": V1.artifact_dir, "artifact_id": "old", "git_sha": SHA, "dataset_id": "d1"}
    older = stored(active=place, history=[{"ts_utc": "2026-01-01T00:00:00Z", "to_stage": "active", "pointer": place}])
    unproven = replace(V1, digest=None, findings=(error("artifact.digest", "differs", remedy="restore"),))
    merged = after(EMPTY, Stage.SHADOW, V1, ref=REF)
    back = asked(Stage.ACTIVE, V1, action=Action.ROLLBACK, to="v1_active", actor=github)
    gone = Facts(commit_reachable=False)
    yield "a new model", decide(EMPTY, asked(Stage.SHADOW, V1), V1)
    yield "a new model, asked on GitHub", decide(EMPTY, asked(Stage.SHADOW, V1, ref=REF, actor=github, notes="n"), V1)
    yield "a new model that nobody meant", decide(EMPTY, asked(Stage.SHADOW, V1, new_model=False), V1)
    yield (
        "an unknown model beside others",
        decide(LIVE, asked(Stage.SHADOW, V1, model=ModelName("b"), new_model=False), V1),
    )
    yield "a new model beyond shadow", decide(EMPTY, asked(Stage.STAGING, V1), V1)
    yield "a new model by its manifest", decide(EMPTY, asked(Stage.SHADOW, agreeing, new_model=False), agreeing)
    yield "another model's artifact", decide(SHADOWED, asked(Stage.SHADOW, foreign), foreign)
    yield "nobody asks", decide(SHADOWED, asked(Stage.STAGING, V1, actor=Actor(" ", Source.CLI)), V1)
    yield "active", decide(SHADOWED, active, V1, now=NOW + 8 * days)
    yield (
        "active, everything in the manifest",
        decide(after(EMPTY, Stage.SHADOW, agreeing), asked(Stage.ACTIVE, agreeing), agreeing),
    )
    yield (
        "active without anything",
        decide(EMPTY, asked(Stage.ACTIVE, V2, git_sha=None, dataset_id=None, reason=None), V2),
    )
    yield (
        "active, asked on GitHub without values",
        decide(SHADOWED, asked(Stage.ACTIVE, V2, git_sha=None, dataset_id=None, actor=github), V2),
    )
    yield "the manifest says otherwise", decide(SHADOWED, asked(Stage.ACTIVE, stated), stated)
    stray = replace(active, git_sha=GitSha("6" * 40))
    yield "the commit is not in the history", decide(SHADOWED, stray, V1, facts=gone)
    yield "the commit was squashed away, and recorded before", decide(SHADOWED, active, V1, facts=gone)
    merged_in = replace(gone, merged_in=7)
    yield "the commit was squashed away, and GitHub knows it", decide(SHADOWED, stray, V1, facts=merged_in)
    yield "nobody knows whether it is", decide(SHADOWED, active, V1, facts=Facts())
    yield "never in shadow on the base", decide(SHADOWED, active, V1, base=EMPTY)
    yield "bytes that nobody could prove", decide(SHADOWED, active, unproven)
    yield "too early, recommended", decide(staged, active, V1, now=NOW + 2 * days)
    merge = Facts(commit_reachable=True, merged_at={SHADOWED.history[MODEL][0]: NOW})
    yield "too early, required", decide(SHADOWED, active, V1, now=NOW + days, policy=strict, facts=merge)
    yield "required, and no merge is known", decide(SHADOWED, active, V1, now=NOW + 300 * days, policy=strict)
    on_github = replace(active, actor=github)
    yield "required, and GitHub knows of none", decide(SHADOWED, on_github, V1, now=NOW + 300 * days, policy=strict)
    yield "too early, and nobody says why", decide(SHADOWED, asked(Stage.ACTIVE, V1, reason=None), V1)
    titled = asked(Stage.ACTIVE, V1, origins={"reason": "pull request title"})
    yield "too early, with the title as reason", decide(SHADOWED, titled, V1)
    [event] = merged.history[MODEL]
    facts = Facts(commit_reachable=True, merged_at={event: NOW - 7 * days})
    yield "long enough since the merge", decide(merged, active, V1, facts=facts)
    closed = parse_policy(b"terminal: [shadow]")
    yield "closed to the terminal", decide(SHADOWED, asked(Stage.STAGING, V1), V1, policy=closed)
    yield "a reason is required", decide(SHADOWED, titled, V1, policy=parse_policy(b"require_reason: true"))
    yield "active before", decide(MOVED_ON, active, V1)
    yield "active before, no reason", decide(MOVED_ON, asked(Stage.ACTIVE, V1, reason=None), V1)
    frozen = parse_policy(
        b"freezes: [{start: 2026-02-16T10:00, end: 2026-02-16T11:00, timezone: Europe/Berlin, reason: close}]"
    )
    for minute in (-1, 0, 59, 60):
        moment = NOW + timedelta(minutes=minute)
        yield f"{moment:%H:%M}, frozen at 09:00 UTC", decide(SHADOWED, active, V1, policy=frozen, now=moment)
    yield "frozen, not this stage", decide(SHADOWED, asked(Stage.STAGING, V1), V1, policy=frozen)
    yield "frozen, a rollback", decide(MOVED_ON, back, V1, policy=frozen)
    yield "frozen, ACTIVE again what was ACTIVE", decide(MOVED_ON, active, V1, policy=frozen)
    out = asked(Stage.ACTIVE, V1, action=Action.DEMOTE)
    yield "frozen, a demotion", decide(LIVE, out, V1, policy=frozen)
    yield "a rollback", decide(MOVED_ON, back, V1)
    yield "a rollback whose commit was squashed away", decide(MOVED_ON, back, V1, facts=gone)
    yield "a rollback without a reason", decide(MOVED_ON, replace(back, reason=None), V1)
    yield "a rollback to an older tool's", decide(older, asked(Stage.ACTIVE, V1, action=Action.ROLLBACK), V1)
    yield "bytes that an older tool's ACTIVE may have been", decide(older, active, V1)
    beside = {**place, "artifact_dir": "ml/artifacts/v0"}
    for stage, pointer in (("active", beside), ("shadow", place)):
        past = [{"ts_utc": "2026-01-01T00:00:00Z", "to_stage": stage, "pointer": pointer}]
        again = asked(Stage.ACTIVE, V1, action=Action.ROLLBACK)
        yield f"a rollback to what was {stage} in {pointer['artifact_dir']}", decide(stored(history=past), again, V1)
    silent = parse_policy(b"stages: {shadow: {soak: null}}")
    yield "no soak in shadow, one in staging", decide(staged, active, V1, policy=silent, now=NOW + 2 * days)
    yield "an older tool's registry goes on", decide(older, asked(Stage.SHADOW, V2), V2)
    yield "a demotion", decide(LIVE, asked(Stage.ACTIVE, V1, action=Action.DEMOTE), V1)
    yield "a demotion of nothing", decide(LIVE, asked(Stage.STAGING, V1, action=Action.DEMOTE), V1)
    yield "a demotion without a reason", decide(LIVE, asked(Stage.ACTIVE, V1, action=Action.DEMOTE, reason=None), V1)
    unknown = asked(Stage.ACTIVE, V1, action=Action.DEMOTE, model=ModelName("b"), actor=github)
    yield "a demotion of nobody", decide(LIVE, unknown, V1)
    yield "the same again", decide(LIVE, active, V1)
    yield "the same bytes by another id", decide(LIVE, asked(Stage.ACTIVE, V1, artifact_id="v1_final"), V1)
    changed = evidence("v1", "9")
    yield "other bytes in a promoted directory", decide(LIVE, asked(Stage.STAGING, changed), changed)
    alone = Facts(commit_reachable=True, artifact_changed=False)
    yield "other bytes, only this model looked at", decide(LIVE, asked(Stage.STAGING, changed), changed, facts=alone)
    yield "the clock is a little behind", decide(SHADOWED, asked(Stage.STAGING, V1), V1, now=NOW - timedelta(minutes=5))
    yield "the clock is far behind", decide(SHADOWED, asked(Stage.STAGING, V1), V1, now=NOW - timedelta(minutes=6))


def test_what_is_decided_and_said_of_every_kind_of_request() -> None:
    approve("decisions", ((name, _decided(decision)) for name, decision in decisions()))


def _decided(decision: Decision) -> Iterator[str]:
    yield type(decision).__name__
    yield from (finding_text(finding) for finding in decision.findings)
    if isinstance(decision, Plan):
        event = decision.after.raw_entry(decision.request.model)["history"][0]
        yield json_text(event)
        yield json_text(document(decision, written=True).model_dump(mode="json", exclude={"findings"}))
        yield f"again: {decision.request.line({})}"
    elif not isinstance(decision, Rejected):
        yield json_text(document(decision, written=False).model_dump(mode="json", exclude={"findings"}))
    else:
        yield json_text(document(decision, written=False).model_dump(mode="json", exclude={"findings"}))


POINTER = {"artifact_dir": "ml/a", "artifact_id": "a_id", "dataset_id": "d", "git_sha": "5" * 40}
OTHER = {"artifact_dir": "ml/b", "artifact_id": "b_id", "dataset_id": "e", "git_sha": "6" * 40}
WRITTEN = {
    "schema_version": "v1",
    "model_file": "m.onnx",
    "sha256": {"m.onnx": "1" * 64},
    "created_at": "2026-01-01T00:00:00Z",
}


def scenes() -> Iterator[tuple[str, Request | IncompleteRequest]]:
    def known(**models: Any) -> ModelRegistry:
        return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": models}))

    def made(
        asked: CommandArguments, registry: ModelRegistry, *touched: str, **manifest: Any
    ) -> Request | IncompleteRequest:
        parsed = Manifest.model_validate({**WRITTEN, **manifest}) if manifest else None
        places = [ArtifactPath(path) for path in touched] or [ArtifactPath("ml/a")]
        scene = InferenceContext(registry, places[: len(touched)], dict.fromkeys(places, parsed).get)
        return complete(asked, scene, actor=Actor("alice", Source.GITHUB), ref=REF, default_reason="#7: title")

    one, name = known(one={"shadow": POINTER}), ModelName("one")
    active, staging, shadow = (CommandArguments(stage) for stage in (Stage.ACTIVE, Stage.STAGING, Stage.SHADOW))
    past = {"ts_utc": "2026-01-01T00:00:00Z", "to_stage": "active", "pointer": POINTER}
    yield "nothing anywhere", made(shadow, known())
    yield "one model, one pointer", made(active, one)
    yield "the nearest stage", made(active, known(one={"shadow": POINTER, "staging": OTHER}))
    yield "shadow has nothing below", made(shadow, one)
    yield "no lower pointer", made(staging, known(one={"active": POINTER}))
    yield "two models", made(active, known(one={}, two={}))
    yield "many models", made(active, known(**{f"m{number:02}": {} for number in range(25)}))
    yield (
        "two models share what is touched",
        made(active, known(one={"shadow": POINTER}, two={"shadow": POINTER}, x={}), "ml/a"),
    )
    yield "history points to what is touched", made(active, known(one={"history": [past]}, two={}), "ml/a")
    yield "two artifacts are touched", made(active, one, "ml/c", "ml/d")
    yield "its own of two touched", made(active, known(one={"shadow": POINTER}, two={"shadow": OTHER}), "ml/a", "ml/b")
    yield (
        "a new artifact by its manifest",
        made(shadow, known(two={}), "ml/new", model="one", git_sha=SHA, dataset_id="d9"),
    )
    yield "the manifest before the pointer", made(active, one, dataset_id="d9")
    yield "an unknown model", made(replace(active, model=ModelName("on")), one)
    yield "an unknown model, nothing near", made(replace(active, model=ModelName("zzzzzz")), one)
    yield "an unknown model of none", made(replace(active, model=name), known())
    everything = CommandArguments(
        Stage.ACTIVE,
        model=name,
        artifact_dir=ArtifactPath("ml/said"),
        artifact_id="said",
        dataset_id="said_d",
        git_sha=GitSha("7" * 40),
        reason="said why",
        notes="said notes",
        new_model=True,
    )
    yield "everything is said", made(everything, one, "ml/a", dataset_id="d9")
    yield "deep in the tree", made(shadow, known(one={}), "ml/artifacts/2026/new")
    many = [f"ml/a{number:02}" for number in range(25)]
    yield "many artifacts are touched", made(active, one, *many)
    yield (
        "an unknown model of many",
        made(replace(active, model=ModelName("m")), known(**{f"m{number:02}": {} for number in range(25)})),
    )
    yield "an id said for two touched", made(replace(active, artifact_id="x"), one, "ml/c", "ml/d")


def test_what_is_inferred_and_asked_back_in_every_kind_of_scene() -> None:
    def shown(result: Request | IncompleteRequest) -> Iterator[str]:
        if isinstance(result, IncompleteRequest):
            yield f"unclear, model {result.model}"
            yield from (finding_text(finding) for finding in result.findings)
        else:
            yield set_values(result)
            yield f"again: {result.line({})}"

    approve("scenes", ((name, shown(result)) for name, result in scenes()))


def test_a_clock_is_compared_to_the_second() -> None:
    late = datetime(2026, 2, 16, 9, 0, 0, 999_999, tzinfo=timezone.utc)
    decision = decide(EMPTY, asked(Stage.SHADOW, V1), V1, now=late)
    assert isinstance(decision, Plan)
    assert decision.event.ts_utc == "2026-02-16T09:00:00Z"
