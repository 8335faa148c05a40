"""Times in which nothing is promoted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from promotebot.promotion.sections import Section
from promotebot.registry.names import Stage

_LOCAL_TIME = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$")


def _local_time(value: object) -> object:
    if isinstance(value, str) and _LOCAL_TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise ValueError(f"{value!r} is not a local time such as 2026-12-18T18:00")


def _zone(value: object) -> object:
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a timezone that this machine knows, such as UTC or Europe/Berlin") from None
    return value


LocalTimeField = Annotated[
    str, BeforeValidator(_local_time), WithJsonSchema({"type": "string", "pattern": _LOCAL_TIME.pattern})
]


class Freeze(Section):
    """A time in which nothing is promoted; what goes back, and what takes a model out, is never frozen."""

    start: LocalTimeField
    end: LocalTimeField
    timezone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = (Stage.ACTIVE,)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Freeze:
        if self.begins >= self.ends:
            raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        return self

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it is in force at a moment (UTC)."""
        return self.begins <= moment < self.ends

    @property
    def begins(self) -> datetime:
        """Return the first moment of it, UTC; where clocks change in that hour, the earliest that it may mean."""
        return min(self._moments(self.start))

    @property
    def ends(self) -> datetime:
        """Return the first moment after it, UTC; where clocks change in that hour, the latest that it may mean."""
        return max(self._moments(self.end))

    def _moments(self, local: str) -> Iterator[datetime]:
        """Return what a local time may mean: an hour that clocks skip, or show twice, has two (PEP 495)."""
        moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(self.timezone))
        # Two times of one zone compare by their wall clocks, whatever its offset does in between; UTC's do not.
        return (moment.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))
