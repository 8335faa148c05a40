"""The doctor's report: a line for each check, and the exit code that follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from promotebot.text import counted

REPORT_VERSION: Literal["v1"] = "v1"


class Status(str, Enum):
    """What a check found. Unknown is never ok."""

    OK = "ok"
    PROBLEM = "problem"
    """Promotions are stopped, or can be made past the rules."""
    ADVICE = "advice"
    """Promotions work; something would be better otherwise."""
    UNKNOWN = "unknown"
    """This token may not read it, or GitHub did not answer."""


class Verdict(BaseModel):
    """What one check says: what is, what it means for promotions, and what mends it."""

    model_config = ConfigDict(frozen=True)

    status: Status
    found: str
    meaning: str
    remedy: str = ""
    """The setting with the address of its page, or a command; empty where there is nothing to do."""


class Line(Verdict):
    """A verdict with the check's id (docs/doctor.md), and the branch that it is about, if it is one."""

    id: Annotated[str, Field(pattern=r"^doctor\.[a-z_]+$")]
    where: str = ""


class DoctorReport(BaseModel):
    """What `promotebot doctor --format json` prints."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal["v1"] = REPORT_VERSION
    version: str
    """Of promotebot, whose templates the workflow files were compared with."""
    repository: str
    commit: str
    """The tip of the default branch, whose files were read."""
    lines: tuple[Line, ...]

    def of(self, *statuses: Status) -> tuple[Line, ...]:
        """Return the lines of these statuses, in their order."""
        return tuple(line for line in self.lines if line.status in statuses)

    @property
    def exit_code(self) -> int:
        """Return 1 where there is a problem, 4 where something is unknown or nothing was looked at, else 0."""
        if self.of(Status.PROBLEM):
            return 1
        return 4 if self.of(Status.UNKNOWN) or not self.lines else 0

    @property
    def title(self) -> str:
        """Return the report in one line."""
        problems, advice, unread, fine = (
            len(self.of(status)) for status in (Status.PROBLEM, Status.ADVICE, Status.UNKNOWN, Status.OK)
        )
        counts = [counted(problems, "problem")] if problems else []
        counts += [f"{counted(advice, 'piece')} of advice"] if advice else []
        counts += [f"{unread} unknown"] if unread else []
        return f"{self.repository}: {', '.join([*counts, f'{fine} ok'])}"


def ok(found: str, meaning: str) -> Verdict:
    """Return that nothing has to be done."""
    return Verdict(status=Status.OK, found=found, meaning=meaning)


def problem(found: str, meaning: str, remedy: str) -> Verdict:
    """Return what stops promotions, or lets them be made past the rules."""
    return Verdict(status=Status.PROBLEM, found=found, meaning=meaning, remedy=remedy)


def advice(found: str, meaning: str, remedy: str) -> Verdict:
    """Return what would be better otherwise."""
    return Verdict(status=Status.ADVICE, found=found, meaning=meaning, remedy=remedy)


def named(names: Iterable[str]) -> str:
    """Return names as a list in a sentence."""
    return ", ".join(names)
