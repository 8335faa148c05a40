"""A comment: whether it is answered, and one answer for its commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from promotebot.action.question import question_of
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.artifact import starting
from promotebot.comments.refusals import render_unreadable
from promotebot.gate.admission import pull_refusal
from promotebot.gate.refusal import Reason, Refusal
from promotebot.github.events import CommentCreated
from promotebot.promotion.checklist import Check
from promotebot.promotion.commands import (
    ChangeCommand,
    Command,
    Doctor,
    Help,
    InvalidCommand,
    QueryCommand,
    Withdraw,
    has_unknown_stage,
    parse_holds,
    with_aliases,
)
from promotebot.promotion.comment_lines import lines_of
from promotebot.promotion.reject import Reject
from promotebot.promotion.safety_words import Hold, Unhold
from promotebot.promotion.slips import read_comment
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import default_contacts, read_aliases
from promotebot.remedies import Remedy, comment

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import IssueComment, PullRequest


def answer_comment(event: CommentCreated, job: JobContext) -> Answer:
    """Carry out a comment's commands in order, until one is refused."""
    settings = job.settings
    kind = "pull" if event.is_pull else "issues"
    url = f"{settings.server_url}/{settings.repository}/{kind}/{event.pull}#issuecomment-{event.comment_id}"
    requester = Requester(
        event.pull,
        event.author,
        f"comment:{event.comment_id}",
        url,
        comment_id=event.comment_id,
        run_by=settings.triggering_actor,
    )
    replier = Replier(job.github, settings, requester)
    replier.set_contacts(lambda: default_contacts(job))
    if not (event.is_pull and event.node_id):  # else the pull request is read with the same request
        replier.react("eyes")
    answer = report_errors(replier, lambda: _decide(event, requester, job, replier))
    if not answer.succeeded:  # a card or an answer says what was done; a reaction more would be a request more
        replier.react("-1")
    return answer


