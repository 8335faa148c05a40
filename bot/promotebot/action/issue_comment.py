"""A comment: who may speak here, and one answer for its commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from promotebot.action.permissions import pull_refusal
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.comments.help import render_help
from promotebot.comments.refusals import render_refused_event, render_unreadable
from promotebot.github.events import CommentCreated
from promotebot.promotion.commands import (
    ChangeCommand,
    Command,
    Help,
    InvalidCommand,
    QueryCommand,
    Withdraw,
    parse_comment,
)
from promotebot.pulls.context import JobContext
from promotebot.settings import Settings

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import IssueComment


def ignored_comment(event: CommentCreated, settings: Settings) -> Answer | None:
    """Bots, ourselves, and comments without a command."""
    if event.author_type == "Bot" or event.via_app or event.author == settings.bot_login:
        return Answer(Outcome.IGNORED, Reason.BOT_COMMENT)
    return None if parse_comment(event.body) else Answer(Outcome.IGNORED, Reason.NO_COMMAND)


def answer_comment(event: CommentCreated, job: JobContext) -> Answer:
    """Carry out a comment's commands in order, until one is refused."""
    settings = job.settings
    url = f"{settings.server_url}/{settings.repository}/pull/{event.pull}#issuecomment-{event.comment_id}"
    requester = Requester(event.pull, event.author, f"comment:{event.comment_id}", url, event.comment_id)
    replier = Replier(job.github, settings, requester)
    replier.react("eyes")
    answer = report_errors(replier, lambda: _decide(event, requester, job, replier))
    replier.react("rocket" if answer.code == 0 else "-1")
    return answer


def _decide(event: CommentCreated, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    if not event.is_pull:
        return _refuse(
            replier,
            Reason.NOT_A_PULL_REQUEST,
            "This is an issue, not a pull request.",
            "open a pull request with the artifact and comment there",
        )
    comment, pull = job.github.comment(event.comment_id), job.github.pull(event.pull)
    replier.set_pull(pull)
    refused = _comment_refusal(event, comment) or pull_refusal(pull)
    if refused:
        return _refuse(replier, *refused)
    commands = parse_comment(event.body)
    unreadable = [command for command in commands if isinstance(command, InvalidCommand)]
    if unreadable:
        answer = Answer(Outcome.REFUSED, Reason.UNREADABLE_COMMAND, unreadable[0].problem)
        return replier.post(answer, render_unreadable(unreadable, replier.context))
    answers: list[Answer] = []
    for command in commands:
        answers.append(_one(command, requester, job, replier))
        if answers[-1].code:
            break  # later commands may build on this one
    return _together(answers)


def _one(command: Command, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    if isinstance(command, Help):
        return replier.post(Answer(Outcome.HELPED, Reason.HELP), render_help(replier.context))
    if isinstance(command, ChangeCommand):
        from promotebot.action.promote import PromotionJob  # GitPython is loaded where there is something to carry out

        arguments, line = command.arguments, command.line
        return retry_on_moved_head(
            requester.pull,
            job,
            replier,
            lambda snapshot, now: PromotionJob(arguments, line, requester, job, replier, snapshot, now).run(),
        )
    if isinstance(command, Withdraw):
        from promotebot.action.withdraw import Withdrawal

        model = command.model
        return retry_on_moved_head(
            requester.pull,
            job,
            replier,
            lambda snapshot, now: Withdrawal(requester, job, replier, snapshot, now, model=model).run(),
        )
    if isinstance(command, QueryCommand):
        from promotebot.action.queries import look

        return retry_on_moved_head(
            requester.pull, job, replier, lambda snapshot, now: look(command, requester, job, replier, snapshot, now)
        )
    raise TypeError(f"{type(command).__name__} is no command to carry out")


def _comment_refusal(event: CommentCreated, comment: IssueComment) -> tuple[Reason, str, str] | None:
    again = "write the command in a new comment"
    if comment.body != event.body or comment.updated_at != comment.created_at:
        return Reason.EDITED_COMMENT, "The comment was edited after it was written.", again
    if comment.author != event.author:
        return Reason.EDITED_COMMENT, "The comment is not by whom the event says.", again
    return None


def _refuse(replier: Replier, reason: Reason, message: str, remedy: str) -> Answer:
    answer = Answer(Outcome.REFUSED, reason, message)
    return replier.post(answer, render_refused_event(message, remedy, replier.context))


def _together(answers: Sequence[Answer]) -> Answer:
    """One answer for several commands: the last, which is the worst, with every one's result."""
    if len(answers) == 1:
        return answers[0]
    last = answers[-1]
    summary = "\n\n".join(answer.summary for answer in answers if answer.summary)
    return replace(last, summary=summary, details={**last.details, "all": [a.result() for a in answers]})
