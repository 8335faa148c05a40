"""Commands that change nothing: /verify, /why and /status."""

from __future__ import annotations

from datetime import datetime

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.artifact.source import GitTree
from promotebot.comments import notices as notes
from promotebot.comments.refusals import render_refused_event
from promotebot.gate.judge import evaluate_pull
from promotebot.promotion.commands import QueryCommand
from promotebot.promotion.policy import Permission
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import InvalidPromotions, load_pending
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.verification.report import ReportScope
from promotebot.verification.verify import VerificationInput, verify


def look(
    command: QueryCommand,
    requester: Requester,
    job: JobContext,
    replier: Replier,
    snapshot: PullSnapshot,
    now: datetime,
) -> Answer:
    """Answer in a comment of its own; the check is left alone."""
    changeset = snapshot.changeset
    replier.set_head(changeset.head, changeset.policy.contacts)
    if command.name == "verify" and job.github.permission(requester.login) < Permission.WRITE:
        message, remedy = f"{requester.login} has no write permission; /verify opens models.", "`/why` needs none"
        answer = Answer(Outcome.REFUSED, Reason.PERMISSION, message)
        return replier.post(answer, render_refused_event(message, remedy, replier.context))
    registry = changeset.head_registry
    if registry is None or (command.model and command.model not in registry):
        known = ", ".join(registry) if registry else "none: there is no registry"
        message = f"Unknown model {command.model!r}." if registry else "There is no registry."
        answer = Answer(Outcome.REFUSED, Reason.UNCLEAR, message)
        return replier.post(answer, render_refused_event(message, f"known models: {known}", replier.context))
    if command.name == "why":
        found = evaluate_pull(snapshot, changeset, job, now)
        findings = (*found.findings, *([found.waiting] if found.waiting else []))
        rendered = notes.render_report(f"The gate says: {found.title}", findings, replier.context)
    elif command.name == "status":
        base, pending = changeset.base_registry or registry, load_pending(snapshot, job, now)
        steps = () if isinstance(pending, InvalidPromotions) else pending.steps
        names = [name for name in base if command.model in (None, name)]
        rendered = notes.render_status(base, names, steps, replier.context)
    else:
        tree = GitTree(snapshot.repository, changeset.head)
        subject = VerificationInput(
            registry, tree, changeset.policy, lambda sha: bool(changeset.reachable(sha)), changeset.base_registry
        )
        names = [name for name in registry if command.model in (None, name)]
        about = ReportScope(registry=changeset.registry_path, commit=changeset.head)
        report = verify(subject, names, about, examine=job.examine, now=now)
        title = {"verified": "verified", "mismatch": "does not verify"}.get(report.verdict, "could not verify")
        rendered = notes.render_report(f"{changeset.head[:7]} {title}", report.findings, replier.context)
    return replier.post(Answer(Outcome.HELPED, Reason.SHOWN, rendered.title), rendered)
