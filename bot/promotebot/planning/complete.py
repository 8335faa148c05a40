"""From what was asked to a complete request: inferred for a promotion, found in history for the way back."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.findings import Finding
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examine
from promotebot.planning.rollback import NoRollbackTarget, prepare_demotion, prepare_rollback
from promotebot.promotion.infer import IncompleteRequest, InferenceContext, complete
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.registry.model import Action, RequestRef


def prepare(
    arguments: CommandArguments,
    context: PromotionContext,
    inference: InferenceContext,
    actor: Actor,
    ref: RequestRef | None,
    default_reason: str,
    examine: Examine,
) -> tuple[Request, Sequence[Finding]] | IncompleteRequest:
    """Complete the request: inferred for a promotion, from history for a rollback or demotion."""
    if arguments.action is Action.PROMOTE:
        completed = complete(arguments, inference, actor=actor, ref=ref, default_reason=default_reason)
        return completed if isinstance(completed, IncompleteRequest) else (completed, ())
    prepared: tuple[Request, Sequence[Finding]] | NoRollbackTarget
    if arguments.action is Action.ROLLBACK:
        prepared = prepare_rollback(arguments, context, actor, ref, examine=examine)
    else:
        demotion = prepare_demotion(arguments, context, actor, ref)
        prepared = demotion if isinstance(demotion, NoRollbackTarget) else (demotion, ())
    if isinstance(prepared, NoRollbackTarget):
        return IncompleteRequest(prepared.findings, arguments.model)
    return prepared
