"""Several imports or completions as one change of the registry: each planned on what the one before it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promotebot.planning.decide import Decided, PromotionContext, decide
from promotebot.planning.examiner import Examine
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class ImportPlan:
    """The registry before and after, and what was decided of each request."""

    before: ModelRegistry
    after: ModelRegistry
    decided: tuple[Decided, ...]

    @property
    def plans(self) -> list[Plan]:
        """What is to be written."""
        return [one.decision for one in self.decided if isinstance(one.decision, Plan)]

    @property
    def rejected(self) -> list[Rejected]:
        """What the rules refuse."""
        return [one.decision for one in self.decided if isinstance(one.decision, Rejected)]


def plan_imports(
    context: PromotionContext,
    requests: Sequence[Request],
    *,
    examine: Examine,
    now: datetime,
) -> ImportPlan:
    """Decide on each request in its order, without what only GitHub knows; nothing is written.

    Raises:
        CouldNotVerify: when the disk or the runtime does not answer.
    """
    registry, decided = context.registry, []
    for request in requests:
        one = decide(replace(context, registry=registry), request, Facts, examine=examine, now=now)
        decided.append(one)
        if isinstance(one.decision, Plan):
            registry = one.decision.after
    return ImportPlan(context.registry, registry, tuple(decided))
