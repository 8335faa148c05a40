"""Asking again for what GitHub may show late: after growing pauses, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds. Together they outlast the ten or so that `GET /pulls/N` and `refs/pull/N/head` are late after a push."""


@dataclass
class Patience:
    """How long one job still waits, in all: what was there before it started is shown by then, however often it asks.

    What the job itself writes it does not wait for: the client remembers it (`github.client`).
    """

    sleep: Callable[[float], None] = time.sleep
    left: float = sum(PAUSES)
    """Seconds."""
    for_people: float = 15 * 60.0
    """Seconds that it still waits for people to react, of the 20 minutes that it has in all."""

    def pause(self, attempt: int) -> None:
        """Wait after a failed attempt, the first of which is 0; not at all when all the time is used up."""
        seconds = min(PAUSES[min(attempt, len(PAUSES) - 1)], self.left)
        if seconds > 0:
            self.left -= seconds
            self.sleep(seconds)

    def ask_until(self, ask: Callable[[], _T], is_current: Callable[[_T], bool]) -> _T:
        """Return the first answer that is current; the last one when none is in time.

        Raises:
            Exception: what asking raises, at once: an error is no late answer.
        """
        answer, attempt = ask(), 0
        while not is_current(answer) and self.left > 0:
            self.pause(attempt)
            answer, attempt = ask(), attempt + 1
        return answer
