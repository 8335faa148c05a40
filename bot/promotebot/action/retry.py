"""What every answer on a pull request has in common: errors become comments, a moving branch is read afresh."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from promotebot.action.reply import Replier
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.comments.refusals import render_failure, render_internal_error, render_refused_event
from promotebot.errors import BaseMoved, CouldNotVerify, PromotebotError, RefChanged
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot, fetch_pull

log = logging.getLogger(__name__)
ATTEMPTS = 3


def report_errors(replier: Replier, work: Callable[[], Answer]) -> Answer:
    """Run, and tell of every way it can fail; a defect of our own is told, and raised for cli to log."""
    try:
        return work()
    except PromotebotError as problem:
        unknown = isinstance(problem, CouldNotVerify)
        reason = Reason.COULD_NOT_VERIFY if unknown else Reason.INVALID_FILE
        reason = Reason.BASE_MOVED if isinstance(problem, BaseMoved) else reason
        outcome = Outcome.FAILED if unknown else Outcome.REFUSED
        answer = Answer(outcome, reason, str(problem), exit_code=problem.exit_code)
        return replier.post(answer, render_failure(problem, replier.context))
    except OSError as problem:  # the runner's disk is full, or gone
        failed = CouldNotVerify(f"the runner failed: {problem.strerror or problem}", remedy="run the job again")
        answer = Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, str(failed), exit_code=failed.exit_code)
        return replier.post(answer, render_failure(failed, replier.context))
    except Exception:
        answer = Answer(Outcome.FAILED, Reason.INTERNAL, "internal error", exit_code=3)
        replier.post(answer, render_internal_error(replier.context))
        raise


def retry_on_moved_head(
    number: int, job: JobContext, replier: Replier, work: Callable[[PullSnapshot, datetime], Answer]
) -> Answer:
    """Work on the pull request as it is now; a head that moves meanwhile is read afresh, a bounded number of times."""
    moved: RefChanged | None = None
    for _ in range(ATTEMPTS):
        try:
            with fetch_pull(number, job.settings, job.github) as snapshot:
                return work(snapshot, job.clock())
        except RefChanged as problem:  # noqa: PERF203 - the loop is there for it
            log.warning("%s; reading it again", problem.message)
            moved = problem
    message = moved.message if moved else "the branch keeps moving"
    answer = Answer(Outcome.REFUSED, Reason.REF_CHANGED, message)
    said = f"The branch moved {ATTEMPTS} times while the promotion was being made; nothing was committed."
    remedy = "when nobody is pushing, ask again in a new comment"
    return replier.post(answer, render_refused_event(said, remedy, replier.context))
