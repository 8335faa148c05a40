"""Reminders: the schedule says, once, that a candidate has soaked, or has stood in its stage for too long."""

from __future__ import annotations

import logging
from collections.abc import Container
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
    for _, candidate in recent[:MAX_ASKED]:
        try:
            _remind(candidate, now, job)
        except PromotebotError as problem:  # noqa: PERF203 - each for itself
            log.warning("nobody was reminded of %s: %s", candidate.holding.model, problem)


def _remind(candidate: Candidate, now: datetime, job: JobContext) -> None:
    request = candidate.holding.event.request if candidate.holding.event else None
    if request is None or request.repo != job.settings.repository:
        return
    pull, comments = job.github.conversation(request.pull)
    merged = candidate.since(pull.merged_at)
    due = merged.due(now) if pull.merged else None
    if due is None:
        return
    context = comment_context(job.settings, Requester(0, "", "", job.settings.run_url or ""))
    rendered = render_reminder(merged, due, now, context)
    is_ours = (one for one in comments if one.author == job.settings.bot_login)
    if not any(one.body.startswith(rendered.marker) for one in is_ours):
        job.github.upsert_comment(
            request.pull, rendered.marker, rendered.body, author_login=job.settings.bot_login, known=()
        )
