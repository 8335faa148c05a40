"""Comments on decisions: a reviewer can sign off on one without opening anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from promotebot.artifact.evidence import Evidence
from promotebot.comments.comment import (
    MAX_PROBLEMS,
    RULES_BYTES,
    CommentContext,
    Rendered,
    render_comment,
    requested_by,
    row_limit,
)
from promotebot.comments.comparison import describe, registry_diff, render_comparison, render_history
from promotebot.comments.findings import bullets, count_line, every_rule, problems, waits
from promotebot.comments.markdown import code, details, fence, text
from promotebot.comments.refusals import REFUSED
from promotebot.findings import Finding, warnings_in
from promotebot.promotion.plan import Plan, Rejected, Unchanged
from promotebot.promotion.request import Request
from promotebot.registry.model import Action, Event
from promotebot.registry.names import ModelName, Stage
from promotebot.text import short_digest, visible

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
    commit_sha: str | None = None
    """The commit that was pushed; None for a dry run."""
    merged_at: Mapping[Event, datetime] = field(default_factory=dict)
    """Event → when it was merged; the same facts that the soak rules saw."""
    promotions: Sequence[tuple[str, Event]] = ()
    """Every (model, event) the pull request carries, this one included; merging makes them all live."""
    gate: Sequence[Finding] = ()
    """The gate's errors on the new head; empty when it refuses nothing."""
    waiting: Finding | None = None
    """The step that people still have to take before the required check turns green; None without one."""

    @property
    def dry_run(self) -> bool:
        """Return whether nothing was committed."""
        return self.commit_sha is None

    @property
    def state(self) -> str:
        """Return the last words of the heading; what the gate refuses comes before what people have to do."""
        if self.gate:
            return "committed, but the gate refuses this pull request"
        if self.waiting:
            return f"committed, {self.waiting.message}"
        return "dry run, nothing was committed" if self.dry_run else "ready to sign off"


def render_plan(comment: PlanComment, context: CommentContext) -> Rendered:
    """Return the comment on an accepted promotion, rollback or demotion."""
    plan, gate = comment.plan, comment.gate
    request, findings = plan.request, plan.findings
    comparison = _comparison(comment, context)

    def sections(whole: bool) -> Sequence[str]:
        limit, closing = row_limit(whole), ["Do not merge before the gate is green."]
        return [
            problems(gate, limit=limit) if gate else "",
            f"{_effect(plan, dry_run=comment.dry_run)} {requested_by(context, comment.commit_sha)}",
            _together(comment.promotions),
            _words(request.reason, request.notes, request.origins.get("reason", "")),
            comparison,
            "\n".join([count_line(findings), *bullets(warnings_in(findings), limit=limit)]),
            details("Every rule", every_rule(findings, budget=None if whole else RULES_BYTES)),
            registry_diff(plan, whole=whole),
            render_history(plan.after.history.get(request.model, ()), whole=whole),
            waits(comment.waiting) if comment.waiting else "",
            *(closing if gate else _closing(request, context, comment.commit_sha)),
        ]

    icon = {Action.ROLLBACK: "⏪", Action.DEMOTE: "⬇️"}.get(plan.action, "⬆️")
    return render_comment(request.model, icon, request.stage, comment.state, sections, context)


def changes_made(promotions: Sequence[PlanComment], context: CommentContext) -> Iterator[str]:
    """Yield what merging does with each of a pull request's promotions, beside what its stage holds today."""
    for one in promotions[:MAX_CHANGES]:
        yield f"**{code(one.plan.request.model)}**: {_effect(one.plan, dry_run=False)}\n\n{_comparison(one, context)}"
    if len(promotions) > MAX_CHANGES:
        yield f"… and {len(promotions) - MAX_CHANGES} more."


def _comparison(comment: PlanComment, context: CommentContext) -> str:
    """Return the table of what a stage holds today and after merging."""
    plan, repo_url = comment.plan, context.repo_url
    # A demotion leaves the stage empty: there is nothing to put beside what it loses.
    if plan.action is Action.DEMOTE:
        return describe(plan.pointer, plan.request.stage, repo_url=repo_url)
    return render_comparison(
        plan, comment.evidence, comment.today, repo_url=repo_url, now=comment.now, merged_at=comment.merged_at
    )


def render_rejected(decision: Rejected, evidence: Evidence, context: CommentContext) -> Rendered:
    """Return the comment on a request that rules refuse: problems first, with the next command for each."""
    request = decision.request
    # The command repeats what the person gave; a command in a comment adds nothing that was inferred.
    again = request.retry(notes=request.notes) + _switches(request)

    def sections(whole: bool) -> Sequence[str]:
        return [
            problems(decision.findings, limit=row_limit(whole)),
            f"Once that is fixed, ask again in a new comment: {code(again)}",
            details("Every rule", every_rule(decision.findings, budget=None if whole else RULES_BYTES)),
            f"{requested_by(context)} {_understood(request, evidence)}",
        ]

    return render_comment(request.model, "⛔", request.stage, REFUSED, sections, context)


