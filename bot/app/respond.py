"""Respond: an event from GitHub in, one answer out. Who may speak is decided here; what is legal is not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.app.gate import Examine
from bot.app.outcome import Answer, Outcome, Reason
from bot.app.tell import Teller
from bot.errors import CouldNotVerify, PromotebotError
from bot.github import comment as comments
from bot.github.events import CommentCreated, Event, Ignored
from bot.promotion.commands import Ask, Command, Help, Unreadable, parse_comment
from bot.settings import Settings

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from bot.github.client import GitHub, IssueComment, PullRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """Everything an answer needs from outside, passed in once."""

    settings: Settings
    connect: Callable[[], GitHub]
    """Makes the client; called only when there is a command to answer."""
    examine: Examine
    clock: Callable[[], datetime]


def respond(event: Event, desk: Desk) -> Answer:
    """Answer one event. Comments without a command, and bots, cost no API call and get no reply."""
    if isinstance(event, Ignored):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, event.reason)
    if event.author_type == "Bot" or event.via_app or event.author == desk.settings.bot_login:
        return Answer(Outcome.IGNORED, Reason.BOT_COMMENT)
    commands = parse_comment(event.body)
    if not commands:
        return Answer(Outcome.IGNORED, Reason.NO_COMMAND)
    github = desk.connect()
    try:
        return _answer(event, commands, desk, github)
    finally:
        github.close()


def _answer(event: CommentCreated, commands: Sequence[Command], desk: Desk, github: GitHub) -> Answer:
    teller = Teller(github, desk.settings, event)
    teller.react("eyes")
    try:
        answer = _decide(event, commands, desk, github, teller)
    except PromotebotError as problem:
        reason = Reason.COULD_NOT_VERIFY if isinstance(problem, CouldNotVerify) else Reason.INVALID_FILE
        outcome = Outcome.FAILED if isinstance(problem, CouldNotVerify) else Outcome.REFUSED
        answer = Answer(outcome, reason, str(problem), exit_code=problem.exit_code)
        answer = teller.say(answer, comments.render_failure(problem, teller.setting))
    except Exception:
        answer = Answer(Outcome.FAILED, Reason.INTERNAL, "internal error", exit_code=3)
        teller.say(answer, comments.render_internal_error(teller.setting))
        raise  # cli, the one error boundary, logs it and ends with 3
    teller.react("rocket" if answer.code == 0 else "-1")
    return answer


def _decide(event: CommentCreated, commands: Sequence[Command], desk: Desk, github: GitHub, teller: Teller) -> Answer:
    if not event.is_pull:
        return _refuse(
            teller,
            Reason.NOT_A_PULL_REQUEST,
            "This is an issue, not a pull request.",
            "open a pull request with the artifact and comment there",
        )
    comment = github.comment(event.comment_id)
    pull = github.pull(event.pull)
    teller.place(pull, comment)
    refused = _refusal(event, comment, pull)
    if refused:
        return _refuse(teller, *refused)
    unreadable = [command for command in commands if isinstance(command, Unreadable)]
    if unreadable:
        answer = Answer(Outcome.REFUSED, Reason.UNREADABLE_COMMAND, unreadable[0].problem)
        return teller.say(answer, comments.render_unreadable(unreadable, teller.setting))
    from bot.app.carry_out import carry_out  # GitPython is loaded where there is something to carry out

    answers: list[Answer] = []
    for command in commands:
        if isinstance(command, Help):
            answers.append(teller.say(Answer(Outcome.HELPED, Reason.HELP), comments.render_help(teller.setting)))
        elif isinstance(command, Ask):
            answers.append(carry_out(command, event, desk.settings, github, desk.examine, desk.clock, teller))
        if answers[-1].code:
            break  # later commands may build on this one
    return _together(answers)


def _refusal(event: CommentCreated, comment: IssueComment, pull: PullRequest) -> tuple[Reason, str, str] | None:
    """Why this comment is not listened to, whatever it asks for; None when it is."""
    again = "write the command in a new comment"
    if comment.body != event.body or comment.updated_at != comment.created_at:
        return Reason.EDITED_COMMENT, "The comment was edited after it was written.", again
    if comment.author != event.author:
        return Reason.EDITED_COMMENT, "The comment is not by whom the event says.", again
    if pull.merged or pull.state != "open":
        return (
            Reason.PULL_CLOSED,
            f"The pull request is {'merged' if pull.merged else 'closed'}.",
            "open a new one and comment there",
        )
    if pull.is_fork:
        return (
            Reason.FORK,
            "The pull request comes from a fork, which promotebot cannot and does not write to.",
            "push the branch to this repository and open the pull request from there",
        )
    return None


def _refuse(teller: Teller, reason: Reason, message: str, remedy: str) -> Answer:
    answer = Answer(Outcome.REFUSED, reason, message)
    return teller.say(answer, comments.render_refused_event(message, remedy, teller.setting))


def _together(answers: Sequence[Answer]) -> Answer:
    """One answer for several commands: the last, which is the worst, with every one's result."""
    if len(answers) == 1:
        return answers[0]
    last = answers[-1]
    summary = "\n\n".join(answer.summary for answer in answers if answer.summary)
    return replace(last, summary=summary, details={**last.details, "all": [a.result() for a in answers]})
