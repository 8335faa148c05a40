"""When a stage takes promotions: on some days of the week, between some hours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from promotebot.promotion.local_times import DAYS, Period, ZoneField, dates_around, midnight, readings
from promotebot.promotion.sections import Section
from promotebot.registry.names import Stage

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_HOURS = re.compile(r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")


def _clock(text: str) -> timedelta:
    hours, _, minutes = text.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _hours(value: object) -> object:
    if isinstance(value, str) and _HOURS.fullmatch(value):
        opens, _, closes = value.partition("-")
        if _clock(opens) < _clock(closes):
            return value
    raise ValueError(f"{value!r} is not a time of one day such as 09:00-17:00; write two windows to pass midnight")


class Window(Section):
    """A time of each week in which promotions into some stages are taken; what goes back is always taken."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS  # type: ignore[assignment]  # the same words
    hours: Annotated[str, BeforeValidator(_hours), WithJsonSchema({"type": "string", "pattern": _HOURS.pattern})]
    """`09:00-17:00`; the second one is the first minute that is closed again, `24:00` at the latest."""
    timezone: ZoneField = "UTC"
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = (Stage.ACTIVE,)

    def periods(self, moment: datetime) -> Iterator[Period]:
        """Yield the times (UTC) in which it is open, from some days before a moment to more than a week after it.

        Where clocks change they are the shortest ones that the local times may mean: what one reading calls closed is
        closed.
        """
        opens, closes = map(_clock, self.hours.split("-"))
        for day in dates_around(moment, self.timezone, 1, 8):
            if DAYS[day.weekday()] in self.days:
                begins, ends = (readings(midnight(day) + clock, self.timezone) for clock in (opens, closes))
                if max(begins) < min(ends):
                    yield Period(max(begins), min(ends))

    def __str__(self) -> str:
        """Return it in words: `mon, tue 09:00-17:00 Europe/Berlin`."""
        days = "every day" if set(self.days) == set(DAYS) else ", ".join(day for day in DAYS if day in self.days)
        return f"{days} {self.hours} {self.timezone}"


@dataclass(frozen=True)
class WindowsOfList:
    """The windows that one of several lists has for a stage, where all lists count: one of each has to be open."""

    stage: Stage
    windows: frozenset[Window]

    def __str__(self) -> str:
        """Return them in words."""
        return "; ".join(sorted(map(str, self.windows)))


Windows = Sequence[Window | WindowsOfList]
"""One list of the policy, or what several of them come to (`strictest_windows`)."""


def windows_of(windows: Windows, stage: Stage) -> list[WindowsOfList]:
    """Return the lists of windows that a stage has; one without any is always open."""
    plain = frozenset(one for one in windows if isinstance(one, Window) and stage in one.stages)
    combined = [one for one in windows if isinstance(one, WindowsOfList) and one.stage is stage]
    return [*([WindowsOfList(stage, plain)] if plain else []), *combined]


def strictest_windows(values: Sequence[Windows]) -> tuple[WindowsOfList, ...]:
    """Return what is open only where each of several lists is; a list that asks for less than another is left out."""
    found: list[WindowsOfList] = []
    for stage in Stage:
        bare = [_without_stages(one) for value in values for one in windows_of(value, stage)]
        lists = dict.fromkeys(bare)
        found += [one for one in lists if not any(other.windows < one.windows for other in lists)]
    return tuple(found)


def _without_stages(one: WindowsOfList) -> WindowsOfList:
    return WindowsOfList(one.stage, frozenset(window.model_copy(update={"stages": ()}) for window in one.windows))


def is_open(windows: Windows, stage: Stage, moment: datetime) -> bool:
    """Return whether a stage takes promotions at a moment (UTC)."""
    return all(
        any(period.holds_at(moment) for window in own.windows for period in window.periods(moment))
        for own in windows_of(windows, stage)
    )


def next_opening(windows: Windows, stage: Stage, moment: datetime) -> datetime | None:
    """Return when a stage that is closed at a moment (UTC) opens next; None where it does not within a week."""
    lists = windows_of(windows, stage)
    begins = {period.begins for own in lists for window in own.windows for period in window.periods(moment)}
    # Lists that all have to be open open when the last of them does.
    return next((one for one in sorted(begins) if moment < one and is_open(windows, stage, one)), None)
