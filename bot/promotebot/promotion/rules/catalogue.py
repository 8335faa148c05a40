"""The rules in their order: one small function each, with a stable id; all findings are reported at once.

See docs/rules.md.
"""

from __future__ import annotations

from promotebot.findings import Finding
from promotebot.promotion.rules.artifact import bytes_are_pinned, directory_stands_alone, history_is_whole
from promotebot.promotion.rules.context import Rule, RuleContext
from promotebot.promotion.rules.provenance import commit_is_reachable, manifest_agrees
from promotebot.promotion.rules.request import (
    active_has_dataset_id,
    active_has_git_sha,
    actor_is_known,
    model_is_known,
    reason_is_given,
    stage_takes_terminal_events,
)
from promotebot.promotion.rules.stages import nothing_is_frozen, prior_stage, soak_time, stage_is_occupied
from promotebot.promotion.rules.way_back import brings_back_removed, stage_is_not_held
from promotebot.registry.model import Action


def evaluate(context: RuleContext) -> tuple[Finding, ...]:
    """Return the artifact's findings, then those of every rule: causes come before their consequences."""
    rules = DEMOTION_RULES if context.request.action is Action.DEMOTE else RULES
    findings = [finding for rule in rules for finding in rule(context)]
    return (*context.evidence.findings, *findings)


RULES: tuple[Rule, ...] = (
    actor_is_known,
    stage_takes_terminal_events,
    model_is_known,
    active_has_git_sha,
    active_has_dataset_id,
    reason_is_given,
    manifest_agrees,
    commit_is_reachable,
    prior_stage,
    soak_time,
    nothing_is_frozen,
    stage_is_not_held,
    brings_back_removed,
    history_is_whole,
    bytes_are_pinned,
    directory_stands_alone,
)
# A demotion takes out what is there: neither the artifact's origin nor a soak time or a freeze may hold it up.
DEMOTION_RULES: tuple[Rule, ...] = (
    actor_is_known,
    stage_takes_terminal_events,
    stage_is_occupied,
    reason_is_given,
    history_is_whole,
)
