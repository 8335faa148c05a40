"""The context of a job: settings, GitHub, the examiner, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from promotebot.planning.examiner import Examine
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

    @cached_property
    def default_branch(self) -> str:
        """The name of the default branch; GitHub is asked once, and only where the event does not tell it."""
        return self.told_default_branch or self.github.default_branch()

    @cached_property
    def github(self) -> GitHub:
        """The client, made when it is first used."""
        return self.connect()

    def close(self) -> None:
        """Close the client's connections, where one was made."""
        if "github" in self.__dict__:
            self.github.close()
