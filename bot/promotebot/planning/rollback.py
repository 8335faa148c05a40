"""Rollback and demotion: from what was asked to a complete request, the bytes of each candidate proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.artifact.evidence import Evidence
from promotebot.findings import Finding, error, errors_in, passed, warning
from promotebot.planning.decide import PromotionContext, expect_artifacts
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
    arguments: CommandArguments, context: PromotionContext, actor: Actor, ref: RequestRef | None
) -> Request | NoRollbackTarget:
    """Return the request that clears a stage."""
    known = _entry(arguments, context)
    if isinstance(known, NoRollbackTarget):
        return known
    model, entry = known
    today = entry.pointer(arguments.stage)
    if today is None:
        message = f"{arguments.stage.label} of {model} holds nothing."
        return NoRollbackTarget((error("demote.stage", message, remedy=f"promotebot show --model {model}"),))
    return _request(arguments, model, today, actor, ref, artifact_id=today.artifact_id)


def prepare_rollback(
    arguments: CommandArguments, context: PromotionContext, actor: Actor, ref: RequestRef | None, *, examine: Examine
) -> tuple[Request, tuple[Finding, ...]] | NoRollbackTarget:
    """Return the request that goes back to the last good pointer, and remarks on those that were skipped."""
    known = _entry(arguments, context)
    if isinstance(known, NoRollbackTarget):
        return known
    model, entry = known
    history = candidates(entry, arguments.stage, to=arguments.to)
    skipped = list(history.skipped)
    today = entry.pointer(arguments.stage)
    likely = [pointer.artifact_dir for pointer in (*history.pointers[:1], *([today] if today else []))]
    expect_artifacts(context.files, likely, context.policy.limits)
    for pointer in history.pointers:
        promoted = pointer.digest or context.first_digest(model, arguments.stage, pointer)
        evidence = examine(context.files, pointer.artifact_dir, context.policy.limits)
        problem = _problem(pointer, promoted, evidence, named=bool(arguments.to))
        if not problem:
            request = _request(arguments, model, pointer, actor, ref, artifact_id=rollback_id(pointer.artifact_id))
            chosen = passed("rollback.candidate", f"{pointer.artifact_id} ({short_digest(promoted)}) still verifies")
            return request, (chosen, *map(_remark, skipped))
        skipped.append(SkippedCandidate(pointer, problem))
    target = f"pointer {arguments.to!r}" if arguments.to else "earlier pointer"
    nothing = error(
        "rollback.candidate",
        f"There is no {target} of {arguments.stage.label} to go back to.",
        where=context.registry.at(model),
        remedy=f"look at what was there: promotebot history --model {model} --stage {arguments.stage.value}",
    )
    return NoRollbackTarget((nothing, *map(_remark, skipped)))


def _entry(arguments: CommandArguments, context: PromotionContext) -> tuple[ModelName, ModelEntry] | NoRollbackTarget:
    entry = context.registry.entry(arguments.model or "")
    if arguments.model is None or entry is None:
        known = ", ".join(context.registry) or "none"
        problem = error("request.model", f"Unknown model {arguments.model!r}.", remedy=f"known models: {known}")
        return NoRollbackTarget((problem,))
    return arguments.model, entry


def _problem(pointer: Pointer, promoted: Digest | None, evidence: Evidence, *, named: bool) -> str:
    """Return why a pointer is not gone back to; empty when bytes and manifest are those that were promoted."""
    problems: Sequence[Finding] = errors_in(evidence.findings)
    if problems:
        return f"it does not verify any more: {problems[0].message}"
    if promoted is None:
        return (
            "" if named else "no digest was recorded (older tool), and git does not know its bytes; name it with --to"
        )
    if promoted != evidence.digest:
        return f"its directory now holds {short_digest(evidence.digest)}, {short_digest(promoted)} was promoted"
    if not evidence.keeps_manifest(pointer):
        return "its manifest is not the one that was promoted"
    return ""


def _remark(skipped: SkippedCandidate) -> Finding:
    pointer = skipped.pointer
    return warning(
        "rollback.passed_over",
        f"Passed over {pointer.artifact_id} ({short_digest(pointer.digest)}): {skipped.reason}.",
        where=pointer.artifact_dir,
    )


def _request(
    arguments: CommandArguments,
    model: ModelName,
    pointer: Pointer,
    actor: Actor,
    ref: RequestRef | None,
    *,
    artifact_id: str,
) -> Request:
    inferred = ("artifact_dir", "artifact_id", "dataset_id", "git_sha")
    origin = "stage today" if arguments.action is Action.DEMOTE else "history"
    return Request(
        model=model,
        stage=arguments.stage,
        artifact_dir=pointer.artifact_dir,
        artifact_id=artifact_id,
        actor=actor,
        action=arguments.action,
        dataset_id=pointer.dataset_id,
        git_sha=pointer.git_sha,
        reason=arguments.reason,
        notes=arguments.notes,
        to=arguments.to,
        ref=ref,
        origins={field: origin for field in inferred if getattr(pointer, field)},
    )
