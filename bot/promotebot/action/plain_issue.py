"""A command on a plain issue: questions about the default branch, and what opens a pull request of its own."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.action.help import help_facts
from promotebot.action.own_pull import OwnPullRequest
from promotebot.action.queries import NO_REGISTRY, model_refusal, opening_refusal, verification
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, finding_details
from promotebot.action.status import BranchView, status_of
from promotebot.comments.comment import requested_by
from promotebot.comments.help import ON_ISSUES, render_help
from promotebot.comments.markdown import code, link, text
from promotebot.comments.notices import QUERY, note
from promotebot.comments.refusals import render_unclear
from promotebot.comments.status import render_status
from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.commands import ChangeCommand, Command, Doctor, Help, QueryCommand
from promotebot.promotion.reject import Reject
from promotebot.promotion.safety_words import Hold
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import default_contacts
from promotebot.pulls.snapshot import fetch_default_branch
from promotebot.registry.model import Action


def issue_refusal(commands: Sequence[Command]) -> Refusal | None:
    """Return why a command is none for a plain issue, which has no branch; None where all of them work."""
    if all(_works(command) for command in commands):
        return None
    here = f"on an issue, these commands work: {', '.join(f'`{name}`' for name in ON_ISSUES)}"
    message, where = "This is an issue, not a pull request.", "open a pull request with the artifact and comment there"
    if any(isinstance(command, Hold) for command in commands):
        message, where = f"Nothing is held. {message}", "write it in the pull request that must not be merged"
    elif all(_works(command) or isinstance(command, ChangeCommand) for command in commands):
        where += ", or start the `promote` workflow by hand with the same line as its `command`"
    return Refusal(Reason.NOT_A_PULL_REQUEST, message, f"{where}; {here}")


def _works(command: Command) -> bool:
    if isinstance(command, ChangeCommand):
        return command.arguments.action is Action.ROLLBACK
    return isinstance(command, (Help, Doctor, Reject)) or (isinstance(command, QueryCommand) and command.name != "why")


def answer_on_issue(command: Command, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    """Answer one command for which `issue_refusal` found no reason against it.

    Raises:
        PromotebotError: for what cannot be read.
    """
    if isinstance(command, Doctor):
        from promotebot.action.doctor import answer_doctor

        return answer_doctor(requester, job, replier)
    if isinstance(command, ChangeCommand):
        return _rollback(command, requester, job, replier)
    if isinstance(command, Reject):
        return _reject(command, requester, job, replier)
    with fetch_default_branch(job) as (_, changeset):
        if isinstance(command, QueryCommand):
            return _query(command, changeset, requester, job, replier)
        facts = help_facts(changeset, job.default_branch, job.clock())
        if facts.policy:
            replier.set_head(changeset.head, facts.policy.contacts)
        return replier.answer(Answer(Outcome.HELPED, Reason.HELP), render_help(facts, replier.context))


def _query(
    command: QueryCommand, changeset: Changeset, requester: Requester, job: JobContext, replier: Replier
) -> Answer:
    replier.set_head(changeset.head, changeset.policy.contacts)
    registry, now = changeset.base_registry, job.clock()
    may_not = opening_refusal(requester.login, job.github) if command.name == "verify" else None
    refusal = may_not or model_refusal(command, registry)
    if refusal or registry is None:
        return replier.refuse(refusal or NO_REGISTRY)
    if command.name == "verify":
        rendered = verification(command, registry, changeset, now, job, replier.context)
    else:
        view = BranchView(job.default_branch, registry, changeset.policy, now)
        rendered = render_status(status_of(view, command.model, job), replier.context)
    return replier.answer(Answer(Outcome.HELPED, Reason.SHOWN, rendered.title), rendered)


def _reject(command: Reject, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    from promotebot.action.reject import reject_elsewhere

    told = reject_elsewhere(command, requester, job, replier.context)
    return replier.refuse(told) if isinstance(told, Refusal) else replier.answer(*told)


def _rollback(command: ChangeCommand, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    request = OwnPullRequest(command, requester, f"comment-{requester.comment_id}", job)
    opened = request.open()
    if isinstance(opened, Refusal):
        replier.set_head("", default_contacts(job))
        if not opened.findings:
            return replier.refuse(opened)
        details = finding_details(opened.findings)
        answer = Answer(Outcome.REFUSED, opened.reason, opened.message, details=details)
        return replier.answer(answer, render_unclear(opened.findings, command.arguments.model, replier.context))
    made = request.carry_out(opened)
    context = replier.context
    where = link(f"pull request #{opened.number}", f"{context.repo_url}/pull/{opened.number}")
    title = f"Rollback: pull request #{opened.number}"
    said = (
        f"Merge {where} to roll back; until then nothing changes."
        if made.succeeded
        else f"{where} was opened, and the rollback on it failed: {text(made.message)}"
    )
    heading = f"{'↩️' if made.succeeded else '⛔'} {code(command.arguments.model or '')} · {text(title)}"
    return replier.answer(made, note(QUERY, heading, [said, requested_by(context)], context, title=title))
