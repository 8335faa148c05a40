"""The rules: one small function each, with a stable id; every finding is reported at once (docs/rules.md)."""

from __future__ import annotations

from promotebot.findings import Finding
from promotebot.promotion.rules.artifact import bytes_are_pinned, history_is_whole
from promotebot.promotion.rules.context import Rule, RuleContext
from promotebot.promotion.rules.provenance import commit_is_reachable, manifest_agrees
from promotebot.promotion.rules.request import (
    active_has_dataset_id,
    active_has_git_sha,
    actor_is_known,
    model_is_known,
    reason_is_given,
)
from promotebot.promotion.rules.stages import nothing_is_frozen, prior_stage, soak_time, something_stands
from promotebot.registry.model import Action


def evaluate(context: RuleContext) -> tuple[Finding, ...]:
    """The artifact's evidence first, as causes come before what follows from them, then `RULES` in order."""
    rules = DEMOTION_RULES if context.request.action is Action.DEMOTE else RULES
    found = [finding for rule in rules for finding in rule(context)]
    return (*context.evidence.findings, *found)


RULES: tuple[Rule, ...] = (
    actor_is_known,
    model_is_known,
    active_has_git_sha,
    active_has_dataset_id,
    reason_is_given,
    manifest_agrees,
    commit_is_reachable,
    prior_stage,
    soak_time,
    nothing_is_frozen,
    history_is_whole,
    bytes_are_pinned,
)
DEMOTION_RULES: tuple[Rule, ...] = (actor_is_known, something_stands, reason_is_given, history_is_whole)