def render_unchanged(decision: Unchanged, context: CommentContext) -> Rendered:
    """Return the comment on a request for what the stage already holds."""
    request, pointer = decision.request, decision.pointer
    other = f"/promote {request.stage.value} {request.model} --artifact-dir DIR"
    parts = [
        f"On this branch {request.stage.label} already holds {code(pointer.artifact_id)} with exactly these bytes "
        f"({code(short_digest(pointer.digest))}). {requested_by(context)}",
        describe(pointer, request.stage, repo_url=context.repo_url),
        "\n".join([count_line(decision.findings), *bullets(warnings_in(decision.findings), limit=MAX_PROBLEMS)]),
        f"Meant another artifact? Name it: {code(other)}",
    ]
    return render_comment(request.model, "☑️", request.stage, "nothing to change", lambda _: parts, context)


def render_done(event: Event, model: str, context: CommentContext, *, commit_sha: str | None = None) -> Rendered:
    """Return the comment on a request that was carried out before, by `commit_sha` where that is known."""
    # Events of every promotion name their stage; only an event written by hand may not.
    stage = event.stage or Stage.ACTIVE
    by = f" by {context.commit(commit_sha)}" if commit_sha else ""
    parts = [
        f"This very request was carried out before{by}; nothing was written a second time. {requested_by(context)}",
        _words(event.reason, event.notes, ""),
        describe(event.pointer, stage, repo_url=context.repo_url),
        "**Sign off:** approve and merge.",
    ]
    return render_comment(ModelName(model), "☑️", stage, "already done, ready to sign off", lambda _: parts, context)


def _effect(plan: Plan, *, dry_run: bool) -> str:
    """Return one sentence: the effect of merging on the stage."""
    request, old = plan.request, plan.today
    name, stage = f"**{code(request.artifact_id)}**", request.stage
    make, take, put = ("This would make", "This would take", "This would put")
    if not dry_run:
        make, take, put = ("Merging makes", "Merging takes", "Merging puts")
    if plan.action is Action.DEMOTE:
        return f"{take} {name} out of {stage.label}; the stage then holds nothing."
    if plan.action is Action.ROLLBACK:
        away = f", away from {code(old.artifact_id)}" if old else ""
        return f"{take} {stage.label} back to {name}{away}: bytes that have been {stage.label} before."
    instead = f" in place of {code(old.artifact_id)}" if old else ""
    if stage is Stage.ACTIVE:
        return f"{make} {name} the ACTIVE model{instead}."
    # A reviewer of a lower stage asks first whether users are affected.
    entry = plan.before.entry(request.model)
    live = entry.active if entry else None
    stays = f"ACTIVE stays {code(live.artifact_id)}." if live else "Nothing becomes ACTIVE."
    return f"{put} {name} into {stage.label}{instead}. {stays}"


def _together(promotions: Sequence[tuple[str, Event]]) -> str:
    """Return the list of all promotions of the pull request, where this is not its only one.

    Merging makes all of them: one comment must not hide another's promotion.
    """
    if len(promotions) < 2:
        return ""
    lines = [
        f"- {code(model)} → {event.stage.label if event.stage else 'no stage'}: {code(event.pointer.artifact_id)}"
        for model, event in promotions
    ]
    return f"**This pull request carries {len(lines)} promotions; merging makes all of them:**\n" + "\n".join(lines)


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
    quoted = [f"> Why: {text(reason)}{_origin(origin)}"] if reason else []
    quoted += [f"> Notes: {text(notes)}"] if notes else []
    return "\n>\n".join(quoted)


def _closing(request: Request, context: CommentContext, commit_sha: str | None) -> Sequence[str]:
    """Return the advice to sign off, and the command that asks for exactly these bytes again."""
    # --sha ties the command to this commit: it is refused once the branch holds other bytes.
    again = request.retry(sha=commit_sha or context.head_sha, notes=request.notes) + _switches(request)
    command = fence(visible(again), "text")
    if commit_sha is None:
        return [f"**To commit exactly this,** comment:\n{command}"]
    sign_off = f"**Sign off:** approve and merge. To ask again for exactly these bytes:\n{command}"
    # https://docs.github.com/en/actions/concepts/security/github_token
    others = (
        f"Other required checks wait on {context.commit(commit_sha)}, which the Actions token pushed; only "
        f"{code(context.gate)} is set. Press *Approve workflows to run* below or, where that is not offered, close and "
        "reopen the pull request. What an App's token pushes is checked at once."
    )
    return [sign_off, others] if context.by_actions else [sign_off]


def _switches(request: Request) -> str:
    return " --new-model" if request.new_model else ""
