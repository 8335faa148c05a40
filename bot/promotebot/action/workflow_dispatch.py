"""A job started by hand with one command line: a branch and a pull request of its own (rollback at night)."""

from __future__ import annotations

from dataclasses import replace

from promotebot.action.own_pull import OwnPullRequest
from promotebot.action.reject import reject_elsewhere
from promotebot.action.reply import comment_context, refusal_answer
from promotebot.action.requester import Requester
from promotebot.action.result import Answer
from promotebot.action.retry import error_answer
from promotebot.comments.comment import CommentContext
from promotebot.errors import PromotebotError
from promotebot.gate.refusal import Reason, Refusal
from promotebot.github.events import BRANCH, Dispatched
from promotebot.promotion.commands import ChangeCommand, InvalidCommand, has_unknown_stage, parse_comment
from promotebot.promotion.contacts import Purpose, contacts_for
from promotebot.promotion.reject import Reject
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import default_contacts, read_aliases

_EXAMPLE = '/rollback regime_classifier --reason "incident #123"'


def answer_dispatch(event: Dispatched, job: JobContext) -> Answer:
    """Open a pull request that carries what the command asks for, for artifacts that are on the base already.

    A refusal makes no branch and no pull request; with no comment to write, the step summary says why.
    """
    settings, run = job.settings, f"run:{job.settings.run_id or '0'}"
    requester = Requester(0, event.sender, run, settings.run_url or "", run_by=settings.triggering_actor)
    try:
        command = _command(event, job)
        if isinstance(command, Refusal):
            return refusal_answer(command, _context(requester, job))
        if isinstance(command, Reject):
            return _reject(command, requester, job)
        request = OwnPullRequest(command, requester, settings.run_id or "manual", job)
        opened = request.open()
    except PromotebotError as problem:
        return error_answer(problem, _context(requester, job))
    return (
        refusal_answer(opened, _context(requester, job)) if isinstance(opened, Refusal) else request.carry_out(opened)
    )


def _reject(command: Reject, requester: Requester, job: JobContext) -> Answer:
    context = _context(requester, job)
    told = reject_elsewhere(command, requester, job, context)
    if isinstance(told, Refusal):
        return refusal_answer(told, context)
    answer, rendered = told
    return replace(answer, summary=rendered.full)


def _context(requester: Requester, job: JobContext) -> CommentContext:
    # Whoever starts a job by hand at night calls those for a refusal and those for a rollback alike.
    called = contacts_for(default_contacts(job), Purpose.REFUSED, Purpose.ROLLBACK)
    return replace(comment_context(job.settings, requester), contacts=called)


def _command(event: Dispatched, job: JobContext) -> ChangeCommand | Reject | Refusal:
    """Return the one command; the branch that the job was started on decides whose policy and code it runs by."""
    default = job.default_branch
    if event.ref != f"{BRANCH}{default}":
        return Refusal(Reason.WRONG_BASE, f"started on {event.ref}", f"start it on the default branch, {default}")
    commands = parse_comment(event.command.strip())
    if has_unknown_stage(commands):
        commands = parse_comment(event.command.strip(), aliases=read_aliases(job, default))
    if len(commands) == 1 and isinstance(commands[0], (ChangeCommand, Reject)):
        return commands[0]
    invalid = next((command for command in commands if isinstance(command, InvalidCommand)), None)
    if invalid is None:
        expected = "one command is expected: /promote, /rollback, /demote or /reject"
        return Refusal(Reason.UNREADABLE_COMMAND, expected, f"such as {_EXAMPLE}")
    reason = Reason.MISSING_REASON if invalid.lacks_reason else Reason.UNREADABLE_COMMAND
    return Refusal(reason, invalid.problem, invalid.remedy)
