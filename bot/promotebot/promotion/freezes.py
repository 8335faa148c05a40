"""Times in which nothing is promoted: once, or every week."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from promotebot.promotion.local_times import (
    DAYS,
    WEEK,
    Period,
    ZoneField,
    dates_around,
    in_week,
    is_weekly,
    midnight,
    readings,
)
from promotebot.promotion.sections import Section
from promotebot.registry.names import Stage

_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_PATTERN = rf"^(?:{_LOCAL_TIME.pattern}|(?:{'|'.join(DAYS)}) [0-2][0-9]:[0-5][0-9])$"


def _local_time(value: object) -> object:
    if isinstance(value, str) and is_weekly(value):
        return value
    if isinstance(value, str) and _LOCAL_TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise ValueError(f"{value!r} is not a local time such as 2026-12-18T18:00, or fri 18:00 for every week")


LocalTimeField = Annotated[str, BeforeValidator(_local_time), WithJsonSchema({"type": "string", "pattern": _PATTERN})]


class Freeze(Section):
    """A time in which nothing is promoted; what goes back, and what takes a model out, is never frozen."""

    start: LocalTimeField
    end: LocalTimeField
    timezone: ZoneField = "UTC"
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = (Stage.ACTIVE,)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Freeze:
        if is_weekly(self.start) is not is_weekly(self.end):
            raise ValueError(f"start ({self.start}) and end ({self.end}) are both of every week, or both dates")
        if self.recurs and self.start == self.end:
            raise ValueError(f"it starts and ends at {self.start}; use `permission` or `windows` to close a stage")
        if not self.recurs:
            period = self._between(*map(datetime.fromisoformat, (self.start, self.end)))
            if period.begins >= period.ends:
                raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        return self

    @property
    def recurs(self) -> bool:
        """True where it comes every week."""
        return is_weekly(self.start)

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it is in force at a moment (UTC)."""
        return any(period.holds_at(moment) for period in self.periods(moment))

    def period(self, moment: datetime) -> Period | None:
        """Return the time of it that a moment (UTC) is in, else the next one; None where it is over."""
        return min((one for one in self.periods(moment) if moment < one.ends), key=lambda one: one.begins, default=None)

    def periods(self, moment: datetime) -> Iterator[Period]:
        """Yield the times (UTC) in which it is in force; of every week, those near a moment."""
        return (self._between(start, end) for start, end in self._local(moment))

    def _local(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield starts and ends by the wall clock; of every week those from the week before to the one after."""
        if not self.recurs:
            yield datetime.fromisoformat(self.start), datetime.fromisoformat(self.end)
            return
        start, end = in_week(self.start), in_week(self.end)
        for day in dates_around(moment, self.timezone, 14, 7):
            if day.weekday() == 0:
                week = midnight(day)
                yield week + start, week + (end if start < end else end + WEEK)

    def _between(self, start: datetime, end: datetime) -> Period:
        """Return the longest time that two local times may mean: whatever one reading freezes is frozen."""
        return Period(min(readings(start, self.timezone)), max(readings(end, self.timezone)))
