"""Run an answer's work: errors become comments, and a branch that moves is read again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.comments.comment import CommentContext
from promotebot.comments.refusals import render_failure, render_internal_error
from promotebot.errors import BaseMoved, CouldNotVerify, PromotebotError, RefChanged
from promotebot.gate.record import PullRecord
from promotebot.gate.refusal import Reason, Refusal
from promotebot.pulls.context import JobContext
from promotebot.pulls.patience import PAUSES
from promotebot.pulls.snapshot import PullSnapshot, fetch_pull

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

log = logging.getLogger(__name__)
ATTEMPTS = 1 + len(PAUSES)


@dataclass(frozen=True)
class Attempt:
    """One attempt at a pull request as it is now: who asks, what the job works with, and what was read."""

    requester: Requester
    job: JobContext
    replier: Replier
    snapshot: PullSnapshot

    @cached_property
    def record(self) -> PullRecord:
        """What the bot has said on the heads of the pull request; read when it is asked."""
        return PullRecord(self.snapshot, self.job)


def error_answer(problem: PromotebotError, context: CommentContext) -> Answer:
    """Return the answer to a request that met an error: failed where something is unknown, else refused."""
    unknown = isinstance(problem, CouldNotVerify)
    reason = Reason.COULD_NOT_VERIFY if unknown else Reason.INVALID_FILE
    reason = Reason.BASE_MOVED if isinstance(problem, BaseMoved) else reason
    reason = Reason.REF_CHANGED if isinstance(problem, RefChanged) else reason
    outcome = Outcome.FAILED if unknown else Outcome.REFUSED
    summary = render_failure(problem, context).full
    return Answer(outcome, reason, str(problem), exit_code=problem.exit_code, summary=summary)


def report_errors(replier: Replier, work: Callable[[], Answer]) -> Answer:
    """Run the work, and report every way in which it can fail.

    Raises:
        Exception: a defect of promotebot's own, after it was reported; `cli.main` logs it and ends with 3.
    """
    try:
        return work()
    except PromotebotError as problem:
        context = replier.failure_context
        return replier.answer(error_answer(problem, context), render_failure(problem, context))
    except OSError as problem:  # the runner's disk is full, or gone
        failed = CouldNotVerify(f"the runner failed: {problem.strerror or problem}", remedy="run the job again")
        return replier.answer(error_answer(failed, replier.context), render_failure(failed, replier.context))
    except Exception:
        answer = Answer(Outcome.FAILED, Reason.INTERNAL, "internal error", exit_code=3)
        replier.answer(answer, render_internal_error(replier.context))
        raise


def retry_on_moved_head(
    requester: Requester,
    job: JobContext,
    replier: Replier,
    work: Callable[[Attempt], Answer],
    *,
    known: PullRequest | None = None,
    asked_by: str = "",
) -> Answer:
    """Work on the pull request as it is now; read it again when its head moves meanwhile, after growing pauses.

    Args:
        known: what GitHub said of the pull request a moment ago; where that is out of date, it is asked again.
        asked_by: whose role is needed first, where the work is a promotion that somebody asks for.
    """
    moved: RefChanged | None = None
    for attempt in range(ATTEMPTS):
        try:
            with fetch_pull(requester.pull, job, known, asked_by=asked_by) as snapshot:
                # What is judged now may go into another base than it did a moment ago.
                replier.set_pull(snapshot.pull, snapshot.default_branch)
                return work(Attempt(requester, job, replier, snapshot))
        except RefChanged as problem:  # noqa: PERF203 - the loop is there for it
            log.warning("%s; reading it again", problem.message)
            moved, known = problem, None
            job.patience.pause(attempt)
    refusal = Refusal(
        Reason.REF_CHANGED,
        f"The branch moved {ATTEMPTS} times while the promotion was being made; nothing was committed.",
        "wait until nobody pushes, then write the command in a new comment",
    )
    return replier.refuse(refusal, message=moved.message if moved else "the branch keeps moving")
