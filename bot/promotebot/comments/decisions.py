"""Comments on decisions: a reviewer can sign off on one without opening anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from promotebot.artifact.claims import Claims
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.quarantine import Quarantined
from promotebot.comments.claims import claims_section
from promotebot.comments.comment import (
    MAX_PROBLEMS,
    RULES_BYTES,
    CommentContext,
    Rendered,
    contacts_line,
    render_comment,
    requested_by,
    row_limit,
)
from promotebot.comments.compared import compared_section
from promotebot.comments.comparison import describe, registry_diff, render_comparison, render_history
from promotebot.comments.exceptions import exception_lines
from promotebot.comments.findings import bullets, count_line, every_rule, problems
from promotebot.comments.markdown import code, details, fence, text
from promotebot.comments.monitoring import monitoring_line
from promotebot.comments.refusals import REFUSED
from promotebot.comments.weights import not_opened, weights_section
from promotebot.findings import warnings_in
from promotebot.promotion.plan import Plan, Rejected, Unchanged
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.promotion.sections import Monitoring
from promotebot.registry.model import Action, Event, Pointer
from promotebot.registry.names import Stage
from promotebot.text import duration, short_digest, visible

MAX_CHANGES = 10
"""Promotions whose comparison the gate's report shows; a pull request can carry hundreds."""


@dataclass(frozen=True)
class PlanComment:
    """An accepted promotion as its comment shows it, committed or as a dry run."""

    plan: Plan
    evidence: Evidence
    today: Evidence | None
    """The evidence of the artifact that the stage holds now, for the comparison."""
    now: datetime
    merged_at: Mapping[Event, datetime] = field(default_factory=dict)
    """Event → when it was merged; the same facts that the soak rules saw."""
    claims: Claims | None = None
    """What is claimed of the artifact."""
    claims_of_active: Claims | None = None
    """The same of what it is compared with."""
    former: str = ""
    """What to call that where it is not ACTIVE any more."""
    monitoring: tuple[Monitoring, ...] = ()
    """Pages that people watch afterwards."""
    quarantined: Quarantined | None = None
    """Why nobody can go back to what the stage holds now."""

    @property
    def watched(self) -> str:
        """Return what people watch afterwards, as Markdown; empty where the stage then holds nothing."""
        plan = self.plan
        return "" if plan.action is Action.DEMOTE else monitoring_line(plan.request.stage, self.monitoring)

    def claimed(self, *, is_merged: bool = False) -> str:
        """Return what is claimed of it, as Markdown; empty where nothing is."""
        former = self.former or ("ACTIVE before" if is_merged else "")
        return claims_section(self.claims, self.claims_of_active, self.plan.findings, former=former)


def render_plan(comment: PlanComment, context: CommentContext, *, confirm_within: timedelta | None = None) -> Rendered:
    """Return the answer to a dry run of a promotion, rollback or demotion: what a commit would do.

    Args:
        confirm_within: how long whoever asked has to confirm it; None where it is a dry run and stays one.
    """
    plan, request, findings = comment.plan, comment.plan.request, comment.plan.findings
    asks = _asks(request.actor.name, confirm_within) if confirm_within else ""

    def sections(whole: bool) -> Sequence[str]:
        limit = row_limit(whole)
        return [
            asks,
            *exception_lines(plan),
            f"{not_opened(findings, comment.evidence)}{effect(plan, dry_run=True)} {requested_by(context)}",
            _words(request.reason, request.notes, request.origins.get("reason", "")),
            comparison(comment, context),
            comment.claimed(),
            compared_section(comment.evidence),
            weights_section(comment.evidence),
            "\n".join([count_line(findings), *bullets(warnings_in(findings), limit=limit)]),
            details("Every rule", every_rule(findings, budget=None if whole else RULES_BYTES)),
            registry_diff(plan.before, plan.after, request.model, whole=whole),
            render_history(plan.after.history.get(request.model, ()), whole=whole),
            _to_commit(request, context),
        ]

    icon = {Action.ROLLBACK: "⏪", Action.DEMOTE: "⬇️"}.get(plan.action, "⬆️")
    state = "waiting for a confirmation, nothing was committed" if confirm_within else "dry run, nothing was committed"
    return render_comment(request.model, icon, request.stage, state, sections, context)


