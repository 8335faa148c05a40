"""The receipt of a promotion: who asked for what on which head, under which policy, and what the registry was and is.

An auditor finds it in the gate's report, and after the merge in the deployment; both come from this function. Beside it
stand the approvers of the head (`gate.approvals`), each as of when it was written.
"""

from __future__ import annotations

from collections.abc import Mapping

from promotebot.promotion.replay import Step
from promotebot.registry.registry import ModelRegistry


def receipt_of(
    step: Step, *, head: str | None, before: ModelRegistry | None, after: ModelRegistry, checklist: str | None = None
) -> Mapping[str, str | None]:
    """Return the receipt of one event; what nobody knows is None.

    Args:
        step: the event, as the registry's replay found it.
        head: the commit that people reviewed, 40 hex digits; None where no pull request brought the event.
        before: the registry that it is compared with; None where there was none.
        after: the registry that holds the event.
        checklist: who ticked which boxes of the runbook's checklist on that head.

    Returns:
        requester (login or address), request (`comment:1#1`, as the event has it), head, policy_digest, event (its
        digest), digest (the artifact's), registry_digest_before and registry_digest (sha256 of the file that holds
        the model, in the split layout the model's own), evidence (the digest of what was claimed), override (the rule
        and why), lifts_hold (why a held stage takes promotions again), allows_signature_change (why another signature
        than ACTIVE's is right), share (of production, that a candidate in STAGING gets),
        checklist (`box 4 by bob`).
    """
    event = step.event
    return {
        "requester": event.request.login if event.request else event.actor,
        "request": event.request.id if event.request else None,
        "head": head,
        "policy_digest": event.policy_digest,
        "event": step.digest,
        "digest": event.pointer.digest,
        "registry_digest_before": before.file_digest(step.model)
        if before is not None and step.model in before
        else None,
        "registry_digest": after.file_digest(step.model),
        "evidence": event.evidence,
        "override": event.override,
        "lifts_hold": event.lifts_hold,
        "allows_signature_change": event.allows_signature_change,
        "share": event.pointer.share,
        "checklist": checklist,
    }
