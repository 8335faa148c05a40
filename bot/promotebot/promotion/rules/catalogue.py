"""The rules in their order: one small function each, with a stable id; all findings are reported at once.

See docs/rules.md.
"""

from __future__ import annotations

from promotebot.artifact.opening_findings import for_active
from promotebot.findings import Finding
from promotebot.promotion.rules.artifact import bytes_are_pinned, directory_stands_alone, history_is_whole
from promotebot.promotion.rules.claims import evidence_is_given, evidence_suffices
from promotebot.promotion.rules.comparison import outputs_are_close
from promotebot.promotion.rules.context import Rule, RuleContext
from promotebot.promotion.rules.evaluation import evaluation_suffices
from promotebot.promotion.rules.imports import active_becomes_whole, artifact_is_the_models, import_is_allowed
from promotebot.promotion.rules.override import overridden
from promotebot.promotion.rules.provenance import artifact_is_signed, commit_is_reachable, manifest_agrees
from promotebot.promotion.rules.quarantine import is_not_quarantined
from promotebot.promotion.rules.request import (
    active_has_dataset_id,
    active_has_git_sha,
    actor_is_known,
    model_is_known,
    promotion_is_confirmed,
    reason_is_given,
    stage_takes_terminal_events,
)
from promotebot.promotion.rules.share import share_is_allowed
from promotebot.promotion.rules.signature import change_is_allowed, signature_is_kept
from promotebot.promotion.rules.stages import (
    nothing_is_frozen,
    prior_stage,
    soak_time,
    stage_is_occupied,
    stage_is_open,
)
from promotebot.promotion.rules.way_back import brings_back_removed, stage_is_not_held
from promotebot.registry.model import Action
from promotebot.registry.names import Stage


def evaluate(context: RuleContext) -> tuple[Finding, ...]:
    """Return the artifact's findings, then those of every rule: causes come before their consequences."""
    rules = {Action.DEMOTE: DEMOTION_RULES, Action.IMPORTED: IMPORT_RULES}.get(context.request.action, RULES)
    findings = overridden(context, (finding for rule in rules for finding in rule(context)))
    return (*_on_the_artifact(context), *findings)


def _on_the_artifact(context: RuleContext) -> tuple[Finding, ...]:
    """Return the artifact's findings as they count for the stage; what services ran before may come back to ACTIVE."""
    runs_already = context.is_rollback or context.request.action is Action.IMPORTED
    is_strict = context.request.stage is Stage.ACTIVE and not runs_already
    return for_active(context.evidence.findings) if is_strict else context.evidence.findings


RULES: tuple[Rule, ...] = (
    actor_is_known,
    stage_takes_terminal_events,
    model_is_known,
    active_has_git_sha,
    active_has_dataset_id,
    promotion_is_confirmed,
    reason_is_given,
    share_is_allowed,
    manifest_agrees,
    commit_is_reachable,
    is_not_quarantined,
    artifact_is_signed,
    evidence_is_given,
    evidence_suffices,
    signature_is_kept,
    change_is_allowed,
    outputs_are_close,
    evaluation_suffices,
    prior_stage,
    soak_time,
    nothing_is_frozen,
    stage_is_open,
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
# An import says what stands there already: it went through no stage here, and what is not known stays unknown.
IMPORT_RULES: tuple[Rule, ...] = (
    actor_is_known,
    stage_takes_terminal_events,
    promotion_is_confirmed,
    artifact_is_the_models,
    import_is_allowed,
    active_becomes_whole,
    manifest_agrees,
    is_not_quarantined,
    artifact_is_signed,
    history_is_whole,
    bytes_are_pinned,
    directory_stands_alone,
)
