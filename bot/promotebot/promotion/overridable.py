"""Which rules can be overridden, and how a request says it. Without pydantic: every command line is read with it."""

from __future__ import annotations

from typing import Literal, get_args

from promotebot.errors import InvalidInput
from promotebot.registry.names import parse_text

OverridableRule = Literal[
    "active.prior_stage",
    "comparison.agreement",
    "comparison.difference",
    "evaluation.difference",
    "evaluation.metric",
    "evidence.exists",
    "evidence.metric",
    "freeze",
    "soak.shadow",
    "soak.staging",
    "window",
]
"""Rules of the policy about when, and how well tried. What is proven of bytes is never overridden."""
OVERRIDABLE: tuple[str, ...] = get_args(OverridableRule)
EXAMPLE = "freeze: the fix for incident 7"


def parse_override(text: str) -> str:
    """Parse the value of `--override`: a rule, a colon and the reason.

    Raises:
        InvalidInput: for anything else, naming the rules that can be overridden.
    """
    rule, _, reason = (part.strip() for part in parse_text(text).partition(":"))
    if rule not in OVERRIDABLE or not reason:
        raise InvalidInput(
            f"{text!r} is not a rule and a reason, such as {EXAMPLE!r}",
            remedy=f"name one of these rules: {', '.join(OVERRIDABLE)}",
        )
    return f"{rule}: {reason}"


def overridden_rule(text: str | None) -> str:
    """Return the rule that an override names; empty for none."""
    return text.partition(":")[0] if text else ""
