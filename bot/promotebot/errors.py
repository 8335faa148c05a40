"""The error tree, by cause. Every error says what is wrong, where, and the next thing to do."""

from __future__ import annotations

MAX_MESSAGE = 8000
"""Characters. What entered may be quoted, and it may be a string of a hundred megabytes."""


class PromotebotError(Exception):
    """Root of what promotebot raises on purpose; `cli` turns it into one line and an exit code."""

    exit_code = 3

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        more = len(message) - MAX_MESSAGE
        self.message = message if more <= 0 else f"{message[:MAX_MESSAGE]}… and {more:,} more characters"
        super().__init__(self.message)
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.remedy:
            parts.append(f"Next: {self.remedy}")
        return "\n".join(parts)


class InvalidInput(PromotebotError):
    """Something that entered (a file, a name, a comment) breaks its format or a rule."""

    exit_code = 1


class UsageError(PromotebotError):
    """The command line or the environment does not say what has to be said."""

    exit_code = 2


class CouldNotVerify(PromotebotError):
    """The evidence could not be obtained (GitHub, git or a disk did not answer): unknown, never a pass."""

    exit_code = 4


class BaseMoved(InvalidInput):
    """The base went on, and the branch cannot be brought up to date without its author."""


class RefChanged(PromotebotError):
    """The branch moved between validation and push; nothing was written."""

    exit_code = 1
