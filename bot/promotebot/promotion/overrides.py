"""Exceptions that named people may make from a rule of the policy: with a reason, so many times, and for some time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, model_validator

from promotebot.promotion.freezes import LocalTimeField
from promotebot.promotion.local_times import Period, ZoneField, is_weekly, readings
from promotebot.promotion.overridable import OverridableRule
from promotebot.promotion.patterns import Patterns
from promotebot.promotion.people import People
from promotebot.promotion.sections import Section


class Override(Section):
    """Who may override a rule, how often for one model, and when."""

    rule: OverridableRule
    people: Annotated[People, Field(min_length=1)]
    """Who may ask for it: logins, teams, and `CODEOWNERS`; they need the stage's role, too."""
    start: LocalTimeField
    end: LocalTimeField
    timezone: ZoneField = "UTC"
    uses: Annotated[int, Field(ge=1, le=100)] = 1
    """Events of one model that may have it in that time."""
    models: Patterns = ()
    """For which models; none for every one."""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Override:
        if is_weekly(self.start) or is_weekly(self.end):
            raise ValueError("start and end of an override are dates, such as 2026-12-18T18:00")
        if self.period is None:
            raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        return self

    @property
    def period(self) -> Period | None:
        """Return the shortest time that start and end may mean: whatever one reading leaves out is left out."""
        begins = max(readings(datetime.fromisoformat(self.start), self.timezone))
        ends = min(readings(datetime.fromisoformat(self.end), self.timezone))
        return Period(begins, ends) if begins < ends else None

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it may be used at a moment (UTC)."""
        return self.period is not None and self.period.holds_at(moment)
