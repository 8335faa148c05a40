"""The first lines of a card and of a dry run: what the request lets pass that a rule would have refused."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.comments.findings import prose
from promotebot.comments.markdown import code, text
from promotebot.findings import warnings_in
from promotebot.promotion.overridable import overridden_rule
from promotebot.promotion.plan import Plan
from promotebot.promotion.rules.override import OVERRIDDEN
from promotebot.text import shortened

MAX_FOUND = 300
"""Characters of what a rule found; the list of warnings has all of it."""


def exception_lines(plan: Plan) -> Iterator[str]:
    """Yield, in Markdown, that the request allows another signature, then that it makes an exception from a rule."""
    yield _signature(plan)
    yield _override(plan)


def _signature(plan: Plan) -> str:
    """Return that the request allows another signature than ACTIVE has; empty where it needs not."""
    reason = plan.request.allow_signature_change
    rules = [f.rule for f in warnings_in(plan.findings) if f.rule.startswith("signature.")]
    if not reason or not rules:
        return ""
    parts = " and ".join(dict.fromkeys(rule.partition(".")[2] for rule in rules))
    return f"⚠️ **Other {parts} than ACTIVE has, which the request allows:** {text(reason)}"


def _override(plan: Plan) -> str:
    """Return that the request makes an exception from a rule, and what this rule found; empty where it makes none."""
    override = plan.request.override
    if not override or plan.event.override is None:
        return ""
    rule = overridden_rule(override)
    found = [
        one.message.removeprefix(OVERRIDDEN)
        for one in warnings_in(plan.findings)
        if one.rule == rule and one.message.startswith(OVERRIDDEN)
    ]
    more = f" (and {len(found) - 1} more below)" if len(found) > 1 else ""
    seen = f". The rule found: {prose(shortened(found[0].rstrip('.'), MAX_FOUND))}{more}." if found else ""
    return f"⚠️ **{code(plan.request.actor.name)} makes an exception from a rule:** {text(override.rstrip('.'))}{seen}"
