"""Rollback and demotion: from what was asked to a complete request, the bytes of each candidate proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.quarantine import digests_of, quarantined
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, errors_in, passed, warning
from promotebot.planning.decide import PromotionContext, expect_artifacts
from promotebot.planning.examiner import Examine
from promotebot.promotion.request import Actor, CommandArguments, Request, show_stages, unknown_model
from promotebot.promotion.rollback import (
    Candidates,
    SkippedCandidate,
    candidates,
    is_same,
    named,
    named_elsewhere,
    rollback_id,
)
from promotebot.registry.model import Action, ModelEntry, Pointer, RequestRef, Source
from promotebot.registry.names import Digest, ModelName, parse_rollback_target
from promotebot.remedies import CallerLine, Remedy, again, choices, comment, shell
from promotebot.text import held_now, short_digest

MAX_EXAMINED = 5
"""Pointers that a refusal proves to give the line that reaches them: each may mean a model to fetch and to open."""


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
        return NoRollbackTarget((error("demote.stage", message, remedy=show_stages(model, actor)),))
    return _request(arguments, model, today, actor, ref, artifact_id=today.artifact_id)


def prepare_rollback(
    arguments: CommandArguments, context: PromotionContext, actor: Actor, ref: RequestRef | None, *, examine: Examine
) -> tuple[Request, tuple[Finding, ...]] | NoRollbackTarget:
    """Return the request that goes back to the last good pointer, and remarks on those that were skipped."""
    known = _entry(arguments, context)
    if isinstance(known, NoRollbackTarget):
        return known
    model, entry = known
    return _Rollback(arguments, context, actor, ref, examine, model, entry).prepare()


@dataclass(frozen=True)
class _Rollback:
    """One rollback of one model, and what is asked of its artifacts."""

    arguments: CommandArguments
    context: PromotionContext
    actor: Actor
    ref: RequestRef | None
    examine: Examine
    model: ModelName
    entry: ModelEntry

    def prepare(self) -> tuple[Request, tuple[Finding, ...]] | NoRollbackTarget:
        """Return the request, or every pointer of the history with why it is none, and the line that reaches it."""
        stage = self.arguments.stage
        history = self._named(self.arguments.to) if self.arguments.to else candidates(self.entry, stage)
        if isinstance(history, NoRollbackTarget):
            return history
        today = self.entry.pointer(stage)
        likely = [pointer.artifact_dir for pointer in (*history.pointers[:1], *([today] if today else []))]
        expect_artifacts(self.context.files, likely, self.context.policy.limits)
        skipped = list(history.skipped)
        for pointer in history.pointers:
            problem, digest = self._problem(pointer)
            if not problem:
                chosen = passed("rollback.candidate", f"{pointer.artifact_id} ({short_digest(digest)}) still verifies")
                return self._request(pointer), (chosen, *map(_remark, skipped))
            skipped.append(SkippedCandidate(pointer, problem))
        return self._nothing(f"There is no earlier pointer of {stage.label} to go back to.", skipped)

    def _named(self, to: str) -> Candidates | NoRollbackTarget:
        """Return the one artifact that `--to` stands for, whatever took it out of the stage; else why there is none."""
        stage, today = self.arguments.stage, self.entry.pointer(self.arguments.stage)
        found = named(self.entry, stage, to)
        if len(found) > 1:
            digests = " and ".join(_digests(pointer) for pointer in found)
            message = f"{to!r} names {len(found)} artifacts of {stage.label}: {digests}. Name one by its digest."
            current = [bool(today and is_same(pointer, today)) for pointer in found]
            reasons = [f"currently {stage.label}" if here else "it has that name" for here in current]
            return self._nothing(message, list(map(SkippedCandidate, found, reasons, current)))
        if not found:
            return self._elsewhere(to)
        if today and is_same(found[0], today):
            return self._nothing(f"{stage.label} holds {to!r} already.", [SkippedCandidate(today, "", is_current=True)])
        problem, _ = self._problem(found[0])
        if problem:
            others = candidates(self.entry, stage)
            rest = [SkippedCandidate(one, "it is available") for one in others.pointers if not is_same(one, found[0])]
            return self._nothing(f"A rollback to {to!r} is not possible: {problem}.", [*rest, *others.skipped])
        return Candidates((found[0],), ())

    def _elsewhere(self, to: str) -> NoRollbackTarget:
        """Refuse what was never in this stage: it is promoted there, with the rules of a promotion."""
        stage = self.arguments.stage
        event = named_elsewhere(self.entry, stage, to)
        if event is None or event.to_stage is None:
            everything = candidates(self.entry, stage)
            reachable = [SkippedCandidate(pointer, "it is available") for pointer in everything.pointers]
            message = f"There is no pointer {to!r} in the history of {stage.label}."
            return self._nothing(message, [*reachable, *everything.skipped])
        pointer = event.pointer
        back, name = self._request(pointer), pointer.artifact_id
        meant = replace(back, action=Action.PROMOTE, artifact_id=name, lift_hold=None, to=None)
        request = replace(meant, origins={}, asked=None)
        problem = error(
            "rollback.candidate",
            f"{to!r} was in {event.to_stage.label} on {event.ts_utc} and never in {stage.label}, so this is no "
            "rollback.",
            where=self.context.registry.at(self.model),
            remedy=Remedy("promote it: ", request.command()),
        )
        return NoRollbackTarget((problem,))

    def _nothing(self, message: str, skipped: Sequence[SkippedCandidate]) -> NoRollbackTarget:
        """Refuse, and say of each pointer of the history why it is not gone back to, and which line reaches it."""
        stage, model = self.arguments.stage, self.model
        told: list[Finding] = []
        lines: list[CallerLine] = []
        for position, one in enumerate(skipped):
            line = None if one.is_current or position >= MAX_EXAMINED else self._line(one.pointer)
            lines += [line] if line else []
            told.append(_remark(one, line))
        where = self.context.registry.at(model)
        here = shell("promotebot", "history", "--model", model, "--stage", stage.value)
        look = comment("/status", model) if self.actor.source is Source.GITHUB else here
        remedy = choices("name one", lines) if lines else Remedy("see what is there: ", look)
        nothing = error("rollback.candidate", message, where=where, remedy=remedy)
        return NoRollbackTarget((nothing, *told))

    def _line(self, pointer: Pointer) -> CallerLine | None:
        """Return the line that goes back to a pointer; None where its bytes do not verify any more."""
        problem, _ = self._problem(pointer, is_named=True)
        if problem:
            return None
        stage = self.arguments.stage
        # Its own id where that stands for nothing else; else the bytes, or the manifest where the bytes are the same.
        ways = (pointer.artifact_id, pointer.digest, pointer.manifest_digest)
        name = next((way for way in ways if way and _reads(way) and len(named(self.entry, stage, way)) == 1), None)
        return again(to=name) if name else None

    def _problem(self, pointer: Pointer, *, is_named: bool = False) -> tuple[str, Digest | None]:
        """Return why a pointer is not gone back to, and its digest; no reason when it is what was promoted."""
        promoted = pointer.digest or self.context.first_digest(self.model, self.arguments.stage, pointer)
        evidence = self.examine(self.context.files, pointer.artifact_dir, self.context.policy.terms_for(self.model))
        digests = {*([promoted] if promoted else []), *(digests_of(evidence.manifest) if evidence.manifest else [])}
        found = quarantined(self.context.policy.quarantine, self.model, digests)
        if found:
            return f"it is in quarantine: {found.reason}", promoted
        return _problem(pointer, promoted, evidence, named=is_named or bool(self.arguments.to)), promoted

    def _request(self, pointer: Pointer) -> Request:
        request = _request(
            self.arguments,
            self.model,
            pointer,
            self.actor,
            self.ref,
            artifact_id=rollback_id(pointer.artifact_id),
        )
        # Whoever names what somebody rolled back from knows of it, and says why it is wanted again.
        return replace(request, lift_hold=request.reason if self.arguments.to else None)


def _reads(name: str) -> bool:
    """Return whether a command can name it: older tools wrote ids that are none to the commands."""
    try:
        return bool(parse_rollback_target(name))
    except InvalidInput:
        return False


def _digests(pointer: Pointer) -> str:
    manifest = f" with the manifest {short_digest(pointer.manifest_digest)}" if pointer.manifest_digest else ""
    return f"{pointer.digest or 'unknown bytes'}{manifest} in {pointer.artifact_dir}"


def _entry(arguments: CommandArguments, context: PromotionContext) -> tuple[ModelName, ModelEntry] | NoRollbackTarget:
    entry = context.registry.entry(arguments.model or "")
    if arguments.model is None or entry is None:
        return NoRollbackTarget((unknown_model(arguments.model or "", list(context.registry)),))
    return arguments.model, entry


def _problem(pointer: Pointer, promoted: Digest | None, evidence: Evidence, *, named: bool) -> str:
    """Return why a pointer is not gone back to; empty when bytes and manifest are those that were promoted."""
    problems: Sequence[Finding] = errors_in(evidence.findings)
    if problems:
        return f"it does not verify any more: {problems[0].message.rstrip('.')}"
    if promoted is None:
        return (
            "" if named else "no digest was recorded (older tool), and git does not know its bytes; name it with --to"
        )
    if promoted != evidence.digest:
        return f"{held_now(evidence.digest)}; {short_digest(promoted)} was promoted"
    if not evidence.keeps_manifest(pointer):
        return "its manifest is not the one that was promoted"
    return ""


def _remark(skipped: SkippedCandidate, line: CallerLine | None = None) -> Finding:
    pointer = skipped.pointer
    message = f"Skipped {pointer.artifact_id} ({short_digest(pointer.digest)}): {skipped.reason}."
    if skipped.is_current:
        return passed("rollback.passed_over", message, where=pointer.artifact_dir)
    return warning("rollback.passed_over", message, where=pointer.artifact_dir, remedy=Remedy(line) if line else "")


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
        asked=arguments,
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
