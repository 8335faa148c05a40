"""The context of a job: settings, GitHub, the examiner, the clock, and how long it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from promotebot.cost import Cost
from promotebot.planning.examiner import Examine, within_budget
from promotebot.pulls.patience import Patience
from promotebot.settings import Settings

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub


@dataclass(frozen=True)
class JobContext:
    """Everything that one job needs from outside, passed in once."""

    settings: Settings
    connect: Callable[[], GitHub]
    """Make the client. A job that has nothing to answer never calls it: PyGithub costs a quarter of a second."""
    examine: Examine
    clock: Callable[[], datetime]
    told_default_branch: str = ""
    """The default branch as the event tells it; empty where it does not."""
    monotonic: Callable[[], float] = time.monotonic
    """A clock that never goes back, in seconds, for what may take only so long."""
    cost: Cost = field(default_factory=Cost)
    """What was asked of GitHub so far."""
    patience: Patience = field(default_factory=Patience)
    """For what GitHub may show late."""

    @cached_property
    def default_branch(self) -> str:
        """The name of the default branch; GitHub is asked once, and only where the event does not tell it."""
        return self.told_default_branch or self.github.default_branch()

    @cached_property
    def github(self) -> GitHub:
        """The client, made when it is first used."""
        return self.connect()

    def merged_at(self, number: int) -> datetime | None:
        """Return when a pull request was merged, None where it was not; asked once in a job."""
        if number not in self._merged_at:
            self._merged_at[number] = self.github.pull(number).merged_at
        return self._merged_at[number]

    def ask_merged_at(self, numbers: Collection[int]) -> Callable[[], Mapping[int, datetime | None]]:
        """Start to ask, beside, when pull requests were merged; return what waits for all of them."""
        if self._merged_at.keys() >= {*numbers}:
            return lambda: self._merged_at
        return self.github.beside(lambda: {number: self.merged_at(number) for number in sorted(numbers)})

    @cached_property
    def _merged_at(self) -> dict[int, datetime | None]:
        return {}

    def within(self, budget: timedelta, subject: str) -> JobContext:
        """Return this job, with the same client, for a piece of work that may look at artifacts for so long from now.

        Args:
            subject: what the work is about, such as `#7`.
        """
        examine = within_budget(self.examine, budget, monotonic=self.monotonic, subject=subject)
        return replace(self, connect=lambda: self.github, examine=examine, told_default_branch=self.default_branch)

    def close(self) -> None:
        """Close the client's connections, where one was made."""
        if "github" in self.__dict__:
            self.github.close()
