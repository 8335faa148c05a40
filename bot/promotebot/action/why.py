"""`/why`: judge the pull request again without publishing it, and where it carries nothing, the last request too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promotebot.action.retry import Attempt
from promotebot.comments.comment import Rendered
from promotebot.comments.notices import render_verdict
from promotebot.comments.why import LastRequest, render_why
from promotebot.findings import Finding
from promotebot.gate.admission import DOING, asking_refusal, may_write, request_refusal
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Refusal
from promotebot.gate.status import published_verdict
from promotebot.promotion.commands import ChangeCommand, parse_comment
from promotebot.promotion.infer import IncompleteRequest
from promotebot.promotion.plan import Unchanged
from promotebot.promotion.policy import MAX_BYTES
from promotebot.promotion.policy_lines import KEYS, lines_of_keys, policy_lines
from promotebot.promotion.rules.request import CONFIRMED
from promotebot.pulls.promotions import load_pending
from promotebot.pulls.replan import InvalidPromotions
from promotebot.pulls.request_context import RequestContext, title_reason


def answer_why(attempt: Attempt) -> Rendered:
    """Return what the gate says; whoever may not write has no model opened, and is told what it said last.

    Raises:
        CouldNotVerify: when GitHub or git does not answer.
    """
    snapshot, job, context = attempt.snapshot, attempt.job, attempt.replier.context
    changeset = snapshot.changeset
    if not may_write(attempt.requester.login, job.github):
        said = published_verdict(job.github, changeset.head, context.gate, job.settings.bot_login)
        return render_verdict(said.state if said else "", said.description if said else "", context)
    result = evaluate_pull(snapshot, changeset, job, record=attempt.record)
    last = None if result.steps else _last_request(attempt)
    data = snapshot.repository.read_file(changeset.base, changeset.policy_path, max_bytes=MAX_BYTES)
    models, stages = {step.model for step in result.steps}, {step.event.stage for step in result.steps}
    if last:
        models, stages = {last.model} if last.model else set(), {last.stage}
    lines = policy_lines(changeset.policy, data, models, {one for one in stages if one})
    lines |= lines_of_keys(changeset.policy, data, last.policy_keys if last else (), models)
    url = f"{context.repo_url}/blob/{changeset.base}/{changeset.policy_path}"
    return render_why(result.title, result.findings, result.waiting, last, lines, url, context)


def _last_request(attempt: Attempt) -> LastRequest | None:
    """Return the newest change that a person asked for before, and what it would meet now; None where nobody did."""
    prefix, own, bot = attempt.job.settings.prefix, attempt.requester.comment_id, attempt.job.settings.bot_login
    aliases = attempt.snapshot.changeset.policy.aliases
    for comment in reversed(attempt.replier.comments):
        commands = parse_comment(comment.body, prefix, aliases) if comment.author != bot and comment.id != own else []
        changes = [command for command in commands if isinstance(command, ChangeCommand)]
        if changes:
            return _met(changes[-1], comment.author, comment.html_url, attempt)
    return None


def _met(command: ChangeCommand, login: str, url: str, attempt: Attempt) -> LastRequest:
    asked = LastRequest(command.text, login, url, command.arguments.stage, command.arguments.model)
    refusal = request_refusal(command.arguments, (login,), attempt.snapshot, attempt.job.github)
    found = refusal or _found(command, login, attempt)
    if isinstance(found, Refusal):
        return replace(asked, refusal=found.message, remedy=found.remedy, policy_keys=found.policy_keys)
    keys = KEYS[CONFIRMED] if any(finding.rule == CONFIRMED for finding in found) else ()
    return replace(asked, findings=found, policy_keys=keys)


def _found(command: ChangeCommand, login: str, attempt: Attempt) -> Sequence[Finding] | Refusal:
    """Return what the rules find about a request on the branch as it is; nothing is written."""
    snapshot, job = attempt.snapshot, attempt.job
    changeset = snapshot.changeset
    pending = load_pending(snapshot, job)
    if isinstance(pending, InvalidPromotions):
        return pending.findings
    context = RequestContext(changeset, snapshot.pull.base_ref, pending.registry, pending.base, job)
    prepared = context.complete(command.arguments, login, None, title_reason(snapshot.pull))
    if isinstance(prepared, IncompleteRequest):
        return prepared.findings
    request, remarks = prepared
    arguments, doing = command.arguments, DOING[command.arguments.action]
    refusal = asking_refusal(arguments, request.model, (login,), changeset, job.github, doing)
    if refusal:
        return refusal
    decision = context.decide(request, remarks, snapshot.now).decision
    return () if isinstance(decision, Unchanged) else decision.findings
