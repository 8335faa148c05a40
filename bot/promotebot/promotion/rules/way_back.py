"""Rules about the way back: what a rollback brings back, and the hold on a stage after one."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.rollback import Removal, holding_rollback, removals
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.model import Event, Pointer
from promotebot.remedies import Remedy, again


def brings_back_removed(context: RuleContext) -> Iterator[Finding]:
    """Warn, for a rollback, where somebody took out before what it brings back."""
    removal = _removal(context) if context.is_rollback else None
    if removal:
        yield warning(
            "rollback.removed", f"{removal.pointer.artifact_id} {removal}.", where=context.request.artifact_dir
        )


def stage_is_not_held(context: RuleContext) -> Iterator[Finding]:
    """Check that no rollback holds the stage, or that the request says why the hold may end.

    Going back further is no reason to wait, nor is putting back what a demotion removed.
    """
    if not context.policy.stages.holds_after_rollback(context.request.stage):
        return
    rollback = holding_rollback(context.history, context.request.stage)
    if rollback is None:
        return
    request, told = context.request, _told(rollback)
    if not lifts(context):
        yield passed("rollback.hold", f"nothing newer may be promoted; {told}")
    elif request.lift_hold:
        yield warning("rollback.hold", f"This ends the hold after a rollback: {request.lift_hold} ({told}).")
    else:
        yield error(
            "rollback.hold",
            f"{request.stage.label} of {request.model} is held: {told}. Nothing newer is promoted until somebody ends "
            "the hold.",
            where=context.registry.at(request.model),
            remedy=Remedy("when its cause is fixed: ", again(**_LIFTING), changes=_LIFTING),
        )


_LIFTING = {"lift_hold": "the cause is fixed"}


def lifts(context: RuleContext) -> bool:
    """Return whether the request would end a hold: it promotes something else than what the way back leads to."""
    rollback = holding_rollback(context.history, context.request.stage)
    if rollback is None or _is_of(context, rollback.pointer):
        return False
    removal = _removal(context)
    return not context.is_rollback or (removal is not None and removal.by_rollback)


def _removal(context: RuleContext) -> Removal | None:
    """Return how the requested artifact was last taken out of the stage; None where it was not."""
    found = removals(context.history, context.request.stage)
    return next((removal for removal in reversed(found) if _is_of(context, removal.pointer)), None)


def _is_of(context: RuleContext, pointer: Pointer) -> bool:
    """Return whether a pointer stands for the requested artifact; those of older tools are known by directory."""
    if pointer.digest is None:
        return pointer.artifact_dir == context.request.artifact_dir
    return context.evidence.is_of(pointer)


def _told(rollback: Event) -> str:
    why = f": {rollback.reason}" if rollback.reason else ""
    by = rollback.actor or "somebody"
    return f"rolled back to {rollback.pointer.artifact_id} by {by} on {rollback.ts_utc}{why}"
