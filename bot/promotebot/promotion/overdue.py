"""Which candidates people are reminded of: the soak time is over, or it has stood in its stage for too long."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile

from promotebot.promotion.policy import Policy
from promotebot.promotion.standing import Holding, holdings
from promotebot.registry.names import ModelName, Stage
from promotebot.registry.registry import ModelRegistry


class Due(str, Enum):
    """What a reminder is about."""

    SOAKED = "soaked"
    OVERDUE = "overdue"


@dataclass(frozen=True)
class Candidate:
    """What a lower stage holds by an event that a request on GitHub made, and that has not gone higher since."""

    holding: Holding
    soak: timedelta | None
    """After this time the soak is over; None where nobody wants to be reminded of it."""
    longest: timedelta | None
    """After this time it has stood there for too long; None where the policy says nothing."""

    def due(self, now: datetime) -> Due | None:
        """Return what there is to say, the later of both; None where it is too early."""
        if _passed(self.longest, self.holding.age(now)) is not None:
            return Due.OVERDUE
        return Due.SOAKED if _passed(self.soak, self.holding.age(now)) is not None else None

    def due_for(self, now: datetime) -> timedelta | None:
        """Return since when there is this to say; None where it is too early."""
        overdue, soaked = (_passed(limit, self.holding.age(now)) for limit in (self.longest, self.soak))
        return soaked if overdue is None else overdue

    def since(self, merged_at: datetime | None) -> Candidate:
        """Return it with the time at which GitHub merged it, in place of the time that its event says."""
        return replace(self, holding=replace(self.holding, since=merged_at, is_claimed=False))

    def key(self, due: Due) -> str:
        """Return what tells this reminder from every other one, 16 hex digits."""
        event = self.holding.event
        of = (self.holding.model, self.holding.stage.value, event.ts_utc if event else "", due.value)
        return hashlib.sha256("\n".join(of).encode()).hexdigest()[:16]


def _passed(limit: timedelta | None, age: timedelta | None) -> timedelta | None:
    """Return by how much a time is over; None where it is not."""
    return None if limit is None or age is None or age < limit else age - limit


def candidates(registry: ModelRegistry, names: Iterable[ModelName], policy: Policy) -> Iterator[Candidate]:
    """Yield the candidates of these models; their times are those that the events say."""
    wants = policy.reminders
    for holding in holdings(registry, names, policy, {}):
        if holding.stage is Stage.ACTIVE or not (holding.event and holding.event.request):
            continue
        if not _went_higher(registry, holding):
            soak = holding.soak.minimum if holding.soak and wants.soaked else None
            yield Candidate(holding, soak, wants.longest(holding.stage))


def _went_higher(registry: ModelRegistry, holding: Holding) -> bool:
    """Return whether the same artifact was promoted higher since."""
    since = takewhile(lambda event: event != holding.event, registry.history[holding.model])
    higher = (event for event in since if event.to_stage and event.to_stage.rank > holding.stage.rank)
    return any(event.pointer.is_same_artifact(holding.pointer) for event in higher)
