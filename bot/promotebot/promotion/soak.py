"""Soak times: since when an artifact has been in a lower stage, by its event or by the pointer of an older tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from promotebot.promotion.policy import Policy
from promotebot.promotion.sections import Soak
from promotebot.registry.model import Event, Pointer
from promotebot.registry.names import Stage, to_datetime


@dataclass(frozen=True)
class Soaking:
    """A lower stage that an artifact was put into, and how long the policy wants it to stay there."""

    stage: Stage
    soak: Soak
    event: Event | None
    """What put it there; None for a pointer of an older tool that wrote no event."""
    claimed: datetime | None
    """When, by whoever wrote it: nobody vouches for that. None where no time was written."""


def soaking_events(
    policy: Policy,
    stage: Stage,
    history: Sequence[Event],
    is_the_artifact: Callable[[Pointer], bool],
    legacy: Mapping[Stage, Pointer] = MappingProxyType({}),
) -> Iterator[Soaking]:
    """Yield what a promotion into a stage counts soak times from, one for each lower stage at most.

    Args:
        history: the model's events on the base, newest first.
        legacy: the lower stages that hold the artifact by a pointer of an older tool.
    """
    for lower, soak in ((Stage.SHADOW, policy.stages.shadow.soak), (Stage.STAGING, policy.stages.staging.soak)):
        if soak is None or lower.rank >= stage.rank:
            continue
        # What was promoted into the stage twice soaks from the second time.
        newest = next((e for e in history if e.to_stage is lower and is_the_artifact(e.pointer)), None)
        if newest is not None:
            yield Soaking(lower, soak, newest, to_datetime(newest.ts_utc))
        elif pointer := legacy.get(lower):
            event = next((e for e in history if e.to_stage is lower and e.pointer == pointer), None)
            written = event.ts_utc if event else pointer.promoted_at_utc
            yield Soaking(lower, soak, event, to_datetime(written) if written else None)
