"""Promotions planned again, each on what the one before made, with every rule applied again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.findings import error
from promotebot.promotion.replay import Replayed, Step, replay
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions, missing_registry, replan
from promotebot.registry import ModelRegistry
from promotebot.registry.names import Stage, to_timestamp
from tests.fakes import NOW, FakeExaminer, FakeGitHub, diverged, job_context, pull_request, pull_snapshot
from tests.gate.sequences import LAX, MODEL
from tests.pulls.promoted import (
    EMPTY,
    KNOWN,
    OTHER_TO_SHADOW,
    OUT_OF_SHADOW,
    TO_ACTIVE,
    TO_SHADOW,
    TO_STAGING,
    ahead,
    files,
    moved_apart,
    promoted,
)


def steps_of(base: ModelRegistry, head: ModelRegistry) -> tuple[Step, ...]:
    result = replay(base, head)
    assert isinstance(result, Replayed), result
    return result.steps


def again(
    changeset: Changeset, steps: Sequence[Step], own: Sequence[Step] | None = None, examine: FakeExaminer | None = None
) -> PendingPromotions | InvalidPromotions:
    job = job_context(FakeGitHub(pulls={7: pull_request()}), examine=examine)
    return replan(steps, steps if own is None else own, pull_snapshot(changeset), job)


HEAD = promoted(EMPTY, TO_SHADOW, TO_STAGING)
STEPS = steps_of(EMPTY, HEAD)


def test_each_promotion_is_planned_on_what_the_one_before_made() -> None:
    result = again(ahead(EMPTY, HEAD), STEPS)
    assert isinstance(result, PendingPromotions), result
    shadow, staging = result.steps
    assert (shadow.event.from_stage, staging.event.from_stage) == (None, Stage.SHADOW)
    assert [event.ts_utc for event in result.registry.history[MODEL]] == [to_timestamp(NOW)] * 2
    assert steps_of(EMPTY, result.registry) == result.steps, "a change that the gate recognises"


def test_promotions_that_come_out_the_same_but_for_their_time_must_be_written_again() -> None:
    result = again(ahead(EMPTY, HEAD), STEPS)
    assert isinstance(result, PendingPromotions), result
    assert result.own == STEPS
    assert result.steps != STEPS
    assert (result.behind, result.needs_replan) == (False, True)


def test_nothing_to_plan_is_the_base_and_needs_no_writing() -> None:
    result = again(ahead(EMPTY, EMPTY), [])
    assert isinstance(result, PendingPromotions), result
    assert (result.steps, result.own, result.needs_replan) == ((), (), False)
    assert result.registry.document == EMPTY.document


def test_what_is_committed_next_must_merge_a_base_that_changed_the_same_file() -> None:
    base = promoted(EMPTY, OTHER_TO_SHADOW, asked=50)
    result = again(moved_apart(base, EMPTY), [])
    assert isinstance(result, PendingPromotions), result
    assert (result.behind, result.needs_replan) == (False, False), "the branch changed nothing"
    result = again(moved_apart(base, HEAD), [], own=())
    assert isinstance(result, PendingPromotions), result
    assert (result.behind, result.needs_replan) == (True, True)


def test_the_first_refusal_ends_it_and_the_rules_words_are_passed_on() -> None:
    active = steps_of(KNOWN, promoted(KNOWN, TO_ACTIVE, policy=LAX))
    result = again(ahead(KNOWN, KNOWN), [*active, *STEPS])
    assert isinstance(result, InvalidPromotions)
    assert result.model == MODEL
    assert [f.rule for f in result.findings if f.severity == "error"] == ["active.prior_stage"]


def test_an_artifact_that_is_not_well_any_more_is_refused() -> None:
    problem = error("artifact.opens", "does not open", remedy="export it again")
    examine = FakeExaminer(problems={"ml/artifacts/v1": (problem,)})
    result = again(ahead(EMPTY, HEAD), STEPS, examine=examine)
    assert isinstance(result, InvalidPromotions)
    assert problem in result.findings
    assert examine.looked_at == ["ml/artifacts/v1"], "the second is not planned on a first that was refused"


def test_what_changes_nothing_on_the_base_is_left_out() -> None:
    base = promoted(EMPTY, TO_SHADOW)
    result = again(ahead(base, base), STEPS)
    assert isinstance(result, PendingPromotions), result
    assert [step.event.to_stage for step in result.steps] == [Stage.STAGING]
    assert result.own == STEPS


def test_a_demotion_of_what_the_base_no_longer_holds_is_refused() -> None:
    base = promoted(EMPTY, TO_SHADOW)
    out = steps_of(base, promoted(base, OUT_OF_SHADOW, asked=10))
    gone = promoted(base, OUT_OF_SHADOW, asked=20)
    result = again(ahead(gone, gone), out)
    assert isinstance(result, InvalidPromotions)
    assert result.model == MODEL


def test_the_policy_of_the_base_decides_and_is_recorded() -> None:
    policy = "stages: {active: {require_prior_stage: false}}\n"
    active = steps_of(KNOWN, promoted(KNOWN, TO_ACTIVE, policy=LAX))
    changeset = diverged(files(KNOWN, policy=policy), files(KNOWN))
    result = again(changeset, active)
    assert isinstance(result, PendingPromotions), result
    assert result.steps[0].event.policy_digest == changeset.policy.digest != LAX.digest
    branchs_own = diverged(files(KNOWN), files(KNOWN, policy=policy))
    assert isinstance(again(branchs_own, active), InvalidPromotions)


def test_a_github_that_does_not_say_when_pulls_were_merged_plans_nothing() -> None:
    base = promoted(EMPTY, TO_SHADOW)
    job = job_context(FakeGitHub(pulls={7: pull_request()}).fail("pull"))
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        replan(STEPS, STEPS, pull_snapshot(ahead(base, base, "v1")), job)


@pytest.mark.parametrize(
    ("base", "head", "rule", "message"),
    [
        (None, None, "registry.exists", "The base has no registry."),
        (None, EMPTY, "gate.replay", "The base has no registry, so this pull request has nothing to be compared with."),
        (EMPTY, None, "gate.replay", "The pull request removes the registry."),
    ],
)
def test_where_a_registry_is_missing_it_is_said_which(
    base: ModelRegistry | None, head: ModelRegistry | None, rule: str, message: str
) -> None:
    result = missing_registry(diverged(files(base), files(head)))
    assert [(f.rule, f.message) for f in result.findings] == [(rule, message)]
    assert result.findings[0].remedy


def test_without_a_base_registry_nothing_is_planned() -> None:
    result = again(diverged(files(None), files(HEAD)), STEPS)
    assert isinstance(result, InvalidPromotions)
    assert result.findings[0].rule == "gate.replay"
