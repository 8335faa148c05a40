"""Open pull requests that were judged before the clock changed what the policy allows, and are to be judged again.

GitHub tells nobody that a freeze begins or a window closes: the timer of the gate looks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from promotebot.errors import PromotebotError
from promotebot.gate.status import publish_pending, publish_red, published_verdict
from promotebot.github.checks import gate_context
from promotebot.github.server_time import APART
from promotebot.promotion.boundaries import last_boundary
from promotebot.promotion.local_times import WEEK
from promotebot.promotion.policy import Policy
from promotebot.pulls.affected import affected_pulls, open_pulls
from promotebot.pulls.context import JobContext

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import CommitStatus

log = logging.getLogger(__name__)
SOON, ALL = timedelta(hours=3), WEEK
"""How far back the timer of every hour looks, of which GitHub may leave some out, and how far the daily one does."""
MARGIN = timedelta(minutes=20) + APART
"""A job may take so long (`timeout-minutes`), with a clock that is so slow: what it judged before a moment may be
published after it."""
REASON = "a freeze, a window or an exception began or ended; judging again"
REASON_LEFT = "judged before a freeze, a window or an exception began or ended"


@dataclass(frozen=True)
class _Outdated:
    """A commit whose verdict may be older than such a moment."""

    number: int
    sha: str
    context: str
    is_head: bool
    is_green: bool
    has_waited: bool = False
    """An earlier run took it back, and did not come to judge it."""


def outdated_pulls(policies: Mapping[str, Policy], back: timedelta, job: JobContext) -> list[int]:
    """Return the pull requests that have to be judged again, after what is green there was taken back.

    Where no such moment lies so far back, GitHub is not asked. What fails for one of them, which is judged and tells it
    then, leaves no other one green.

    Args:
        policies: by the name of the branch that is promoted into.

    Raises:
        CouldNotVerify: when git does not answer, or GitHub does not list the pull requests.
    """
    now = job.clock()
    boundaries = {base: last_boundary(policy, now - back, now) for base, policy in policies.items()}
    found = [one for base, moment in boundaries.items() if moment for one in _outdated(base, moment, job)]
    for one in found:  # all of them first: until its turn comes, none is merged by what was green
        if one.is_green:
            _take_back(one, job)
    # A run judges a bounded number, and may judge some of them again an hour later: those that waited come first.
    return [one.number for one in sorted(found, key=lambda one: not one.has_waited) if one.is_head]


def _take_back(one: _Outdated, job: JobContext) -> None:
    take_back = publish_pending if one.is_head else publish_red  # nothing judges a head that the branch has left
    try:
        take_back(job.github, one.sha, one.context, REASON if one.is_head else REASON_LEFT)
    except PromotebotError as problem:
        log.warning("%s of #%d is not taken back: %s", one.sha[:7], one.number, problem)


def _outdated(base: str, moment: datetime, job: JobContext) -> Iterator[_Outdated]:
    """Yield what is at, or was left by, the pull requests into a branch that may promote, of before a moment."""
    context = gate_context(base, job.default_branch)
    for affected in affected_pulls(open_pulls([base], job), base, None, job):
        for sha in (affected.head, *affected.left):
            is_head, number = sha == affected.head, affected.pull.number
            try:
                verdict = published_verdict(job.github, sha, context, job.settings.bot_login)
            except PromotebotError as problem:  # unknown is no pass
                log.warning("nobody knows what was said of %s of #%d: %s", sha[:7], number, problem)
                yield _Outdated(number, sha, context, is_head, is_green=True)
                continue
            if verdict and is_outdated(verdict, moment):
                waits = verdict.description == REASON
                yield _Outdated(number, sha, context, is_head, verdict.state == "success", waits)


def is_outdated(verdict: CommitStatus, moment: datetime) -> bool:
    """Return whether a verdict may have been reached before a moment (UTC); one without a time may."""
    made = verdict.created_at
    return made is None or made < moment + MARGIN or verdict.description == REASON
