"""Labels that ask for a promotion: `promote:<stage>` and `promote:<model>:<stage>`.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from promotebot.errors import InvalidInput
from promotebot.promotion.aliases import NO_ALIASES, Aliases, parse_stage_word
from promotebot.promotion.request import CommandArguments
from promotebot.registry.names import parse_model_name

PREFIX = "promote:"


def parse_label(name: str, aliases: Aliases = NO_ALIASES) -> CommandArguments | None:
    """Return the request of a label; None for a label that is no request.

    Args:
        aliases: the words for stages that the base's policy has.

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
        return CommandArguments(parse_stage_word(stage, aliases), model=parse_model_name(model[0]) if model else None)
    except InvalidInput as problem:
        remedy = f"use a label such as {PREFIX}active or {PREFIX}regime_classifier:staging"
        raise InvalidInput(f"{name!r}: {problem.message}", where="label", remedy=problem.remedy or remedy) from None
