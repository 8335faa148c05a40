"""Soak times: which events say since when an artifact has been in a lower stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from promotebot.promotion.policy import Policy, Soak
from promotebot.registry.model import Event, Pointer
from promotebot.registry.names import Stage


@dataclass(frozen=True)
class SoakingEvent:
    """The event that put an artifact into a lower stage, and how long the policy wants it to stay there."""

    stage: Stage
    soak: Soak
    event: Event


def soaking_events(
    policy: Policy, stage: Stage, history: Sequence[Event], is_the_artifact: Callable[[Pointer], bool]
) -> Iterator[SoakingEvent]:
    """Yield the events that a promotion into a stage counts soak times from, one for each lower stage at most.

    Args:
        history: the model's events on the base, newest first.
    """
    for lower, soak in ((Stage.SHADOW, policy.stages.shadow.soak), (Stage.STAGING, policy.stages.staging.soak)):
        if soak is None or lower.rank >= stage.rank:
            continue
        # What was promoted into the stage twice soaks from the second time.
        newest = next((e for e in history if e.to_stage is lower and is_the_artifact(e.pointer)), None)
        if newest is not None:
            yield SoakingEvent(lower, soak, newest)
