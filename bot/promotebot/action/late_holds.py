"""A hold that no new comment asks for: somebody writes it into a review, or into a comment that stands already.

Whoever writes such a word believes that it holds, wherever it stands. Every other command is for a new comment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from promotebot.action.hold import HoldJob
from promotebot.action.pull_request import evaluate_pulls
from promotebot.action.question import question_of
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.gate.hold import BY_EDIT, BY_REVIEW, is_recorded
from promotebot.gate.record import PullRecord
from promotebot.gate.refusal import Reason
from promotebot.github.events import CommentChanged, Reviewed
from promotebot.promotion.commands import parse_holds
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import fetch_pull

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from collections.abc import Sequence

    from promotebot.github.ports import IssueComment, PullRequest


def answer_reviews(event: Reviewed, job: JobContext) -> Answer:
    """Hold the pull requests whose reviews say so, then judge them.

    Raises:
        CouldNotVerify: when GitHub or git does not answer, so that nobody knows what the reviews say.
    """
    for number in event.pulls:
        _hold_by_reviews(number, job)
    return evaluate_pulls(event, job)


def _hold_by_reviews(number: int, job: JobContext) -> None:
    """Hold a pull request for each review that says so and was not heard before."""
    said = {f"{BY_REVIEW}{one.id}": one for one in job.github.review_words(number)}
    said = {name: one for name, one in said.items() if parse_holds(one.body, job.settings.prefix)}
    if not said:
        return
    pull, comments = job.github.conversation(number)
    with fetch_pull(number, job, pull) as snapshot:
        record = PullRecord(snapshot, job)
        new = {name: one for name, one in said.items() if not is_recorded(record, name)}
    for name, review in new.items():
        _hold(name, review, pull, comments, job)


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
    requester = Requester(pull.number, said.author, f"hold:{name}", said.html_url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)
    replier.set_question(question_of(hold))
    return HoldJob(hold, pull, requester, job, replier, name, may_be_lifted=True).run()
