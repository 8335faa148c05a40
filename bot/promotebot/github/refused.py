"""What GitHub refused, by its reason, where the bot goes on in another way."""

from __future__ import annotations

from promotebot.errors import CouldNotVerify


class NotFound(CouldNotVerify):
    """Nothing is at that address, or the token may not see it."""


class NotAccessible(CouldNotVerify):
    """The token of an App, or of a job, lacks a permission."""


class NoSuchCommit(CouldNotVerify):
    """The repository has no commit of that id."""


class AlreadyThere(CouldNotVerify):
    """The ref that was to be made is there."""


class Stale(CouldNotVerify):
    """A branch that is not where a request expected it."""


class PersonalToken(CouldNotVerify):
    """The token belongs to a person, who cannot create check runs: only GitHub Apps can."""
