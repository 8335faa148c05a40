"""The override of one rule, where the policy lets who asks make an exception: its errors become warnings."""

from __future__ import annotations

from collections.abc import Iterable

from promotebot.findings import Finding, Severity, error, warning
from promotebot.promotion.overridable import overridden_rule
from promotebot.promotion.overrides import Override
from promotebot.promotion.patterns import is_for
from promotebot.promotion.people import is_named, unseen
from promotebot.promotion.rules.claims import EXISTS
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.model import Action, Source
from promotebot.registry.names import to_datetime
from promotebot.remedies import Remedy
from promotebot.text import counted, listed

RULE = "override"
OVERRIDDEN = "Overridden: "
"""What the message of a finding begins with that the request made a warning of."""


def overridden(context: RuleContext, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with those of the overridden rule as warnings, and one that says who made the exception.

    Where the policy does not allow it, they stay as they are, and an error says why.
    """
    request, found = context.request, list(findings)
    if not request.override or request.action is not Action.PROMOTE:
        return found
    refusal = _refusal(context)
    if refusal:
        remedy = "leave --override out, or ask somebody whom `overrides` of the policy names"
        return [*found, error(RULE, refusal, remedy=remedy)]
    rule, name = overridden_rule(request.override), request.actor.name
    said = warning(RULE, f"{name} overrides {request.override}.")
    return [said, *(_as_warning(one) if one.rule == rule else one for one in found)]


def _as_warning(finding: Finding) -> Finding:
    if finding.severity is not Severity.ERROR:
        return finding
    message = f"{OVERRIDDEN}{finding.message}"
    return finding.model_copy(update={"severity": Severity.WARNING, "message": message, "remedy": Remedy()})


def _refusal(context: RuleContext) -> str:
    """Return why the exception may not be made; empty where it may."""
    request, rule = context.request, overridden_rule(context.request.override)
    if rule == EXISTS and context.facts.claims and context.facts.claims.problem:
        return f"An exception from {EXISTS} is for evidence that is missing, not for a file that does not count."
    if request.actor.source is not Source.GITHUB:
        return "A rule is overridden in comments on GitHub only, where it is known who asks."
    grants = [one for one in context.policy.overrides if one.rule == rule and is_for(request.model, one.models)]
    if not grants:
        return f"The policy allows nobody to override {rule} for {request.model}."
    name, groups = request.actor.name, context.facts.groups
    own = [one for one in grants if is_named(name, one.people, groups)]
    if not own:
        people = sorted({login for one in grants for login in one.people})
        return f"{name} may not override {rule}; the policy allows {listed(people)}.{unseen(name, people)}"
    valid = [one for one in own if one.holds_at(context.now)]
    if not valid:
        times = listed([f"{one.start} to {one.end} ({one.timezone})" for one in own])
        return f"{name} may override {rule} from {times}, and not now."
    if all(_uses(context, one) >= one.uses for one in valid):
        most = counted(max(one.uses for one in valid), "time")
        return f"{rule} was overridden for {request.model} as often as the policy allows: {most}."
    return ""


def _uses(context: RuleContext, grant: Override) -> int:
    """Return how many events of the model, before this one, used an exception from that rule in its time."""
    same = (event for event in context.history if overridden_rule(event.override) == grant.rule)
    return sum(grant.holds_at(to_datetime(event.ts_utc)) for event in same)
