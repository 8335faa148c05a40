"""`/status`: what a branch holds, and what open pull requests would change of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from promotebot.comments.status import Status
from promotebot.promotion.policy import Policy
from promotebot.promotion.standing import freezes_in_force, holdings
from promotebot.pulls.context import JobContext
from promotebot.pulls.open_promotions import open_promotions
from promotebot.registry.metadata import read_metadata
from promotebot.registry.model import Event
from promotebot.registry.names import ModelName
from promotebot.registry.registry import ModelRegistry

MAX_MERGE_TIMES = 5
"""Pull requests that are asked when they were merged, for one answer."""


@dataclass(frozen=True)
class BranchView:
    """A branch that is promoted into, as it was read."""

    name: str
    registry: ModelRegistry
    policy: Policy
    now: datetime


def status_of(view: BranchView, model: ModelName | None, job: JobContext, *, but: int = 0) -> Status:
    """Return what a branch holds of one model or of all, and what open pull requests would change.

    When something was merged is asked for a few pull requests only; beyond them the events' own times count.

    Args:
        but: the pull request that is asked on.

    Raises:
        CouldNotVerify: when GitHub or git does not answer.
    """
    registry = view.registry
    names = [name for name in registry if model in (None, name)]
    asked = list(holdings(registry, names, view.policy, {}))
    numbers = {event: number for one in asked if (event := one.event) and (number := _pull_of(event, job))}
    known = set(list(dict.fromkeys(numbers.values()))[:MAX_MERGE_TIMES])
    times = {event: job.merged_at(number) for event, number in numbers.items() if number in known}
    merged = {event: moment for event, moment in times.items() if moment}
    held = list(holdings(registry, names, view.policy, merged))
    pending = open_promotions(view.name, job, but=but)
    if model:
        of_model = ((one, tuple(step for step in one.steps if step.model == model)) for one in pending.found)
        pending = replace(pending, found=tuple(replace(one, steps=steps) for one, steps in of_model if steps))
    policy = view.policy.for_model(model) if model else view.policy
    empty = [name for name in names if not any(one.model == name for one in held)]
    said = [(name, one) for name in names if not (one := read_metadata(registry.raw_entry(name))).is_empty]
    return Status(view.name, view.now, held, empty, freezes_in_force(policy, view.now), pending, said=said)


def _pull_of(event: Event, job: JobContext) -> int | None:
    """Return the pull request of this repository that an event was asked for in."""
    request = event.request
    return request.pull if request and request.repo == job.settings.repository else None
