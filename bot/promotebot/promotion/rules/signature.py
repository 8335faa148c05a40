"""Rules about the model's signature: what takes the place of ACTIVE takes and gives what services were built for."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.interface import FEATURES, interface_changes
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.people import is_named, unseen
from promotebot.promotion.rules.context import RuleContext
from promotebot.registry.model import Source
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, again
from promotebot.text import listed

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


def change_is_allowed(context: RuleContext) -> Iterator[Finding]:
    """Require that the policy lets who asks allow another signature, where it names people for that."""
    request, people = context.request, context.policy.signature_people
    if not request.allow_signature_change or people is None:
        return
    name, allowed = request.actor.name, listed(list(people)) if people else "nobody"
    if request.actor.source is not Source.GITHUB:
        message, hint = "Another signature is allowed in comments on GitHub only, where it is known who asks", ""
    elif not is_named(name, people, context.facts.groups):
        message, hint = f"{name} may not allow another signature", unseen(name, people)
    else:
        yield passed("signature.people", f"{name} may allow another signature")
        return
    remedy = "leave --allow-signature-change out, or ask somebody whom `signature_people` of the policy names"
    yield error("signature.people", f"{message}; the policy allows {allowed}.{hint}", remedy=remedy)


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
