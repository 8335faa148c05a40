"""GitHub's time in place of this machine's, where the two are apart: merges and statuses have GitHub's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from promotebot.text import duration

log = logging.getLogger(__name__)
APART = timedelta(minutes=5)
"""Less is not told from an answer that took long, or that a cache kept: this machine's clock counts then."""


class ServerTime:
    """The time, as far as GitHub has answered; until then, this machine's."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._ahead = timedelta()
        """By how much this machine's clock is ahead of GitHub's; nothing where they are about the same."""

    def now(self) -> datetime:
        """Return the time (UTC)."""
        return self._clock() - self._ahead

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take in when an answer was made: https://www.rfc-editor.org/rfc/rfc9110#field.date"""
        try:
            ahead = self._clock() - parsedate_to_datetime(headers["date"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        is_apart = abs(ahead) > APART
        if is_apart and not self._ahead:
            words = f"{duration(abs(ahead))} {'ahead of' if ahead > timedelta() else 'behind'}"
            log.warning("the clock of this runner is %s GitHub's, whose time is used: set the runner's clock", words)
        self._ahead = ahead if is_apart else timedelta()
