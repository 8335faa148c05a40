"""Base and head compared with no artifact opened: on values, since a change is whatever has its two ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promotebot.artifact.work_tree import WorkTree
from promotebot.findings import Severity
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Diverged, Replayed
from promotebot.pulls.compare import base_moved, replay_change
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.names import GitSha
from tests.gate.sequences import MODEL, Ends
from tests.pulls.promoted import EMPTY, TO_SHADOW, TO_STAGING, promoted

REGISTRY = "ml/registry/models.json"
HEAD = promoted(EMPTY, TO_SHADOW, TO_STAGING)


@pytest.fixture
def ends(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    """Two promotions on an empty registry."""
    nothing = WorkTree(tmp_path_factory.getbasetemp())
    return Ends(EMPTY, HEAD, Policy(), nothing)


def test_promotions_are_recognised_oldest_first(ends: Ends) -> None:
    result = replay_change(ends)
    assert isinstance(result, Replayed)
    assert [(step.model, step.event.to_stage) for step in result.steps] == [
        (MODEL, Stage.SHADOW),
        (MODEL, Stage.STAGING),
    ]


@pytest.mark.parametrize("registry", [EMPTY, None])
def test_where_nothing_changed_there_is_no_promotion(ends: Ends, registry: ModelRegistry | None) -> None:
    assert replay_change(replace(ends, base_registry=registry, head_registry=registry)) == Replayed(())


def refused(ends: Ends) -> tuple[str, str, str]:
    result = replay_change(ends)
    assert isinstance(result, Diverged)
    [problem] = result.findings
    assert problem.severity is Severity.ERROR
    assert problem.where == "ml/registry/models.json"
    return problem.rule, problem.message, problem.remedy


def test_a_registry_is_not_removed(ends: Ends) -> None:
    assert refused(replace(ends, head_registry=None)) == (
        "gate.replay",
        "The pull request removes the registry.",
        f"restore it: git checkout {'b' * 12} -- ml/registry/models.json && git commit --message "
        "'fix(ml): Restore ml/registry/models.json' -- ml/registry/models.json && git push",
    )


def test_a_pull_request_cannot_bring_the_first_registry(ends: Ends) -> None:
    assert refused(replace(ends, base_registry=None)) == (
        "gate.replay",
        "The base has no registry, so this pull request has nothing to be compared with.",
        "a maintainer adds the first registry to the base branch, with what this creates: promotebot init",
    )


def test_where_both_sides_changed_the_registry_nothing_is_compared(ends: Ends) -> None:
    apart = replace(ends, has_conflict=True, fork_point=GitSha("a" * 40))
    assert refused(apart) == (
        "gate.base",
        "The base's registry changed after this branch left it (aaaaaaa → bbbbbbb).",
        "promotebot updates the branch when the base moves; if it did not, take the base's registry: git fetch origin "
        f"&& git checkout {'b' * 12} -- {REGISTRY} && git commit --message 'fix(ml): Restore {REGISTRY}' "
        f"-- {REGISTRY} && git push; then request the promotion again",
    )
    assert replay_change(apart) == Diverged((base_moved(apart),))


def test_a_missing_registry_is_said_before_a_conflict(ends: Ends) -> None:
    assert refused(replace(ends, has_conflict=True, head_registry=None))[0] == "gate.replay"
    assert refused(replace(ends, has_conflict=True, base_registry=None))[0] == "gate.replay"


def test_what_is_no_promotion_is_refused(ends: Ends) -> None:
    rule, message, _ = refused_where_anything(replace(ends, base_registry=HEAD, head_registry=EMPTY))
    assert (rule, message) == ("gate.replay", "The model was removed; a model may only be demoted.")


def refused_where_anything(ends: Ends) -> tuple[str, str, str]:
    result = replay_change(ends)
    assert isinstance(result, Diverged)
    [problem] = result.findings
    return problem.rule, problem.message, problem.where
