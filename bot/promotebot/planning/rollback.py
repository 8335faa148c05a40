"""Rollback and demotion: from what was asked to a complete request, the bytes of each candidate proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.artifact.evidence import Evidence
from promotebot.findings import Finding, error, errors_in, passed, warning
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examine
from promotebot.promotion.request import Actor, CommandArguments, Request
from promotebot.promotion.rollback import SkippedCandidate, candidates, rollback_id
from promotebot.registry.model import Action, ModelEntry, Pointer, RequestRef
from promotebot.registry.names import Digest, ModelName
from promotebot.text import short_digest


@dataclass(frozen=True)
class NoRollbackTarget:
    """Nothing to go back to, or nothing to take out; every candidate is named with why."""

    findings: tuple[Finding, ...]


def prepare_demotion(
    asked: CommandArguments, ground: PromotionContext, actor: Actor, ref: RequestRef | None
) -> Request | NoRollbackTarget:
    """The request that clears a stage."""
    known = _entry(asked, ground)
    if isinstance(known, NoRollbackTarget):
        return known
    model, entry = known
    today = entry.pointer(asked.stage)
    if today is None:
        message = f"{asked.stage.label} of {model} holds nothing."
        return NoRollbackTarget((error("demote.stage", message, remedy=f"promotebot show --model {model}"),))
    return _request(asked, model, today, actor, ref, artifact_id=today.artifact_id)


def prepare_rollback(
    asked: CommandArguments, ground: PromotionContext, actor: Actor, ref: RequestRef | None, *, examine: Examine
) -> tuple[Request, tuple[Finding, ...]] | NoRollbackTarget:
    """The request that goes back to the last good pointer, and remarks on what was passed over."""
    known = _entry(asked, ground)
    if isinstance(known, NoRollbackTarget):
        return known
    model, entry = known
    found = candidates(entry, asked.stage, to=asked.to)
    passed_over = list(found.passed_over)
    for pointer in found.pointers:
        promoted = pointer.digest or ground.first_digest(model, asked.stage, pointer)
        evidence = examine(ground.files, pointer.artifact_dir, ground.policy.limits)
        why = _why_not(promoted, evidence, named=bool(asked.to))
        if not why:
            request = _request(asked, model, pointer, actor, ref, artifact_id=rollback_id(pointer.artifact_id))
            chosen = passed("rollback.candidate", f"{pointer.artifact_id} ({short_digest(promoted)}) still verifies")
            return request, (chosen, *map(_remark, passed_over))
        passed_over.append(SkippedCandidate(pointer, why))
    what = f"pointer {asked.to!r}" if asked.to else "earlier pointer"
    nothing = error(
        "rollback.candidate",
        f"There is no {what} of {asked.stage.label} to go back to.",
        where=ground.registry.at(model),
        remedy=f"look at what was there: promotebot history --model {model} --stage {asked.stage.value}",
    )
    return NoRollbackTarget((nothing, *map(_remark, passed_over)))


def _entry(asked: CommandArguments, ground: PromotionContext) -> tuple[ModelName, ModelEntry] | NoRollbackTarget:
    entry = ground.registry.entry(asked.model or "")
    if asked.model is None or entry is None:
        known = ", ".join(ground.registry) or "none"
        problem = error("request.model", f"Unknown model {asked.model!r}.", remedy=f"known models: {known}")
        return NoRollbackTarget((problem,))
    return asked.model, entry


def _why_not(promoted: Digest | None, evidence: Evidence, *, named: bool) -> str:
    wrong: Sequence[Finding] = errors_in(evidence.findings)
    if wrong:
        return f"it does not verify any more: {wrong[0].message}"
    if promoted is None:
        return (
            "" if named else "no digest was recorded (older tool), and git does not know its bytes; name it with --to"
        )
    if promoted != evidence.digest:
        return f"its directory now holds {short_digest(evidence.digest)}, {short_digest(promoted)} was promoted"
    return ""


def _remark(passed_over: SkippedCandidate) -> Finding:
    pointer = passed_over.pointer
    return warning(
        "rollback.passed_over",
        f"Passed over {pointer.artifact_id} ({short_digest(pointer.digest)}): {passed_over.why}.",
        where=pointer.artifact_dir,
    )


def _request(
    asked: CommandArguments,
    model: ModelName,
    pointer: Pointer,
    actor: Actor,
    ref: RequestRef | None,
    *,
    artifact_id: str,
) -> Request:
    inferred = ("artifact_dir", "artifact_id", "dataset_id", "git_sha")
    origin = "stage today" if asked.action is Action.DEMOTE else "history"
    return Request(
        model=model,
        stage=asked.stage,
        artifact_dir=pointer.artifact_dir,
        artifact_id=artifact_id,
        actor=actor,
        action=asked.action,
        dataset_id=pointer.dataset_id,
        git_sha=pointer.git_sha,
        reason=asked.reason,
        notes=asked.notes,
        to=asked.to,
        ref=ref,
        origins={field: origin for field in inferred if getattr(pointer, field)},
    )
