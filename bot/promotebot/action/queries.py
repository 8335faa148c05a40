"""Commands that change nothing: /verify, /why and /status."""

from __future__ import annotations

from collections.abc import Callable

from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.artifact.source import GitTree
from promotebot.comments.comment import Rendered
from promotebot.comments.notices import render_report, render_status, render_verdict
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason, Refusal
from promotebot.gate.status import published_verdict
from promotebot.promotion.commands import QueryCommand
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.policy import Permission
from promotebot.pulls.promotions import carried_steps
from promotebot.pulls.replan import InvalidPromotions
from promotebot.registry.registry import ModelRegistry
from promotebot.verification.report import ReportScope
from promotebot.verification.verify import VerificationInput, verify

_TITLES = {"verified": "verified", "mismatch": "does not verify", "could_not_verify": "could not verify"}


def answer_query(command: QueryCommand, attempt: Attempt) -> Answer:
    """Answer in a comment of its own; the check is left alone."""
    changeset, replier = attempt.snapshot.changeset, attempt.replier
    replier.set_head(changeset.head, changeset.policy.contacts)
    refusal = _permission_refusal(command, attempt) or _model_refusal(command, changeset.head_registry)
    registry = changeset.head_registry
    if refusal or registry is None:
        return replier.refuse(refusal or _NO_REGISTRY)
    rendered = _RENDER[command.name](command, registry, attempt)
    return replier.answer(Answer(Outcome.HELPED, Reason.SHOWN, rendered.title), rendered)


def _permission_refusal(command: QueryCommand, attempt: Attempt) -> Refusal | None:
    login = attempt.requester.login
    held = attempt.job.github.permission(login) if command.name == "verify" else None
    if command.name != "verify" or (held is not None and held >= Permission.WRITE):
        return None
    has = f"GitHub knows no user {login}" if held is None else f"{login} has no write permission"
    message = f"{has}; /verify opens models."
    return Refusal(Reason.PERMISSION, message, "`/why` needs none: it tells what the gate said")


def _may_open_models(attempt: Attempt) -> bool:
    """Return whether who asks may write: opening models costs time, and runs what somebody pushed."""
    held = attempt.job.github.permission(attempt.requester.login)
    return held is not None and held >= Permission.WRITE


_NO_REGISTRY = Refusal(Reason.UNCLEAR, "There is no registry.", "known models: none: there is no registry")


def _model_refusal(command: QueryCommand, registry: ModelRegistry | None) -> Refusal | None:
    if registry is None:
        return _NO_REGISTRY
    if command.model is None or command.model in registry:
        return None
    return Refusal(
        Reason.UNCLEAR, f"Unknown model {command.model!r}.", f"known models: {', '.join(registry) or 'none'}"
    )


def _why(_: QueryCommand, __: ModelRegistry, attempt: Attempt) -> Rendered:
    if not _may_open_models(attempt):
        job, head = attempt.job, attempt.snapshot.changeset.head
        last = published_verdict(job.github, head, attempt.replier.context.gate, job.settings.bot_login)
        return render_verdict(last.state if last else "", last.description if last else "", attempt.replier.context)
    result = evaluate_pull(attempt.snapshot, attempt.snapshot.changeset, attempt.job, record=attempt.record)
    findings = (*result.findings, *([result.waiting] if result.waiting else []))
    return render_report(f"The gate says: {result.title}", findings, attempt.replier.context)


def _status(command: QueryCommand, registry: ModelRegistry, attempt: Attempt) -> Rendered:
    base = attempt.snapshot.changeset.base_registry or registry
    carried = carried_steps(attempt.snapshot.changeset)
    steps = () if isinstance(carried, InvalidPromotions) else carried  # the gate says what is wrong with it
    names = [name for name in base if command.model in (None, name)]
    return render_status(base, names, steps, attempt.replier.context)


def _verify(command: QueryCommand, registry: ModelRegistry, attempt: Attempt) -> Rendered:
    changeset = attempt.snapshot.changeset
    subject = VerificationInput(
        registry,
        GitTree(attempt.snapshot.repository, changeset.head),
        changeset.policy,
        lambda sha: bool(changeset.reachable(sha)),
        changeset.base_registry,
    )
    names = [name for name in registry if command.model in (None, name)]
    scope = ReportScope(registry=changeset.registry_path, commit=changeset.head)
    remarks = [*check_orphans(registry)]
    report = verify(subject, names, scope, examine=attempt.job.examine, now=attempt.snapshot.now, remarks=remarks)
    title = f"{changeset.head[:7]} {_TITLES[report.verdict]}"
    return render_report(title, report.findings, attempt.replier.context)


_RENDER: dict[str, Callable[[QueryCommand, ModelRegistry, Attempt], Rendered]] = {
    "why": _why,
    "status": _status,
    "verify": _verify,
}
