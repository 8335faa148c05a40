"""Labels that ask for a promotion: `promote:<stage>` and `promote:<model>:<stage>`.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from promotebot.errors import InvalidInput
from promotebot.promotion.request import CommandArguments
from promotebot.registry.names import parse_model_name, parse_stage

PREFIX = "promote:"


def parse_label(name: str) -> CommandArguments | None:
    """Return the request of a label; None for a label that is no request.

    Raises:
        InvalidInput: for a label that starts like a request and is none.
    """
    plain = name.lower()  # GitHub's labels are the same in any case
    if not plain.startswith(PREFIX):
        return None
    # No model's name holds a colon, so that the parts are unambiguous.
    *model, stage = plain.removeprefix(PREFIX).split(":")
    try:
        if len(model) > 1:
            raise InvalidInput(f"label {name!r} has too many parts")
        return CommandArguments(parse_stage(stage), model=parse_model_name(model[0]) if model else None)
    except InvalidInput as problem:
        remedy = f"use a label such as {PREFIX}active or {PREFIX}regime_classifier:staging"
        raise InvalidInput(f"{name!r}: {problem.message}", where="label", remedy=problem.remedy or remedy) from None
