"""What a job works with: settings, GitHub, the examiner, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from promotebot.planning.examiner import Examine
from promotebot.settings import Settings

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub


@dataclass(frozen=True)
class Tools:
    """Everything a use case needs from outside, passed in once."""

    settings: Settings
    github: GitHub
    examine: Examine
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Desk:
    """Everything an answer needs from outside, passed in once."""

    settings: Settings
    connect: Callable[[], GitHub]
    """Makes the client; called only when there is something to answer."""
    examine: Examine
    clock: Callable[[], datetime]
