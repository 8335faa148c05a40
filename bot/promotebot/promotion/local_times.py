"""Local times of the policy: in a timezone, once or every week, and what they mean where clocks change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = timedelta(days=7)
SLACK = 2
"""Days by which the date of a zone may be off where it is asked about: one for its offset, one for a skipped date."""
_WEEKLY = re.compile(rf"(?:{'|'.join(DAYS)}) (?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _zone(value: object) -> object:
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a timezone that this machine knows, such as UTC or Europe/Berlin") from None
    return value


ZoneField = Annotated[str, BeforeValidator(_zone)]


@dataclass(frozen=True)
class Period:
    """From a moment (UTC) to the first one that is not in it any more."""

    begins: datetime
    ends: datetime

    def holds_at(self, moment: datetime) -> bool:
        """Return whether a moment is in it."""
        return self.begins <= moment < self.ends


def readings(local: datetime, zone: str) -> tuple[datetime, datetime]:
    """Return what a local time may mean (UTC): an hour that clocks skip, or show twice, has two (PEP 495)."""
    moment = local.replace(tzinfo=ZoneInfo(zone))
    # Two times of one zone compare by their wall clocks, whatever its offset does in between; UTC's do not.
    earlier, later = sorted(moment.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    return earlier, later


def is_weekly(text: str) -> bool:
    """Return whether a text is a time of each week: `fri 15:00`."""
    return _WEEKLY.fullmatch(text) is not None


def in_week(text: str) -> timedelta:
    """Return how long after the beginning of its week a weekly time is, by the calendar."""
    day, _, clock = text.partition(" ")
    at = time.fromisoformat(clock)
    return timedelta(days=DAYS.index(day), hours=at.hour, minutes=at.minute)


def dates_around(moment: datetime, zone: str, before: int, after: int) -> Iterator[date]:
    """Yield the dates of a zone from some days before a moment to some days after it, and those that may be meant."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    return (today + timedelta(days=n) for n in range(-before - SLACK, after + SLACK + 1))


def midnight(day: date) -> datetime:
    """Return the beginning of a date, by the wall clock."""
    return datetime.combine(day, time())
