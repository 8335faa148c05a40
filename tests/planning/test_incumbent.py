"""What a candidate is compared with: today's ACTIVE on the base, or the last one that can still be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.planning.incumbent import find_incumbent, incumbents
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.rules.context import Incumbent
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.model import Action
from tests.comments.plans import EMPTY, MODEL, V1, V2, decide, examined, promoted, registry, request

__all__ = ["registry"]  # a fixture
TERMS = Policy().terms


class Files:
    """Says of which kind it is (`promotebot.artifact.source.FileSource`)."""

    def __init__(self, *, downloads: bool = True) -> None:
        self.downloads = downloads

    def by_pointers(self) -> Files:
        return Files(downloads=False)


def found(base: ModelRegistry, *there: Evidence, stage: Stage = Stage.ACTIVE, asked: Any = None) -> Incumbent | None:
    """The incumbent where the directories hold these."""
    held, wanted = {one.artifact_dir: one for one in there}, asked or request(stage, V2, "new")

    def examine(source: Any, directory: Any, _terms: Any) -> Evidence:
        assert source.downloads is (stage is Stage.ACTIVE)
        return held.get(directory, Evidence(directory, "nothing there"))

    pointers = incumbents(base, wanted.model, wanted.action, Policy())
    return find_incumbent(pointers, base, wanted, Files(), examine, TERMS)  # type: ignore[arg-type]  # no more is asked


@pytest.mark.parametrize("stage", Stage)
def test_it_is_what_is_active_today_whatever_stage_is_asked_for(registry: ModelRegistry, stage: Stage) -> None:
    incumbent = found(registry, V1, V2, stage=stage)
    assert incumbent
    assert (incumbent.pointer.artifact_id, incumbent.evidence, incumbent.is_active) == ("regime_v1_prod", V1, True)


def test_bytes_that_are_not_the_promoted_ones_are_nobodys(registry: ModelRegistry) -> None:
    other = replace(examined("regime_v1", seed="7"), artifact_dir=V1.artifact_dir)
    for there in ([], [other], [replace(V1, digest=None)]):
        incumbent = found(registry, *there)
        assert incumbent
        assert (incumbent.evidence, incumbent.is_active) == (None, True)


def test_after_a_demotion_it_is_the_last_one_that_can_be_read(registry: ModelRegistry) -> None:
    after = promoted(registry, request(Stage.ACTIVE, V2, "regime_v2_prod"), V2, 2026, 2, 15, 9)
    gone = replace(V2, manifest=None, card=None, findings=())
    demotion = request(Stage.ACTIVE, gone, "regime_v2_prod", action=Action.DEMOTE, dataset_id=None, git_sha=None)
    empty = promoted(after, demotion, gone, 2026, 2, 15, 12)
    for there, last in (([V1, V2], "regime_v2_prod"), ([V1], "regime_v1_prod")):
        incumbent = found(empty, *there)
        assert incumbent
        assert (incumbent.pointer.artifact_id, incumbent.is_active) == (last, False)
    incumbent = found(empty)
    assert incumbent
    assert (incumbent.pointer.artifact_id, incumbent.evidence, incumbent.is_active) == ("regime_v2_prod", None, False)


def test_nothing_is_compared_where_nothing_was_active_or_nobody_asks_for_it(registry: ModelRegistry) -> None:
    assert found(EMPTY, V1) is None
    shadow = promoted(EMPTY, request(Stage.SHADOW, V1, "candidate"), V1, 2026, 1, 1)
    assert found(shadow, V1) is None
    assert found(registry, V1, asked=request(Stage.ACTIVE, V1, "x", action=Action.DEMOTE)) is None
    free = parse_policy(b"models: {regime_*: {signature: allow}}")
    assert incumbents(registry, MODEL, Action.PROMOTE, free) == []
    assert decide(registry, request(Stage.ACTIVE, V2, "x"), V2)