def _decide(event: CommentCreated, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    commands = read_comment(event.body, job.settings.prefix)
    invalid = [command for command in commands if isinstance(command, InvalidCommand)]
    replier.set_question(question_of([*invalid, *commands][0]))
    if not event.is_pull:
        return _decide_on_issue(event, commands, requester, job, replier)
    # The reaction comes with the first question. Where a commit, a status and a card say it, it is a write too many.
    is_told = any(isinstance(command, ChangeCommand) for command in commands)
    if is_told:  # the runtime loads while GitHub and git answer
        starting.start_early()
    once = iter(() if is_told else (event.node_id,))

    def look() -> tuple[PullRequest, Sequence[IssueComment]]:
        pull, comments = job.github.conversation(event.pull, seen=next(once, ""))
        replier.set_pull(pull, job.default_branch)
        replier.set_comments(comments)
        return pull, comments

    holds = parse_holds(event.body, job.settings.prefix)
    if not holds:
        return _carry_out(commands, event, requester, job, replier, look)
    # First of all, whatever else the comment says and whatever became of it since.
    pull, _ = look()
    replier.set_question(question_of(holds[0]))
    held = _hold(holds[0], pull, requester, job, replier)
    others = [_not_both(command) for command in commands if not isinstance(command, Hold)]
    if not others or not held.succeeded:
        return held
    replier.set_question(question_of(others[0]))
    return _combine([held, _carry_out(others, event, requester, job, replier, look)])


def _carry_out(
    commands: Sequence[Command],
    event: CommentCreated,
    requester: Requester,
    job: JobContext,
    replier: Replier,
    look: Callable[[], tuple[PullRequest, Sequence[IssueComment]]],
) -> Answer:
    """Carry out the commands of a comment that says now what it said when it was written."""
    pull, comments = job.patience.ask_until(look, lambda found: bool(_own(event, found[1])))
    if pull.reviews:
        from promotebot.action.late_holds import hear_reviews

        hear_reviews(pull, job, comments)
    refusal = _comment_refusal(event, _own(event, comments)) or _pull_refusal(pull, commands)
    if refusal:
        return replier.refuse(refusal)
    commands = _in_own_words(commands, event, job, pull.base_ref)
    invalid = [command for command in commands if isinstance(command, InvalidCommand)]
    if invalid:
        return _unreadable(invalid, replier)
    answers: list[Answer] = []
    known: PullRequest | None = pull
    for command in commands:
        replier.set_question(question_of(command))
        answers.append(_answer(command, requester, job, replier, known))
        if not answers[-1].succeeded:
            break  # later commands may build on this one
        known = None  # it may have moved the branch
    return _combine(answers)


def _decide_on_issue(
    event: CommentCreated, commands: Sequence[Command], requester: Requester, job: JobContext, replier: Replier
) -> Answer:
    """Answer what needs no branch; only the comment has to be what the event says."""
    from promotebot.action.plain_issue import answer_on_issue, issue_refusal

    comments = job.patience.ask_until(lambda: job.github.comments(event.pull), lambda found: bool(_own(event, found)))
    replier.set_comments(comments)
    commands = _in_own_words(commands, event, job, job.default_branch)
    invalid = [command for command in commands if isinstance(command, InvalidCommand)]
    refusal = _comment_refusal(event, _own(event, comments)) or (None if invalid else issue_refusal(commands))
    if refusal:
        return replier.refuse(refusal)
    if invalid:
        return _unreadable(invalid, replier)
    answers: list[Answer] = []
    for command in commands:
        replier.set_question(question_of(command))
        answers.append(answer_on_issue(command, requester, job, replier))
        if not answers[-1].succeeded:
            break
    return _combine(answers)


def _in_own_words(
    commands: Sequence[Command], event: CommentCreated, job: JobContext, branch: str
) -> Sequence[Command]:
    """Return the commands as the policy of the branch reads them; it is asked only where a word is no stage."""
    if not has_unknown_stage(commands):
        return commands
    return with_aliases(commands, event.body, job.settings.prefix, read_aliases(job, branch))


def _unreadable(invalid: Sequence[InvalidCommand], replier: Replier) -> Answer:
    answer = Answer(Outcome.REFUSED, Reason.UNREADABLE_COMMAND, invalid[0].problem)
    return replier.answer(answer, render_unreadable(invalid, replier.failure_context))


def _pull_refusal(pull: PullRequest, commands: Sequence[Command]) -> Refusal | None:
    """Return why nothing can be asked for; what was promoted can be taken back after the pull request was closed."""
    if all(isinstance(one, (Unhold, Reject)) for one in commands):
        return None  # what is held can be lifted wherever it is; what is rejected gets a pull request of its own
    is_closed = pull.state != "open" and not pull.merged
    return None if is_closed and all(isinstance(one, Withdraw) for one in commands) else pull_refusal(pull)


def _answer(
    command: Command, requester: Requester, job: JobContext, replier: Replier, known: PullRequest | None
) -> Answer:
    if isinstance(command, Doctor):  # needs nothing of the pull request
        from promotebot.action.doctor import answer_doctor

        return answer_doctor(requester, job, replier)
    work = _WORK[type(command)]
    asked_by = requester.login if isinstance(command, ChangeCommand) else ""
    return retry_on_moved_head(
        requester, job, replier, lambda attempt: work(command, attempt), known=known, asked_by=asked_by
    )


def _change(command: ChangeCommand, attempt: Attempt) -> Answer:
    from promotebot.action.promote import PromotionJob  # rules and artifacts are loaded where something is promoted

    return PromotionJob(attempt, command.arguments, command.line).run()


def _withdraw(command: Withdraw, attempt: Attempt) -> Answer:
    from promotebot.action.withdraw import Withdrawal

    return Withdrawal(attempt, model=command.model).run()


def _hold(hold: Hold, pull: PullRequest, requester: Requester, job: JobContext, replier: Replier) -> Answer:
    from promotebot.action.hold import HoldJob

    # A first run has nothing to look for, and must not depend on an answer more.
    is_again = not job.settings.is_first_attempt
    return HoldJob(hold, pull, requester, job, replier, str(requester.comment_id), may_be_lifted=is_again).run()


def _unhold(_: Unhold, attempt: Attempt) -> Answer:
    from promotebot.action.hold import lift

    return lift(attempt)


def _not_both(command: Command) -> Command:
    """Return the command as it counts in a comment that holds: what would lift that again is refused."""
    if not isinstance(command, Unhold):
        return command
    alone = Remedy("to lift it, in a comment of its own: ", comment("/unhold"))
    return InvalidCommand(command.line, command.text, "the same comment holds the pull request", alone)


def _help(_: Help, attempt: Attempt) -> Answer:
    from promotebot.action.help import answer_help

    return answer_help(attempt)


def _check(command: Check, attempt: Attempt) -> Answer:
    from promotebot.action.check import tick_boxes

    return tick_boxes(command.boxes, attempt)


def _query(command: QueryCommand, attempt: Attempt) -> Answer:
    from promotebot.action.queries import answer_query

    return answer_query(command, attempt)


def _reject(command: Reject, attempt: Attempt) -> Answer:
    from promotebot.action.reject import answer_reject

    return answer_reject(command, attempt)


_WORK: dict[type[Command], Callable[..., Answer]] = {
    ChangeCommand: _change,
    Withdraw: _withdraw,
    QueryCommand: _query,
    Check: _check,
    Unhold: _unhold,
    Reject: _reject,
    Help: _help,
}
"""What is done for a command, by its type."""


def _own(event: CommentCreated, comments: Sequence[IssueComment]) -> IssueComment | None:
    """Return the comment that the event is about; GitHub may list it some seconds late."""
    return next((comment for comment in comments if comment.id == event.comment_id), None)


def _comment_refusal(event: CommentCreated, comment: IssueComment | None) -> Refusal | None:
    """Return why a comment does not count: it must be, word for word and by its author, what the event says.

    Its times tell nothing: GitHub's `updated_at` can be a second after `created_at` though nobody edited it.
    """
    again = "write the command in a new comment"
    if comment is None:
        return Refusal(Reason.DELETED_COMMENT, "The comment was deleted before it was read.", again)
    if lines_of(comment.body) != lines_of(event.body):
        return Refusal(Reason.EDITED_COMMENT, "The comment was edited after it was written.", again)
    if comment.author != event.author:
        return Refusal(Reason.EDITED_COMMENT, "The comment was not written by the account in the event.", again)
    return None


def _combine(answers: Sequence[Answer]) -> Answer:
    """Return one answer for several commands: the last, which is the worst, with every one's result."""
    if len(answers) == 1:
        return answers[0]
    last = answers[-1]
    summary = "\n\n".join(answer.summary for answer in answers if answer.summary)
    return replace(last, summary=summary, details={**last.details, "all": [a.result() for a in answers]})
