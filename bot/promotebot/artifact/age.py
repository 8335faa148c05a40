"""How old a registry is by its own records, against what a service accepts (docs/architecture.md, Loading)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.names import CLOCK_TOLERANCE, Timestamp, to_datetime, to_timestamp
from promotebot.remedies import Command, Remedy
from promotebot.text import duration


def check_age(known_at: Timestamp | None, max_age: timedelta, *, where: str, bundle: Command) -> None:
    """Compare the newest moment that a registry records with the clock of this machine.

    Args:
        bundle: the command that makes a bundle, which is as old as the moment when it is made.

    Raises:
        InvalidInput: for a registry that is too old.
        CouldNotVerify: for one that does not say how old it is, or is from the future.
    """
    now = datetime.now(timezone.utc)
    if known_at is None:
        message = "has neither generated_at_utc nor an event, so its age is unknown"
        raise CouldNotVerify(message, where=where, remedy="promote the model again: this records an event")
    age = now - to_datetime(known_at)
    if age < -CLOCK_TOLERANCE:
        message = f"is from {known_at}, but the clock of this machine says {to_timestamp(now)}"
        raise CouldNotVerify(message, where=where, remedy="set the clock of this machine")
    if age > max_age:
        message = f"its newest record is from {known_at}, {duration(age)} ago; at most {duration(max_age)}"
        remedy = Remedy(
            "copy a newer one here. If nothing was promoted since, make a bundle in a checkout of the default branch: ",
            bundle,
        )
        raise InvalidInput(f"{message} is allowed", where=where, remedy=remedy)