def _asks(login: str, within: timedelta) -> str:
    return (
        f"**{code(login)}: react with 👍 to this comment within {duration(within)}** if this is what you mean. The "
        "policy asks for it (`stages.active.confirm`); without it nothing is committed."
    )


def render_confirmed(comment: PlanComment, context: CommentContext) -> Rendered:
    """Return what stands in the place of a dry run that was confirmed."""
    request = comment.plan.request
    text = f"{code(request.actor.name)} confirmed this promotion with 👍. The card shows what became of it."
    return render_comment(request.model, "👍", request.stage, "confirmed", lambda _: [text], context)


def changes_made(promotions: Sequence[PlanComment], context: CommentContext) -> Iterator[str]:
    """Yield what merging does with each of a pull request's promotions, beside what its stage holds today."""
    live = {one.plan.request.model for one in promotions if one.plan.request.stage is Stage.ACTIVE}
    for one in promotions[:MAX_CHANGES]:
        told = effect(one.plan, dry_run=False, keeps_active=one.plan.request.model not in live)
        first = not_opened(one.plan.findings, one.evidence)
        yield f"**{code(one.plan.request.model)}**: {first}{told}\n\n{comparison(one, context)}"
    if len(promotions) > MAX_CHANGES:
        yield f"… and {len(promotions) - MAX_CHANGES} more."


def comparison(comment: PlanComment, context: CommentContext, *, is_merged: bool = False) -> str:
    """Return the table of what a stage holds today and after merging; before and after it, once it is merged."""
    plan, repo_url = comment.plan, context.repo_url
    # A demotion leaves the stage empty: there is nothing to put beside what it loses.
    if plan.action is Action.DEMOTE:
        return describe(plan.pointer, plan.request.stage, repo_url=repo_url)
    evidence, today, now = comment.evidence, comment.today, comment.now
    return render_comparison(
        plan, evidence, today, repo_url=repo_url, now=now, merged_at=comment.merged_at, is_merged=is_merged
    )


def render_rejected(
    decision: Rejected, evidence: Evidence, context: CommentContext, facts: Facts | None = None
) -> Rendered:
    """Return the comment on a request that rules refuse: problems first, with the next command for each."""
    request, found = decision.request, evidence.comparison
    again = request.again(decision.findings)
    is_told = found is not None and not found.outputs and "comparison.data" in {one.rule for one in decision.findings}
    line = f": {code(str(again))}" if again else ", with the value that is missing."

    def sections(whole: bool) -> Sequence[str]:
        return [
            problems(decision.findings, limit=row_limit(whole)),
            f"When this is fixed, repeat the command in a new comment{line}",
            claims_section(facts.claims, facts.claims_of_active, (), former=facts.former) if facts else "",
            "" if is_told else compared_section(evidence),
            details("Every rule", every_rule(decision.findings, budget=None if whole else RULES_BYTES)),
            f"{requested_by(context)}{contacts_line(context)} {_understood(request, evidence)}",
        ]

    return render_comment(request.model, "⛔", request.stage, REFUSED, sections, context)


def render_unchanged(decision: Unchanged, context: CommentContext) -> Rendered:
    """Return the comment on a request for what the stage already holds."""
    request, pointer = decision.request, decision.pointer
    parts = [
        f"On this branch {request.stage.label} already holds {code(pointer.artifact_id)} with exactly these bytes "
        f"({code(short_digest(pointer.digest))}). {requested_by(context)}",
        describe(pointer, request.stage, repo_url=context.repo_url),
        "\n".join([count_line(decision.findings), *bullets(warnings_in(decision.findings), limit=MAX_PROBLEMS)]),
        f"If you meant another artifact, add {code('--artifact-dir')} with its directory to the command.",
    ]
    return render_comment(request.model, "☑️", request.stage, "nothing to change", lambda _: parts, context)


