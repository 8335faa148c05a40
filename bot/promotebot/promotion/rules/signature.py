"""Rules about the model's signature: what takes the place of ACTIVE takes and gives what services were built for."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.interface import FEATURES, interface_changes
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, again

_ALLOWING = {"allow_signature_change": "every service that uses the model was changed for it"}


def signature_is_kept(context: RuleContext) -> Iterator[Finding]:
    """Compare inputs, outputs and the order of features with today's ACTIVE; where it is empty, with the last one.

    What cannot be compared is refused like a difference. The way back is never refused: services ran with it.
    """
    incumbent = context.facts.incumbent
    if incumbent is None or context.digest is None or context.policy.signature == "allow":
        return
    if context.evidence.is_of(incumbent.pointer):
        return
    held = str(incumbent.held)
    if incumbent.evidence is None:
        missing = f"{incumbent.pointer.artifact_dir} does not hold the bytes that were promoted"
        yield _finding(context, "signature.inputs", f"The model cannot be compared with {held}: {missing}.")
        return
    found = interface_changes(incumbent.evidence, context.evidence)
    for rule in ("signature.inputs", "signature.outputs", "signature.features"):
        part = rule.partition(".")[2]
        if part not in found:
            continue
        changes = found[part]
        if changes is None:
            yield _finding(context, rule, f"The {part} cannot be compared with {held}: not both models were opened.")
        elif changes:
            yield _finding(context, rule, f"Differs from {held}: {'; '.join(changes)}.")
        else:
            yield passed(rule, f"same {'feature order' if part == FEATURES else part} as {held}")


def _finding(context: RuleContext, rule: str, message: str) -> Finding:
    request, where = context.request, context.request.artifact_dir
    is_refused = request.stage is Stage.ACTIVE and context.policy.signature == "refuse" and not context.is_rollback
    if request.allow_signature_change:
        allowed = f"{message} The request allows it: {request.allow_signature_change}."
        return warning(rule, allowed, where=where)
    if not is_refused:
        return warning(rule, message, where=where)
    remedy = Remedy("when every service takes it: ", again(**_ALLOWING), changes=_ALLOWING)
    return error(rule, message, where=where, remedy=remedy)
