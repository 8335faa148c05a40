"""Commands that change nothing: /verify, /why and /status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.action.status import BranchView, status_of
from promotebot.action.why import answer_why
from promotebot.artifact.source import GitTree
from promotebot.comments.comment import CommentContext, Rendered
from promotebot.comments.notices import render_report
from promotebot.comments.status import render_status
from promotebot.gate.admission import who_lacks
from promotebot.gate.hold import standing_holds
from promotebot.gate.refusal import Reason, Refusal
from promotebot.planning.restore import PinnedEvidence
from promotebot.promotion.commands import QueryCommand
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.request import unknown_model
from promotebot.promotion.sections import Permission
from promotebot.pulls.branch_commands import FIRST_REGISTRY
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import carried_steps
from promotebot.pulls.replan import InvalidPromotions
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, comment
from promotebot.verification.evidence_files import EvidenceFiles
from promotebot.verification.report import ReportScope
from promotebot.verification.verify import VerificationInput, verify

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub

_TITLES = {"verified": "verified", "mismatch": "does not verify", "could_not_verify": "could not verify"}


def answer_query(command: QueryCommand, attempt: Attempt) -> Answer:
    """Answer in a comment of its own; the check is left alone."""
    changeset, replier = attempt.snapshot.changeset, attempt.replier
    replier.set_head(changeset.head, changeset.policy.contacts)
    opening = opening_refusal(attempt.requester.login, attempt.job.github) if command.name == "verify" else None
    refusal = opening or model_refusal(command, changeset.head_registry)
    registry = changeset.head_registry
    if refusal or registry is None:
        return replier.refuse(refusal or NO_REGISTRY)
    rendered = _RENDER[command.name](command, registry, attempt)
    return replier.answer(Answer(Outcome.HELPED, Reason.SHOWN, rendered.title), rendered)


def opening_refusal(login: str, github: GitHub) -> Refusal | None:
    """Return why somebody may have no models opened: it costs time, and runs what somebody pushed."""
    lacks = who_lacks((login,), Permission.WRITE, github)
    message = f"{lacks}; /verify opens models, which needs write."
    look = Remedy("see without it what each stage holds: ", comment("/status"))
    return Refusal(Reason.PERMISSION, message, look) if lacks else None


NO_REGISTRY = Refusal(Reason.NO_REGISTRY, "There is no registry.", FIRST_REGISTRY)


def model_refusal(command: QueryCommand, registry: ModelRegistry | None) -> Refusal | None:
    """Return why nothing can be told of a model, or of a branch without a registry."""
    if registry is None:
        return NO_REGISTRY
    if command.model is None or command.model in registry:
        return None
    unknown = unknown_model(command.model, list(registry))
    remedy = Remedy.of(unknown.remedy).on(lambda changes: comment(f"/{command.name}", str(changes["model"])))
    return Refusal(Reason.UNCLEAR, unknown.message, remedy)


def _why(_: QueryCommand, __: ModelRegistry, attempt: Attempt) -> Rendered:
    return answer_why(attempt)


def _status(command: QueryCommand, registry: ModelRegistry, attempt: Attempt) -> Rendered:
    snapshot = attempt.snapshot
    carried = carried_steps(snapshot.changeset)
    steps = () if isinstance(carried, InvalidPromotions) else carried  # the gate says what is wrong with it
    base = snapshot.changeset.base_registry or registry
    view = BranchView(snapshot.pull.base_ref, base, snapshot.changeset.policy, snapshot.now)
    status = status_of(view, command.model, attempt.job, but=snapshot.pull.number)
    holds = [hold.words for hold in standing_holds(attempt.record)]
    return render_status(replace(status, carried=steps, holds=holds), attempt.replier.context)


def _verify(command: QueryCommand, registry: ModelRegistry, attempt: Attempt) -> Rendered:
    snapshot = attempt.snapshot
    return verification(command, registry, snapshot.changeset, snapshot.now, attempt.job, attempt.replier.context)


def verification(
    command: QueryCommand,
    registry: ModelRegistry,
    changeset: Changeset,
    now: datetime,
    job: JobContext,
    context: CommentContext,
) -> Rendered:
    """Return what a verification of the head finds, of one model or of all."""
    tree = GitTree(changeset.repository, changeset.head)
    subject = VerificationInput(
        registry,
        tree,
        changeset.policy,
        changeset.reachable,
        changeset.base_registry,
        evidence=EvidenceFiles(tree, PinnedEvidence(changeset.repository, changeset.head).remedy),
    )
    names = [name for name in registry if command.model in (None, name)]
    scope = ReportScope(registry=changeset.registry_path, commit=changeset.head)
    remarks = [*check_orphans(registry)]
    report = verify(subject, names, scope, examine=job.examine, now=now, remarks=remarks)
    return render_report(f"{changeset.head[:7]} {_TITLES[report.verdict]}", report.findings, context)


_RENDER: dict[str, Callable[[QueryCommand, ModelRegistry, Attempt], Rendered]] = {
    "why": _why,
    "status": _status,
    "verify": _verify,
}