def effect(plan: Plan, *, dry_run: bool, keeps_active: bool = True) -> str:
    """Return one sentence: the effect of merging on the stage.

    Args:
        keeps_active: nothing else that is merged with it changes what is ACTIVE.
    """
    request, old = plan.request, plan.today
    name, stage = f"**{code(plan.pointer.artifact_id)}**", request.stage
    make, remove, put = ("This would make", "This would remove", "This would put")
    if not dry_run:
        make, remove, put = ("Merging makes", "Merging removes", "Merging puts")
    if plan.action is Action.DEMOTE:
        return f"{remove} {name} from {stage.label}; the stage is then empty."
    if plan.action is Action.IMPORTED:
        would = "This would record" if dry_run else "Merging records"
        return f"{would} {name} as {stage.label}, {_import(plan)}; no rule compared it with another artifact."
    instead = f" in place of {code(old.artifact_id)}" if old else ""
    if plan.action is Action.ROLLBACK:
        share = with_share(plan.pointer)
        return f"{put} {name} back into {stage.label}{instead}{share}: bytes that have been {stage.label} before."
    if stage is Stage.ACTIVE:
        return f"{make} {name} the ACTIVE model{instead}."
    # A reviewer of a lower stage asks first whether users are affected.
    entry = plan.before.entry(request.model)
    live = entry.active if entry else None
    stays = f" ACTIVE stays {code(live.artifact_id)}." if live else " ACTIVE stays empty."
    return f"{put} {name} into {stage.label}{instead}{with_share(plan.pointer)}.{stays if keeps_active else ''}"


def with_share(pointer: Pointer) -> str:
    """Return how much of production a candidate gets, as it goes on a sentence; empty where nobody said it."""
    return f", with {pointer.share} of production" if pointer.share else ""


def _import(plan: Plan) -> str:
    """Return where an imported pointer was found, and what of it nobody knows."""
    found = plan.event.imported
    if found is None:
        return "taken over from another tool"
    unknown = f" (not known: {', '.join(found.unknown)})" if found.unknown else ""
    return f"as {code(found.file)} has it{unknown}"


def _understood(request: Request, evidence: Evidence) -> str:
    """Return the completed request in a sentence, each inferred value with its origin.

    See docs/architecture.md, Commands.
    """
    values = {
        "artifact_id": request.artifact_id,
        "artifact_dir": request.artifact_dir,
        "dataset_id": request.dataset_id,
        "git_sha": request.git_sha and request.git_sha[:7],
    }
    words = {"artifact_dir": "in ", "dataset_id": "dataset ", "git_sha": "trained at "}
    parts = [
        f"{words.get(field, '')}{code(value)}{_origin(request.origins.get(field, ''))}"
        for field, value in values.items()
        if value
    ]
    proven = f", bytes {code(short_digest(evidence.digest))}" if evidence.digest else ""
    return f"Understood as {', '.join(parts)}{proven}."


def _origin(origin: str) -> str:
    return f" *({text(origin)})*" if origin else ""


def _words(reason: str | None, notes: str | None, origin: str) -> str:
    """Return the reason and the notes in the requester's own words, quoted."""
    quoted = [f"> Reason: {text(reason)}{_origin(origin)}"] if reason else []
    quoted += [f"> Notes: {text(notes)}"] if notes else []
    return "\n>\n".join(quoted)


def _to_commit(request: Request, context: CommentContext) -> str:
    """Return the command that asks for exactly these bytes: it is refused once the branch holds others."""
    again = request.line({"dry_run": False, "sha": context.head_sha, "notes": request.notes})
    return f"**To commit exactly this,** comment:\n{fence(visible(str(again)), 'text')}"
