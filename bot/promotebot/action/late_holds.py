"""A hold that no new comment asks for: somebody writes it into a review, or into a comment that stands already.

Whoever writes such a word believes that it holds, wherever it stands. Every other command is for a new comment, which
whoever writes it into a review is told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from promotebot.action.hold import HoldJob
from promotebot.action.question import question_of
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.errors import CouldNotVerify
from promotebot.gate.hold import is_recorded
from promotebot.gate.lifting import BY_EDIT, BY_REVIEW, is_on_code, late_hold_id
from promotebot.gate.record import PullRecord
from promotebot.gate.refusal import Reason, Refusal
from promotebot.github.events import CommentChanged
from promotebot.promotion.commands import Command, InvalidCommand, parse_comment, parse_holds
from promotebot.promotion.first_words import nearest_verb
from promotebot.promotion.flags import split_words
from promotebot.promotion.safety_words import Hold
from promotebot.pulls.context import JobContext
from promotebot.pulls.default_policy import default_contacts
from promotebot.pulls.snapshot import fetch_pull
from promotebot.remedies import Remedy, choices, comment

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from collections.abc import Mapping, Sequence

    from promotebot.github.ports import IssueComment, PullRequest


MAX_READ = 5_000
"""Characters of a review in which commands are looked for, which every job does; `/hold` counts anywhere."""
MAX_ANSWERED = 50
"""Reviews and comments on code, the newest, in which a command is answered; `/hold` counts in all of them."""


def hear_reviews(pull: PullRequest, job: JobContext, comments: Sequence[IssueComment] | None = None) -> None:
    """Hold a pull request for each review that says so and was not heard before; say that other commands do not count.

    What a review says on lines of code is part of it. Every job that may turn the pull request green hears reviews: the
    workflow that tells of one is the branch's own, which may have left it out.

    Args:
        comments: those of the pull request where they came with it; None where it is one of a list.

    Raises:
        CouldNotVerify: when GitHub or git does not answer, so that nobody knows whether a review holds it.
    """
    if not pull.reviews:
        return
    said, known = job.github.conversation(pull.number) if comments is None else (pull, comments)
    # Whoever writes many more must not push a hold out of the newest ones.
    reviews = said.reviews if said.has_all_reviews else job.github.all_reviews(pull.number)
    holding = [one for one in reviews if parse_holds(one.body, job.settings.prefix)]
    _hold_each(_unheard(said, holding, job), said, known, job)
    for review in said.reviews[-MAX_ANSWERED:]:
        _answer_commands(review, said, known, job)


def _hold_each(
    unheard: Mapping[str, IssueComment], pull: PullRequest, comments: Sequence[IssueComment], job: JobContext
) -> None:
    """Hold for each review; of the reviews of somebody who may not, only the newest is answered.

    They are not recorded, so that every job hears them again: a reader could make each one as slow as they like.
    """
    refused: set[str] = set()
    for name, review in reversed(list(unheard.items())):
        if review.author in refused:
            continue
        answer = _hold(name, review, pull, comments, job)
        if answer.outcome is Outcome.FAILED:
            raise CouldNotVerify(
                f"the hold that a review asks for is not recorded: {answer.message}", remedy="run the job again"
            )
        if answer.reason is Reason.PERMISSION:
            refused.add(review.author)


def _unheard(pull: PullRequest, holding: Sequence[IssueComment], job: JobContext) -> Mapping[str, IssueComment]:
    """Return the reviews that hold and are not recorded yet, by the id of their hold."""
    if not holding:
        return {}
    named = {late_hold_id(one): one for one in holding}
    with fetch_pull(pull.number, job, pull) as snapshot:
        record = PullRecord(snapshot, job)
        return {name: one for name, one in named.items() if not is_recorded(record, name)}


def _answer_commands(
    review: IssueComment, pull: PullRequest, comments: Sequence[IssueComment], job: JobContext
) -> None:
    """Say once that a command in a review was not carried out: whoever writes one waits for its answer."""
    found = parse_comment(review.body[:MAX_READ], job.settings.prefix)
    commands = [one for one in found if not isinstance(one, Hold) and nearest_verb(one.text)]
    if not commands:
        return
    on_code = is_on_code(review)
    replier = _replier(f"{'remark' if on_code else 'review'}:{review.id}", review, pull, comments, job)
    replier.set_question(question_of(commands[0]))
    if not replier.has_answered():
        replier.refuse(_in_review(commands, "a comment on code" if on_code else "a review"))


def _in_review(commands: Sequence[Command], place: str) -> Refusal:
    lines = [comment(*split_words(one.text)) for one in commands if not isinstance(one, InvalidCommand)]
    message = f"Commands are read in comments of the conversation only, and this is {place}. Nothing was carried out."
    again = (
        choices("write a new comment", lines) if lines else Remedy("see which commands there are: ", comment("/help"))
    )
    return Refusal(Reason.OTHER_EVENT, message, again)


def hold_by_edit(event: CommentChanged, job: JobContext) -> Answer:
    """Hold a pull request by a comment that says so since it was edited; the edits of each hold once."""
    pull, comments = job.github.conversation(event.pull)
    own = next((one for one in comments if one.id == event.comment_id), None)
    if own is None or not parse_holds(own.body, job.settings.prefix):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "the comment does not say it any more")
    return _hold(f"{BY_EDIT}{own.id}", replace(own, author=event.sender), pull, comments, job)


def _hold(
    name: str, said: IssueComment, pull: PullRequest, comments: Sequence[IssueComment], job: JobContext
) -> Answer:
    hold = parse_holds(said.body, job.settings.prefix)[0]
    replier = _replier(f"hold:{name}", said, pull, comments, job)
    replier.set_question(question_of(hold))
    return HoldJob(hold, pull, replier.requester, job, replier, name, may_be_lifted=True).run()


def _replier(
    request: str, said: IssueComment, pull: PullRequest, comments: Sequence[IssueComment], job: JobContext
) -> Replier:
    word = "this review" if request.startswith(("review:", f"hold:{BY_REVIEW}")) else "this comment"
    requester = Requester(pull.number, said.author, request, said.html_url, word=word)
    replier = Replier(job.github, job.settings, requester)
    replier.set_contacts(lambda: default_contacts(job))
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)
    return replier
