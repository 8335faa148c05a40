"""What each stage holds, since when, how long it still has to soak there, and what open pull requests would change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.promotion.rollback import holding_rollback
from promotebot.promotion.sections import Soak
from promotebot.promotion.windows import is_open, next_opening
from promotebot.registry.model import Event, Pointer
from promotebot.registry.names import ModelName, Stage, to_datetime
from promotebot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Holding:
    """One stage of one model that holds an artifact."""

    model: ModelName
    stage: Stage
    pointer: Pointer
    event: Event | None
    """The newest event of the stage; None for a pointer of an older tool."""
    since: datetime | None
    """When it was merged, or by its own time where that is not known; None where nothing tells."""
    is_claimed: bool
    """Nobody but who wrote the event vouches for `since`."""
    soak: Soak | None
    """How long the policy wants it to stay here before it goes higher."""
    held_by: Event | None = None
    """The rollback after which nothing newer goes into this stage until somebody ends the hold."""

    def soaked_at(self) -> datetime | None:
        """Return when it has soaked; None where nothing is asked, or the beginning is not known."""
        return self.since + self.soak.minimum if self.soak and self.since else None

    def age(self, now: datetime) -> timedelta | None:
        """Return the time that it has been here."""
        return max(now - self.since, timedelta(0)) if self.since else None


@dataclass(frozen=True)
class OpenPromotion:
    """A pull request with what it promotes, as its branch says it; nothing of it is proven here."""

    number: int
    steps: tuple[Step, ...]
    is_held: bool = False
    """A hold is marked on it that nobody lifted."""


@dataclass(frozen=True)
class OpenPromotions:
    """What was found, and what was not looked into."""

    found: tuple[OpenPromotion, ...]
    unread: int = 0
    """Pull requests that are too many, or whose branch or registry does not read."""


def holdings(
    registry: ModelRegistry, names: Iterable[ModelName], policy: Policy, merged_at: Mapping[Event, datetime]
) -> Iterator[Holding]:
    """Yield what the stages of these models hold, lowest stage first.

    Args:
        merged_at: event → when GitHub merged it, as far as that is known.
    """
    for name in names:
        entry, stages = registry.entry(name), policy.for_model(name).stages
        soaks = {Stage.SHADOW: stages.shadow.soak, Stage.STAGING: stages.staging.soak}
        for stage in Stage:
            pointer = registry.get_stage_pointer(name, stage)
            if pointer is None:
                continue
            event = newest_event(registry, name, stage)
            merged = merged_at.get(event) if event else None
            written = event.ts_utc if event else pointer.promoted_at_utc
            since = merged or (to_datetime(written) if written else None)
            holds = entry is not None and stages.holds_after_rollback(stage)
            held_by = holding_rollback(entry.history, stage) if holds and entry else None
            yield Holding(name, stage, pointer, event, since, merged is None, soaks.get(stage), held_by)


def newest_event(registry: ModelRegistry, name: ModelName, stage: Stage) -> Event | None:
    """Return the event that last changed a stage."""
    entry = registry.entry(name)
    return next((event for event in entry.history if event.stage is stage), None) if entry else None


@dataclass(frozen=True)
class FreezeInForce:
    """A time without promotions that has begun: a freeze, or the one between two windows."""

    stages: tuple[Stage, ...]
    ends: datetime | None
    """None where that is more than a week away."""
    reason: str


def freezes_in_force(policy: Policy, now: datetime) -> Sequence[FreezeInForce]:
    """Return what keeps promotions out of a stage at this moment, whatever is promoted."""
    periods = [(freeze, freeze.period(now)) for freeze in policy.freezes]
    frozen = [
        FreezeInForce(freeze.stages, period.ends, freeze.reason)
        for freeze, period in periods
        if period and period.holds_at(now)
    ]
    closed = [
        FreezeInForce((stage,), next_opening(policy.windows, stage, now), "outside its windows")
        for stage in Stage
        if not is_open(policy.windows, stage, now)
    ]
    return [*frozen, *closed]
