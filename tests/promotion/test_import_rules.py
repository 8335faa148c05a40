"""The rules on imports, one by one: what no import may change, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.manifest import Manifest
from promotebot.findings import Finding, Severity
from promotebot.promotion.past import compare_past
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.request import ADOPTED, Actor, FoundPointer, Request
from promotebot.promotion.rules.context import Facts, Rule, RuleContext
from promotebot.promotion.rules.imports import artifact_is_the_models, import_is_allowed
from promotebot.promotion.rules.request import promotion_is_confirmed, stage_takes_terminal_events
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Import, Source
from promotebot.registry.names import Digest
from tests.gate.sequences import LAX, LEGACY, MODEL, OLD, SHA, START, Desk, Move, directory, manifest_of

OTHER = Digest("sha256:" + "9" * 64)


def request(kind: str = "YAML", **changes: Any) -> Request:
    found = FoundPointer(Import(file="models.yaml", format=kind, place="$.older.production"))
    asked = Request(
        model=OLD,
        stage=Stage.ACTIVE,
        artifact_dir=directory("v0"),
        artifact_id="v0_prod",
        actor=Actor("alice", Source.CLI),
        action=Action.IMPORTED,
        dataset_id="data_1",
        git_sha=SHA,
        found=found,
    )
    return replace(asked, **changes)


def older() -> ModelRegistry:
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {OLD: LEGACY}}))


def said(
    rule: Rule, asked: Request, *, policy: Policy = LAX, registry: ModelRegistry | None = None, **facts: Any
) -> list[Finding]:
    manifest = Manifest.model_validate({**manifest_of("v0"), **facts.pop("manifest", {})})
    evidence = Evidence(asked.artifact_dir, "commit", manifest, manifest.digest)
    held = registry or older()
    return [*rule(RuleContext(asked, evidence, held, held, policy, Facts(**facts), START))]


def test_an_artifact_of_another_model_is_not_imported() -> None:
    [finding] = said(artifact_is_the_models, request(), manifest={"model": "risk"})
    assert (finding.severity, finding.rule) == (Severity.ERROR, "request.model")
    assert finding.message == "The artifact belongs to 'risk' (its manifest), not to 'older'."
    assert said(artifact_is_the_models, request(), manifest={"model": OLD}) == []


def test_a_pointer_that_lacks_nothing_takes_no_import() -> None:
    desk = Desk(ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}})), LAX, START)
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v1"))
    [finding] = said(import_is_allowed, request(model=MODEL, stage=Stage.SHADOW), registry=desk.registry)
    assert finding.message == "SHADOW of regime lacks nothing that an import could add."
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("stored", ["hash", "0" * 16, None])
def test_a_feature_order_that_the_manifest_does_not_have_is_not_replaced(stored: str | None) -> None:
    manifest = Manifest.model_validate(manifest_of("v0"))
    hashed = manifest.feature_order_hash if stored == "hash" else stored
    pointer: Any = {**LEGACY, "active": {**LEGACY["active"], "feature_order_hash": hashed}}  # type: ignore[dict-item]
    registry = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {OLD: pointer}}))
    legacy = {Stage.ACTIVE: manifest.digest}
    [finding] = said(import_is_allowed, request(kind=ADOPTED), registry=registry, legacy=legacy)
    assert finding.rule == ("import.model" if stored == "0" * 16 else "import.bytes")
    assert ("would change feature_order_hash" in finding.message) is (stored == "0" * 16)
    assert finding.severity is (Severity.ERROR if stored == "0" * 16 else Severity.PASS)


@pytest.mark.parametrize(
    ("reason", "legacy", "severity"),
    [
        (None, {}, Severity.ERROR),
        ("compared with production", {}, Severity.WARNING),
        ("compared with production", {Stage.ACTIVE: OTHER}, Severity.ERROR),
    ],
)
def test_bytes_that_git_does_not_vouch_for_need_somebodys_word_and_others_are_refused(
    reason: str | None, legacy: dict[Stage, Digest], severity: Severity
) -> None:
    asked = request(kind=ADOPTED, reason=reason)
    [finding] = said(import_is_allowed, asked, legacy=legacy)
    assert (finding.rule, finding.severity) == ("import.bytes", severity)


def test_where_git_does_not_vouch_for_the_bytes_nobodys_word_does_for_files_that_this_change_touches() -> None:
    asked = request(kind=ADOPTED, reason="compared with production")
    [finding] = said(import_is_allowed, asked, files_changed=True)
    assert (finding.rule, finding.severity) == ("import.bytes", Severity.ERROR)
    assert "this change touches more of ml/artifacts/v0 than manifest.json" in finding.message
    digest = Manifest.model_validate(manifest_of("v0")).digest
    [finding] = said(import_is_allowed, asked, files_changed=True, legacy={Stage.ACTIVE: digest})
    assert finding.severity is Severity.PASS


def test_the_bytes_that_were_there_when_it_was_put_there_pass() -> None:
    digest = Manifest.model_validate(manifest_of("v0")).digest
    [finding] = said(import_is_allowed, request(kind=ADOPTED), legacy={Stage.ACTIVE: digest})
    assert (finding.rule, finding.severity) == ("import.bytes", Severity.PASS)


def test_an_import_is_asked_for_again_at_a_terminal_alone() -> None:
    assert str(request().line({})) == "promotebot import models.yaml"
    assert str(request(kind=ADOPTED).command()) == f"promotebot registry adopt --model {OLD}"


def test_a_stage_that_takes_nothing_from_a_terminal_takes_no_import() -> None:
    assert said(stage_takes_terminal_events, request()) == []
    for policy in (b"terminal: [shadow]\n", b"separation: {approvals: 1}\n", b"require_sha: true\n"):
        [finding] = said(stage_takes_terminal_events, request(), policy=parse_policy(policy))
        assert (finding.rule, finding.severity) == ("request.terminal", Severity.ERROR)
        assert finding.remedy.endswith(f": /promote shadow older --artifact-dir {directory('v0')}")
        below = request(stage=Stage.SHADOW)
        assert said(stage_takes_terminal_events, below, policy=parse_policy(policy)) == []
    [finding] = said(stage_takes_terminal_events, request(model="fresh"), policy=parse_policy(b"require_sha: true\n"))
    assert finding.remedy.endswith(" --new-model")


def test_an_import_into_active_cannot_be_confirmed() -> None:
    assert said(promotion_is_confirmed, request()) == []
    [finding] = said(promotion_is_confirmed, request(), policy=parse_policy(b"stages: {active: {confirm: 5m}}\n"))
    assert (finding.rule, finding.severity) == ("request.confirmed", Severity.ERROR)
    assert finding.remedy.endswith(f": /promote shadow older --artifact-dir {directory('v0')}")


def test_an_import_of_the_past_is_held_against_what_a_policy_says_of_imports() -> None:
    stood: Any = LEGACY["active"]
    pointer = {**stood, "promoted_at_utc": "2026-01-01T00:00:00Z"}
    event = {
        "ts_utc": "2026-02-01T09:00:00Z", "action": "imported", "from_stage": None, "to_stage": "active",
        "pointer": pointer, "actor": "alice", "source": "cli", "reason": None, "notes": None,
        "imported": {"file": "models.yaml", "format": "YAML", "place": "$.older.production"},
    }  # fmt: skip
    document = {"schema_version": "v1", "models": {OLD: {"active": pointer, "history": [event]}}}
    registry = ModelRegistry.parse(stored_json(document))
    assert [one.refused for one in compare_past(Policy(), registry)] == [()]
    [strict] = compare_past(parse_policy(b"terminal: [shadow]\n"), registry)
    assert [finding.rule for finding in strict.refused] == ["request.terminal"]
