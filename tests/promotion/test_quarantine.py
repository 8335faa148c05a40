"""What is in quarantine is never promoted or brought back, under any name; and what it takes to lift it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promotebot.artifact.quarantine import Quarantined, digests_of, lifted, quarantined
from promotebot.errors import InvalidInput
from promotebot.findings import Severity, errors_in
from promotebot.promotion.plan import Decision, Plan, plan
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.rules.context import Facts
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.model import Action
from tests.comments.plans import HEAD, MODEL, NOW, V2, examined, registry, request

__all__ = ["registry"]  # a fixture

assert V2.manifest
ARTIFACT, MODEL_FILE = V2.manifest.digest, f"sha256:{V2.manifest.model_sha256}"


def policy(digest: str, **more: str) -> Policy:
    entry = {"digest": digest, "reason": "wrong labels", **more}
    return Policy.model_validate({"quarantine": [entry], "stages": {"active": {"require_prior_stage": False}}})


def decide(
    registry: ModelRegistry, by: Policy, stage: Stage = Stage.ACTIVE, action: Action = Action.PROMOTE
) -> Decision:
    asked = request(stage, V2, "regime_v2_again", action=action, new_model=False)
    return plan(registry, asked, V2, by, NOW, base=registry, facts=Facts(commit_reachable=True), commit=HEAD)


@pytest.mark.parametrize("digest", [ARTIFACT, MODEL_FILE])
@pytest.mark.parametrize("stage", Stage)
def test_an_artifact_in_quarantine_is_refused_for_every_stage(
    registry: ModelRegistry, digest: str, stage: Stage
) -> None:
    [problem] = [one for one in errors_in(decide(registry, policy(digest), stage).findings) if one.rule == "quarantine"]
    assert problem.message.endswith("is in quarantine: wrong labels.")
    assert problem.where == V2.artifact_dir


def test_a_rollback_is_refused_too_and_a_demotion_is_not(registry: ModelRegistry) -> None:
    back = decide(registry, policy(MODEL_FILE), action=Action.ROLLBACK)
    assert "quarantine" in {one.rule for one in errors_in(back.findings)}
    gone = replace(V2, manifest=None, digest=None, card=None, findings=())
    asked = request(Stage.STAGING, gone, "regime_v2_staging", action=Action.DEMOTE, dataset_id=None, git_sha=None)
    facts = Facts(commit_reachable=True)
    out = plan(registry, asked, gone, policy(MODEL_FILE), NOW, base=registry, facts=facts, commit=HEAD)
    assert isinstance(out, Plan)


def test_a_copy_under_another_name_is_caught_by_the_models_file(registry: ModelRegistry) -> None:
    renamed = examined(
        "copy", seed="2", model_file="other.onnx", sha256={"other.onnx": "2" * 64, "notes.txt": "3" * 64}
    )
    assert renamed.digest != ARTIFACT
    asked = request(Stage.SHADOW, renamed, "copy", new_model=False)
    facts = Facts(commit_reachable=True)
    for digest, is_caught in ((MODEL_FILE, True), (ARTIFACT, False)):
        found = plan(registry, asked, renamed, policy(digest), NOW, base=registry, facts=facts, commit=HEAD)
        assert ("quarantine" in {one.rule for one in errors_in(found.findings)}) is is_caught


def test_what_is_not_in_it_passes_and_so_does_another_model(registry: ModelRegistry) -> None:
    for by in (policy(f"sha256:{'9' * 64}"), policy(MODEL_FILE, model="another")):
        decision = decide(registry, by)
        assert isinstance(decision, Plan)
        [finding] = [one for one in decision.findings if one.rule == "quarantine"]
        assert (finding.severity, finding.message) == (Severity.PASS, "not among 1 digest in quarantine")
    assert "quarantine" not in {one.rule for one in decide(registry, Policy()).findings}


ANY, ONE, OTHER = (
    Quarantined(digest=f"sha256:{'1' * 64}", reason="x", model=model) for model in (None, "one", "other")
)


def test_an_entry_for_one_model_counts_for_that_one_alone() -> None:
    assert quarantined([ONE], "one", {ONE.digest}) is ONE
    assert quarantined([ONE], "other", {ONE.digest}) is None
    assert quarantined([ANY], "other", {ONE.digest}) is ANY
    assert V2.manifest
    assert digests_of(V2.manifest) == {ARTIFACT, MODEL_FILE}


@pytest.mark.parametrize(
    ("before", "after", "is_lifted"),
    [
        ([], [ANY], False),
        ([ANY], [ANY], False),
        ([ANY], [], True),
        ([ANY], [ONE], True),
        ([ONE], [ANY], False),
        ([ONE], [OTHER], True),
        ([ANY], [Quarantined(digest=ANY.digest, reason="another")], False),
    ],
)
def test_it_is_lifted_where_it_does_not_hold_for_every_model_any_more(
    before: list[Quarantined], after: list[Quarantined], is_lifted: bool
) -> None:
    assert lifted(before, after) is is_lifted


def test_a_digest_is_whole_and_has_a_reason() -> None:
    for entry in ("{digest: 'sha256:12', reason: x}", f"{{digest: 'sha256:{'1' * 64}'}}"):
        with pytest.raises(InvalidInput, match="quarantine"):
            parse_policy(f"quarantine: [{entry}]".encode())
    assert MODEL
