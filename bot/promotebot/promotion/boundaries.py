"""The moments at which the clock alone changes what the policy allows: a verdict from before one may not hold after it.

These are the beginnings and ends of freezes, windows and exceptions. Everything else that takes time, such as a soak,
only becomes better with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from promotebot.promotion.local_times import WEEK, Period
from promotebot.promotion.policy import Policy


def last_boundary(policy: Policy, since: datetime, moment: datetime) -> datetime | None:
    """Return the last of these moments (UTC) after `since`, and up to `moment`; None where there is none.

    Args:
        since: a week before `moment` at the earliest.
    """
    edges = (edge for period in _periods(policy, moment) for edge in (period.begins, period.ends))
    return max((edge for edge in edges if since < edge <= moment), default=None)


def has_boundaries(policy: Policy) -> bool:
    """Return whether there can be such a moment, for some model at least."""
    return bool(policy.overrides) or any(section.freezes or section.windows for section in policy.parts)


def _periods(policy: Policy, moment: datetime) -> Iterator[Period]:
    for section in policy.parts:
        for freeze in section.freezes:
            yield from freeze.periods(moment)
        for window in section.windows:
            yield from (*window.periods(moment - WEEK), *window.periods(moment))
    yield from filter(None, (override.period for override in policy.overrides))
