"""Open pull requests that were judged before the clock changed what the policy allows, and are to be judged again.

GitHub tells nobody that a freeze begins or a window closes: the timer of the gate looks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from promotebot.gate.status import publish_pending, published_verdict
from promotebot.github.checks import gate_context
from promotebot.promotion.boundaries import last_boundary
from promotebot.promotion.local_times import WEEK
from promotebot.promotion.policy import Policy
from promotebot.pulls.affected import AffectedPull, affected_pulls
from promotebot.pulls.context import JobContext

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import CommitStatus

log = logging.getLogger(__name__)
SOON, ALL = timedelta(hours=3), WEEK
"""How far back the timer of every hour looks, of which GitHub may leave some out, and how far the daily one does."""
MARGIN = timedelta(minutes=20)
"""A job may take so long (`timeout-minutes`): what it judged before a moment may be published after it."""
REASON = "a freeze, a window or an exception began or ended; judging again"


def outdated_pulls(policies: Mapping[str, Policy], back: timedelta, job: JobContext) -> list[int]:
    """Return the pull requests that have to be judged again, after what is green there was taken back.

    Where no such moment lies so far back, GitHub is not asked.

    Args:
        policies: by the name of the branch that is promoted into.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    now = job.clock()
    boundaries = {base: last_boundary(policy, now - back, now) for base, policy in policies.items()}
    found = [one for base, moment in boundaries.items() if moment for one in _outdated(base, moment, job)]
    for affected, verdict in found:  # all of them first: until its turn comes, none is merged by what was green
        if verdict.state == "success":
            publish_pending(job.github, affected.head, verdict.context, REASON)
    return [affected.pull.number for affected, _ in found]


def _outdated(base: str, moment: datetime, job: JobContext) -> Iterator[tuple[AffectedPull, CommitStatus]]:
    """Yield the pull requests into a branch that may promote and whose verdict may be older than a moment."""
    context = gate_context(base, job.default_branch)
    pulls = sorted(job.github.open_pulls(base), key=lambda pull: (pull.is_fork, -pull.number))
    for affected in affected_pulls(pulls, base, None, job):
        verdict = published_verdict(job.github, affected.head, context, job.settings.bot_login)
        if verdict and is_outdated(verdict, moment):
            yield affected, verdict


def is_outdated(verdict: CommitStatus, moment: datetime) -> bool:
    """Return whether a verdict may have been reached before a moment (UTC); one without a time may."""
    made = verdict.created_at
    return made is None or made < moment + MARGIN or verdict.description == REASON
