"""Reminders: the schedule says, once, that a candidate has soaked, or has stood in its stage for too long."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from datetime import datetime, timedelta

from promotebot.action.reply import comment_context
from promotebot.action.requester import Requester
from promotebot.comments.reminders import render_reminder
from promotebot.errors import PromotebotError
from promotebot.promotion.overdue import Candidate, candidates
from promotebot.promotion.policy import Policy
from promotebot.pulls.context import JobContext
from promotebot.registry.registry import ModelRegistry

log = logging.getLogger(__name__)
MAX_ASKED = 20
"""Pull requests that one job looks at; each costs a request, and the next day comes."""
FIRST = MAX_ASKED // 2
"""Of them, those that were due last; the others are taken in turn, day by day."""
REMEMBERED = timedelta(days=90)
"""What has been due for longer is not looked at: whoever let it stand for so long was told."""


def remind(registry: ModelRegistry, names: Container[str], policy: Policy, job: JobContext) -> None:
    """Comment on the pull requests whose candidate is due; one that cannot be reminded of is logged.

    A reminder changes nothing about what was verified, and each is written once.
    """
    now, models = job.clock(), [name for name in registry if name in names]
    # Nothing is merged before its event says, so nothing is due before that.
    due = [(since, one) for one in candidates(registry, models, policy) if (since := one.due_for(now)) is not None]
    recent = sorted((pair for pair in due if pair[0] < REMEMBERED), key=lambda pair: pair[0])
    of_pulls: dict[int, list[Candidate]] = {}
    for _, candidate in recent:
        request = candidate.holding.event.request if candidate.holding.event else None
        if request and request.repo == job.settings.repository:
            of_pulls.setdefault(request.pull, []).append(candidate)
    for number in in_turn(list(of_pulls), now):
        try:
            _remind(number, of_pulls[number], now, job)
        except PromotebotError as problem:  # noqa: PERF203 - each for itself
            log.warning("nobody was reminded in #%d: %s", number, problem)


def in_turn(numbers: Sequence[int], now: datetime) -> Sequence[int]:
    """Return the pull requests that the job of a day looks at: the first ones, and others of the rest every day."""
    first, rest = numbers[:FIRST], numbers[FIRST:]
    start = now.toordinal() * FIRST % max(1, len(rest))
    return [*first, *[*rest[start:], *rest[:start]][: MAX_ASKED - FIRST]]


def _remind(number: int, of_pull: Sequence[Candidate], now: datetime, job: JobContext) -> None:
    pull, comments = job.github.conversation(number)
    context = comment_context(job.settings, Requester(0, "", "", job.settings.run_url or ""))
    ours = [one.body for one in comments if one.author == job.settings.bot_login]
    for candidate in of_pull:
        merged = candidate.since(pull.merged_at)
        due = merged.due(now) if pull.merged else None
        rendered = render_reminder(merged, due, now, context) if due else None
        if rendered and not any(body.startswith(rendered.marker) for body in ours):
            job.github.upsert_comment(
                number, rendered.marker, rendered.body, author_login=job.settings.bot_login, known=()
            )
