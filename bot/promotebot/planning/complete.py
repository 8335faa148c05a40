"""From what was asked to a complete request: inferred for a promotion, found in history for the way back."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.findings import Finding
from promotebot.planning.decide import Ground
from promotebot.planning.examiner import Examine
from promotebot.planning.rollback import NoWayBack, prepare_demotion, prepare_rollback
from promotebot.promotion.infer import Scene, Unclear, complete
from promotebot.promotion.request import Actor, Asked, Request
from promotebot.registry.model import Action, RequestRef


def prepare(
    asked: Asked,
    ground: Ground,
    scene: Scene,
    actor: Actor,
    ref: RequestRef | None,
    default_reason: str,
    examine: Examine,
) -> tuple[Request, Sequence[Finding]] | Unclear:
    """The completed request: inferred for a promotion, found in history for a rollback or demotion."""
    if asked.action is Action.PROMOTE:
        completed = complete(asked, scene, actor=actor, ref=ref, default_reason=default_reason)
        return completed if isinstance(completed, Unclear) else (completed, ())
    if asked.action is Action.ROLLBACK:
        found = prepare_rollback(asked, ground, actor, ref, examine=examine)
        return Unclear(found.findings, asked.model) if isinstance(found, NoWayBack) else found
    demotion = prepare_demotion(asked, ground, actor, ref)
    return Unclear(demotion.findings, asked.model) if isinstance(demotion, NoWayBack) else (demotion, ())
