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
DEFAULT = Policy()
FREE = parse_policy(b"models: {regime_*: {signature: allow}}")


class Files:
    """Says of which kind it is (`promotebot.artifact.source.FileSource`)."""

    def __init__(self, *, downloads: bool = True) -> None:
        self.downloads = downloads

    def by_pointers(self) -> Files:
        return Files(downloads=False)


def found(
    base: ModelRegistry,
    *there: Evidence,
    stage: Stage = Stage.ACTIVE,
    asked: Any = None,
    policy: Policy = DEFAULT,
) -> Incumbent | None:
    """The incumbent where the directories hold these."""
    held, wanted = {one.artifact_dir: one for one in there}, asked or request(stage, V2, "new")

    def examine(source: Any, directory: Any, _terms: Any) -> Evidence:
        assert source.downloads is (stage is Stage.ACTIVE and policy is DEFAULT)
        return held.get(directory, Evidence(directory, "nothing there"))

    pointers = incumbents(base, wanted.model, wanted.action)
    return find_incumbent(pointers, wanted, policy, Files(), examine)  # type: ignore[arg-type]  # no more is asked


@pytest.mark.parametrize("stage", Stage)
def test_it_is_what_is_active_today_whatever_stage_is_asked_for(registry: ModelRegistry, stage: Stage) -> None:
    incumbent = found(registry, V1, V2, stage=stage)
    assert incumbent
    assert (incumbent.evidence, str(incumbent.held)) == (V1, "regime_v1_prod, which is ACTIVE")


def test_bytes_that_are_not_the_promoted_ones_are_nobodys(registry: ModelRegistry) -> None:
    other = replace(examined("regime_v1", seed="7"), artifact_dir=V1.artifact_dir)
    for there in ([], [other], [replace(V1, digest=None)]):
        incumbent = found(registry, *there)
        assert incumbent
        assert (incumbent.evidence, incumbent.held.until) == (None, None)


def test_after_a_demotion_it_is_the_last_one_that_can_be_read(registry: ModelRegistry) -> None:
    after = promoted(registry, request(Stage.ACTIVE, V2, "regime_v2_prod"), V2, 2026, 2, 15, 9)
    gone = replace(V2, manifest=None, card=None, findings=())
    demotion = request(Stage.ACTIVE, gone, "regime_v2_prod", action=Action.DEMOTE, dataset_id=None, git_sha=None)
    empty = promoted(after, demotion, gone, 2026, 2, 15, 12)
    last = "regime_v2_prod, the last ACTIVE (until 2026-02-15)"
    earlier = "regime_v1_prod, an earlier ACTIVE (until 2026-02-15)"
    for policy in (DEFAULT, FREE):
        for there, told in (([V1, V2], last), ([V1], earlier), ([], last)):
            incumbent = found(empty, *there, policy=policy)
            assert incumbent
            assert (str(incumbent.held), incumbent.evidence) == (told, there[-1] if there else None)


def test_nothing_is_compared_where_nothing_was_active_or_nobody_asks_for_it(registry: ModelRegistry) -> None:
    assert found(EMPTY, V1) is None
    shadow = promoted(EMPTY, request(Stage.SHADOW, V1, "candidate"), V1, 2026, 1, 1)
    assert found(shadow, V1) is None
    assert found(registry, V1, asked=request(Stage.ACTIVE, V1, "x", action=Action.DEMOTE)) is None
    assert decide(registry, request(Stage.ACTIVE, V2, "x"), V2)


def test_where_no_signature_is_compared_what_is_active_is_not_even_looked_at(registry: ModelRegistry) -> None:
    incumbent = found(registry, V1, policy=FREE)
    assert incumbent
    assert (str(incumbent.held), incumbent.evidence) == ("regime_v1_prod, which is ACTIVE", None)


def test_each_one_ended_when_it_was_removed_or_replaced_and_only_a_few_are_looked_at() -> None:
    base = EMPTY
    for day in range(1, 7):
        one = examined(f"regime_v{day}", seed=str(day))
        base = promoted(base, request(Stage.SHADOW, one, f"v{day}"), one, 2026, 3, day)
        base = promoted(base, request(Stage.ACTIVE, one, f"v{day}"), one, 2026, 3, day, 1)
    demotion = request(Stage.ACTIVE, one, "v6", action=Action.DEMOTE, dataset_id=None, git_sha=None)
    base = promoted(base, demotion, one, 2026, 3, 9)
    told = [str(held) for held in incumbents(base, MODEL, Action.PROMOTE)]
    assert told == [
        "v6, the last ACTIVE (until 2026-03-09)",
        "v5, an earlier ACTIVE (until 2026-03-06)",
        "v4, an earlier ACTIVE (until 2026-03-05)",
    ]
