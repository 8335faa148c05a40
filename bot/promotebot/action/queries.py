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
    command: QueryCommand, petition: Requester, tools: JobContext, teller: Replier, space: PullSnapshot, now: datetime
) -> Answer:
    """Answer in a comment of its own; the check is left alone."""
    change = space.change
    teller.at(change.head, change.policy.contacts)
    if command.what == "verify" and tools.github.permission(petition.login) < Permission.WRITE:
        message, remedy = f"{petition.login} has no write permission; /verify opens models.", "`/why` needs none"
        answer = Answer(Outcome.REFUSED, Reason.PERMISSION, message)
        return teller.say(answer, render_refused_event(message, remedy, teller.setting))
    registry = change.head_registry
    if registry is None or (command.model and command.model not in registry):
        known = ", ".join(registry) if registry else "none: there is no registry"
        message = f"Unknown model {command.model!r}." if registry else "There is no registry."
        answer = Answer(Outcome.REFUSED, Reason.UNCLEAR, message)
        return teller.say(answer, render_refused_event(message, f"known models: {known}", teller.setting))
    if command.what == "why":
        found = evaluate_pull(space, change, tools, now)
        findings = (*found.findings, *([found.waiting] if found.waiting else []))
        rendered = notes.render_report(f"The gate says: {found.title}", findings, teller.setting)
    elif command.what == "status":
        base, standing = change.base_registry or registry, load_pending(space, tools, now)
        steps = () if isinstance(standing, InvalidPromotions) else standing.steps
        names = [name for name in base if command.model in (None, name)]
        rendered = notes.render_status(base, names, steps, teller.setting)
    else:
        tree = GitTree(space.repository, change.head)
        subject = VerificationInput(
            registry, tree, change.policy, lambda sha: bool(change.reachable(sha)), change.base_registry
        )
        names = [name for name in registry if command.model in (None, name)]
        about = ReportScope(registry=change.registry_path, commit=change.head)
        report = verify(subject, names, about, examine=tools.examine, now=now)
        title = {"verified": "verified", "mismatch": "does not verify"}.get(report.verdict, "could not verify")
        rendered = notes.render_report(f"{change.head[:7]} {title}", report.findings, teller.setting)
    return teller.say(Answer(Outcome.HELPED, Reason.SHOWN, rendered.title), rendered)
