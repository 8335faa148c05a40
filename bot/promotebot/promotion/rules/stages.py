"""Rules about stages: the stage before, the time in it, and the times in which nothing is promoted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.request import Request, show_stages
from promotebot.promotion.rules.context import RuleContext
from promotebot.promotion.rules.request import known_models
from promotebot.promotion.soak import Soaking, soaking_events
from promotebot.promotion.windows import is_open, next_opening, windows_of
from promotebot.registry.model import Action, Source
from promotebot.registry.names import Stage, to_timestamp
from promotebot.remedies import Command, Remedy, again, comment, shell
from promotebot.text import duration, short_digest


def prior_stage(context: RuleContext) -> Iterator[Finding]:
    """Check, for ACTIVE, that the same artifact was in shadow or staging before, by the base's history.

    The head's history would not do: one pull request could then go through every stage at once.
    """
    if context.request.stage is not Stage.ACTIVE or not context.policy.stages.active.require_prior_stage:
        return
    # The stages before are known by digests alone: an id or a directory may mean something else today.
    if context.digest is None:
        yield error(
            "active.prior_stage",
            "The artifact's digest is not known, so its earlier stages cannot be checked.",
            remedy="fix the artifact first",
        )
        return
    earlier = [e for e in context.base_history if e.to_stage and context.evidence.is_of(e.pointer)]
    if not earlier and context.request.action is Action.ROLLBACK and _was_active_without_digest(context):
        yield warning(
            "active.prior_stage",
            "It was ACTIVE before digests were recorded (older tool): nothing proves that these are the same bytes.",
            where=context.request.artifact_dir,
            remedy=Remedy("compare them with the commit that made it ACTIVE: ", _patches(context.request.artifact_dir)),
        )
    elif earlier and earlier[0].to_stage:
        yield passed("active.prior_stage", f"the same bytes went to {earlier[0].to_stage.label} on {earlier[0].ts_utc}")
    elif legacy := context.legacy_pointers:
        stage = next(iter(legacy)).label
        yield passed("active.prior_stage", f"{stage} holds the same bytes, which an older tool put there")
    else:
        known = any(e.to_stage and e.pointer.digest == context.digest for e in context.base_history)
        manifest = f" with this manifest ({short_digest(context.evidence.manifest_digest)})" if known else ""
        yield error(
            "active.prior_stage",
            f"{short_digest(context.digest)}{manifest} has never been in SHADOW or STAGING on the base.",
            where=context.request.artifact_dir,
            remedy=Remedy("promote it to shadow, merge, let it run, then request ACTIVE: ", again(stage="shadow")),
        )


def _patches(directory: str) -> Command:
    return shell("git", "log", "--patch", "--", directory)


def _was_active_without_digest(context: RuleContext) -> bool:
    # Older tools recorded no digest: the directory is all that is known of what was ACTIVE.
    return any(
        e.to_stage is Stage.ACTIVE
        and e.pointer.digest is None
        and e.pointer.artifact_dir == context.request.artifact_dir
        for e in context.base_history
    )


def stage_is_occupied(context: RuleContext) -> Iterator[Finding]:
    """Check that the stage that a demotion clears holds something."""
    request = context.request
    if context.entry is None:
        message = f"Unknown model {request.model!r}. {known_models(context.registry)}"
        yield error("request.model", message, remedy="name a model that is in the registry")
    elif context.today is None:
        yield error(
            "demote.stage", f"{request.stage.label} holds nothing.", remedy=show_stages(request.model, request.actor)
        )
    else:
        yield passed("demote.stage", f"{request.stage.label} holds {context.today.artifact_id}; this empties it")


def soak_time(context: RuleContext) -> Iterator[Finding]:
    """Check that the artifact was in each lower stage for as long as the policy asks; a rollback need not wait."""
    if context.is_rollback:
        return
    history, stage = context.base_history, context.request.stage
    for soaking in soaking_events(context.policy, stage, history, context.evidence.is_of, context.legacy_pointers):
        merged = context.facts.merged_at.get(soaking.event) if soaking.event else None
        if soaking.soak.required and merged is None:
            yield _unknown_soak(context.request, soaking)
        elif since := merged or soaking.claimed:
            yield _soak(context, soaking, since, is_claimed=merged is None)
        else:
            yield _no_time(soaking)


def _soak(context: RuleContext, soaking: Soaking, since: datetime, *, is_claimed: bool) -> Finding:
    stage, soak = soaking.stage, soaking.soak
    # A clock that is behind the merge must not make the time negative.
    elapsed = max(context.now - since, timedelta(0))
    rule, clock = f"soak.{stage.value}", " (by the event's own, self-asserted time)" if is_claimed else ""
    asked = "required" if soak.required else "recommended"
    if elapsed >= soak.minimum:
        return passed(
            rule, f"in {stage.value} for {duration(elapsed)}, at least {duration(soak.minimum)} {asked}{clock}"
        )
    kind = error if soak.required else warning
    explained = context.request.reason and "reason" not in context.request.origins
    return kind(
        rule,
        f"In {stage.value} for {duration(elapsed)}, {duration(soak.minimum)} {asked}{clock}.",
        remedy=f"wait until {to_timestamp(since + soak.minimum)}"
        + ("" if soak.required or explained else ", or explain in --reason why you do not wait"),
    )


def _no_time(soaking: Soaking) -> Finding:
    stage = soaking.stage
    asked = f"{duration(soaking.soak.minimum)} in {stage.value} recommended"
    return warning(
        f"soak.{stage.value}",
        f"{asked}; the older tool did not record since when it is there.",
        remedy="explain in --reason why you do not wait",
    )


def _unknown_soak(request: Request, soaking: Soaking) -> Finding:
    """Refuse what nobody but the event's author vouches for: whoever may push can write any time into an event."""
    stage = soaking.stage
    remedy = Remedy("request it with a comment on the pull request, where the merge time is known: ", request.line({}))
    if request.actor.source is Source.GITHUB:
        reason = f"to be promoted again, so that its time in {stage.label} counts from a merge"
        out = comment("/demote", request.model, stage.value, "--reason", reason)
        remedy = Remedy(
            f"if {stage.label} holds it now, demote it in a pull request: ",
            out,
            f"; then promote it to {stage.label} there, and wait from the merge on: ",
            again(stage=stage.value, artifact_dir=request.artifact_dir),
        )
    return error(
        f"soak.{stage.value}",
        f"{duration(soaking.soak.minimum)} in {stage.value} required, but how long it was there is unknown: "
        "no merged pull request that contained it was found, and the event's own time is self-asserted.",
        remedy=remedy,
    )


def nothing_is_frozen(context: RuleContext) -> Iterator[Finding]:
    """Check that the policy does not freeze the stage now; a rollback or a demotion is never held up."""
    request = context.request
    if context.is_rollback:
        return
    for freeze in context.policy.freezes:
        period = freeze.period(context.now) if request.stage in freeze.stages else None
        if period and period.holds_at(context.now):
            yield error(
                "freeze",
                f"{request.stage.label} is frozen until {to_timestamp(period.ends)}: {freeze.reason}.",
                remedy="request it again after this time; a freeze does not block a rollback",
            )


def stage_is_open(context: RuleContext) -> Iterator[Finding]:
    """Check that the stage takes promotions now, by the policy's windows; a rollback or a demotion is never held up."""
    request, windows = context.request, context.policy.windows
    if context.is_rollback or is_open(windows, request.stage, context.now):
        return
    opens = next_opening(windows, request.stage, context.now)
    when = f"{to_timestamp(opens)}" if opens else "more than a week from now"
    times = ", and only ".join(map(str, windows_of(windows, request.stage)))
    yield error(
        "window",
        f"{request.stage.label} takes promotions only {times}. It opens next: {when}.",
        remedy="request it again then; a rollback is not bound to these times",
    )
