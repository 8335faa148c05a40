"""Commands that change nothing: /verify, /why and /status."""

from __future__ import annotations

from datetime import datetime

from promotebot.action.reply import Teller
from promotebot.action.requester import Petition
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.artifact.source import GitTree
from promotebot.comments import notices as notes
from promotebot.comments.refusals import render_refused_event
from promotebot.gate.judge import judged
from promotebot.promotion.commands import Look
from promotebot.promotion.policy import Permission
from promotebot.pulls.context import Tools
from promotebot.pulls.promotions import Fallen, stand
from promotebot.pulls.snapshot import Workspace
from promotebot.verification.report import About
from promotebot.verification.verify import Subject, verify


def look(command: Look, petition: Petition, tools: Tools, teller: Teller, space: Workspace, now: datetime) -> Answer:
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
        found = judged(space, change, tools, now)
        findings = (*found.findings, *([found.waiting] if found.waiting else []))
        rendered = notes.render_report(f"The gate says: {found.title}", findings, teller.setting)
    elif command.what == "status":
        base, standing = change.base_registry or registry, stand(space, tools, now)
        steps = () if isinstance(standing, Fallen) else standing.steps
        names = [name for name in base if command.model in (None, name)]
        rendered = notes.render_status(base, names, steps, teller.setting)
    else:
        tree = GitTree(space.repository, change.head)
        subject = Subject(registry, tree, change.policy, lambda sha: bool(change.reachable(sha)), change.base_registry)
        names = [name for name in registry if command.model in (None, name)]
        about = About(registry=change.registry_path, commit=change.head)
        report = verify(subject, names, about, examine=tools.examine, now=now)
        title = {"verified": "verified", "mismatch": "does not verify"}.get(report.verdict, "could not verify")
        rendered = notes.render_report(f"{change.head[:7]} {title}", report.findings, teller.setting)
    return teller.say(Answer(Outcome.HELPED, Reason.SHOWN, rendered.title), rendered)
