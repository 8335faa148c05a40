"""The rule about the canary share: how much of production a candidate in STAGING gets, and within which bounds."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.rules.context import RuleContext
from promotebot.promotion.sections import percentage
from promotebot.registry.model import Action
from promotebot.registry.names import CanaryShare, Stage, hundredths
from promotebot.remedies import Remedy, again


def share_of(context: RuleContext) -> CanaryShare | None:
    """Return the share that the new pointer gets: what was asked for, or what this artifact has in the stage already.

    A rollback brings back the share that the artifact had when it was put into the stage last.
    """
    request = context.request
    if request.stage is not Stage.STAGING or request.action in (Action.DEMOTE, Action.IMPORTED):
        return None
    if request.action is Action.ROLLBACK:
        events = (e for e in context.history if e.to_stage is request.stage and context.evidence.is_of(e.pointer))
        earlier = next(events, None)
        return earlier.pointer.share if earlier else None
    today = context.today
    # Whoever asks for the same artifact again without a share does not mean to give it all of production.
    kept = today.share if today and context.evidence.is_of(today) else None
    return request.share or kept


def share_is_allowed(context: RuleContext) -> Iterator[Finding]:
    """Check that STAGING alone is given a share, within the policy's bounds; what goes back is never held up."""
    request, bounds, share = context.request, context.policy.stages.staging.share, share_of(context)
    label = request.stage.label
    if request.stage is not Stage.STAGING:
        if request.action is Action.PROMOTE and request.share:
            message = f"{label} takes no --share: only STAGING gives a candidate a share of production."
            yield error("request.share", message, remedy=Remedy(again(share=False), changes={"share": False}))
        return
    if bounds.minimum > bounds.maximum and share and request.action is Action.PROMOTE:
        # Which the policy's file is refused for, but for patterns that nobody sees to match the same model.
        message = (
            f"The policy allows {request.model} no share: its minimum {percentage(bounds.minimum)} is above its maximum"
        )
        remedy = "correct `stages.staging.share` in the policy, in general or below `models`"
        yield error("request.share", f"{message} {percentage(bounds.maximum)}.", remedy=remedy)
        return
    goes_back = request.action is Action.ROLLBACK
    kind = warning if goes_back else error
    least, most = percentage(bounds.minimum), percentage(bounds.maximum)
    meant = least if share is None or hundredths(share) < bounds.minimum else most
    remedy = (
        Remedy("promote it again with a --share")
        if goes_back
        else Remedy("give it a share of production: ", again(share=meant), changes={"share": meant})
    )
    if share is None:
        if bounds.required:
            yield kind("request.share", "The policy requires a --share for STAGING.", remedy=remedy)
    elif bounds.minimum <= hundredths(share) <= bounds.maximum:
        yield passed("request.share", f"{share} of production, within {least} to {most}")
    else:
        yield kind("request.share", f"{label} takes a share of {least} to {most}, not {share}.", remedy=remedy)
