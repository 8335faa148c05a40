"""The error tree, by cause. Every error names the problem, the place, and the next thing to do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from promotebot.remedies import Remedy

MAX_MESSAGE = 8000
"""Characters in a message. It may quote its input, and that may be a string of a hundred megabytes."""


class PromotebotError(Exception):
    """Root of the errors that promotebot raises on purpose; the command line turns one into a line and an exit code."""

    exit_code = 3

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        more = len(message) - MAX_MESSAGE
        self.message = message if more <= 0 else f"{message[:MAX_MESSAGE]}… and {more:,} more characters"
        super().__init__(self.message)
        self.where = where
        from promotebot.remedies import Remedy  # which a process without an error does not need

        self.remedy: Remedy = Remedy.of(remedy)

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.remedy:
            parts.append(f"Next: {self.remedy}")
        return "\n".join(parts)


class InvalidInput(PromotebotError):
    """Input (a file, a name, a comment) that breaks its format or a rule."""

    exit_code = 1


class UsageError(PromotebotError):
    """A command line or an environment that lacks a value, or holds a wrong one."""

    exit_code = 2


class CouldNotVerify(PromotebotError):
    """Evidence that could not be obtained (GitHub, git or a disk did not answer): unknown, never a pass."""

    exit_code = 4


class ForeignRegistry(InvalidInput):
    """A file in the registry's place that is none of promotebot's: another tool wrote it."""


class BaseMoved(InvalidInput):
    """A base that moved on so that the branch cannot be brought up to date without its author."""


class RefChanged(PromotebotError):
    """A branch that moved between validation and commit; nothing was written."""

    exit_code = 1
