"""The decision: from a request and its evidence to the one registry change it means, or to the reasons against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from promotebot.artifact.evaluation import Evaluation
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.manifest import Manifest
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, errors_in, on_line, passed
from promotebot.promotion.evaluation_report import EvaluationReport, evaluation_report
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import FoundPointer, Request
from promotebot.promotion.rules.catalogue import evaluate
from promotebot.promotion.rules.context import Facts, RuleContext
from promotebot.promotion.rules.request import is_confirmed
from promotebot.promotion.rules.share import share_of
from promotebot.promotion.rules.way_back import lifts
from promotebot.registry.chain import event_digest
from promotebot.registry.model import Action, Event, Pointer, Source, read_record
from promotebot.registry.names import Digest, Stage, Timestamp, to_datetime, to_timestamp
from promotebot.registry.registry import ModelRegistry


@dataclass(frozen=True)
class Plan:
    """A legal promotion, rollback or demotion, with the registry after it. The caller writes that registry."""

    request: Request
    action: Action
    today: Pointer | None
    pointer: Pointer
    """The pointer that the stage gets; for a demotion, the one it loses."""
    event: Event
    before: ModelRegistry
    after: ModelRegistry
    findings: tuple[Finding, ...]

    @property
    def digest(self) -> Digest:
        """The digest of the new event as it is stored."""
        return event_digest(self.after.raw_history(self.request.model)[0])


@dataclass(frozen=True)
class Rejected:
    """A refused request: at least one finding is an error, and nothing is to be written."""

    request: Request
    today: Pointer | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Unchanged:
    """A request for what the stage already holds: nothing to write."""

    request: Request
    pointer: Pointer
    findings: tuple[Finding, ...]


Decision = Plan | Rejected | Unchanged


# Eight parameters, each an input of its own: a dataclass around them would only be built here and taken apart below.
def plan(
    registry: ModelRegistry,
    request: Request,
    evidence: Evidence,
    policy: Policy,
    now: datetime,
    *,
    base: ModelRegistry,
    facts: Facts,
    commit: str | None,
) -> Decision:
    """Decide one promotion at the moment `now` (UTC): return the plan, the refusal, or that nothing changes.
    Raises InvalidInput where the new registry would not read back as planned, which is a defect.

    Args:
        registry: the registry to change (the head's, after what this pull request promoted before).
        base: the base's registry; the only history that rules trust.
        commit: the commit `registry` was read from, recorded with the event.
    """
    context = RuleContext(request, evidence, registry, base, policy.for_model(request.model), facts, now)
    findings = evaluate(context)
    if request.actor.source is Source.GITHUB:  # a terminal puts the line there that was typed
        findings = on_line(findings, request.line)
    if errors_in(findings):
        return Rejected(request, context.today, findings)
    moment = _moment(context)
    pointer = None if request.action is Action.DEMOTE else _pointer(context, moment)
    if context.today is not None and pointer is not None and _says_the_same(context, context.today, pointer):
        note = passed(
            "request.noop", f"{request.stage.label} already holds {context.today.artifact_id} with these bytes"
        )
        return Unchanged(request, context.today, (*findings, note))
    stored: dict[str, Any] = registry.raw_entry(request.model).get(request.stage.value) or {}
    judged_by = {"registry_git_sha": commit, "policy_digest": policy.digest}  # of the whole one, so that it is found
    event = _event(context, moment, stored if pointer is None else pointer, judged_by)
    after = registry.with_event(request.model, event, pointer, request.stage)
    reread = after.reread(request.model)  # one that its own loader refuses would lock everybody out
    entry = reread.entries[request.model]
    same = reread.raw_entry(request.model) == after.raw_entry(request.model) and reread.document == after.document
    if (entry.pointer(request.stage) is None) != (pointer is None) or not same:
        raise InvalidInput("reading the new registry back did not give what was planned", where=registry.where)
    newest = entry.history[0]
    return Plan(request, newest.action, context.today, newest.pointer, newest, registry, reread, findings)


def _moment(context: RuleContext) -> Timestamp:
    """Return the present, or the newest event's time where the clock is behind it: history is ordered by time.

    See docs/architecture.md, Files.
    """
    newest = [to_datetime(event.ts_utc) for event in context.history[:1]]
    return to_timestamp(max([context.now, *newest]))


def _pointer(context: RuleContext, moment: Timestamp) -> dict[str, Any]:
    request, manifest = context.request, context.evidence.manifest
    found, share = request.found, share_of(context)
    # What is completed keeps the keys of the tool that wrote it, and its place.
    stored: dict[str, Any] = context.registry.raw_entry(request.model).get(request.stage.value) or {} if found else {}
    return {
        **stored,
        "artifact_dir": request.artifact_dir,
        "artifact_id": request.artifact_id,
        "git_sha": request.git_sha,
        "dataset_id": request.dataset_id,
        "promoted_at_utc": moment,
        "notes": request.notes,
        "actor": request.actor.name,
        "source": request.actor.source.value,
        "feature_order_hash": manifest.feature_order_hash if manifest else None,
        "digest": context.digest,
        "manifest_digest": context.evidence.manifest_digest,
        **({"share": share} if share else {}),
        **(_past(found, stored, manifest) if found else {}),
    }


def _past(found: FoundPointer, stored: dict[str, Any], manifest: Manifest | None) -> dict[str, Any]:
    """Return what an import says of a pointer's past: nobody promotes it now."""
    hashed = manifest.feature_order_hash if manifest else None
    return {
        "promoted_at_utc": found.promoted_at_utc,
        "actor": found.actor,
        "source": stored.get("source"),
        "feature_order_hash": hashed or stored.get("feature_order_hash"),
    }


def _event(
    context: RuleContext, moment: Timestamp, pointer: dict[str, Any], judged_by: dict[str, Any]
) -> dict[str, Any]:
    # The pointer of a demotion is the one in the file, so that keys of another tool survive in its event.
    request = context.request
    demotes = request.action is Action.DEMOTE
    origin = request.stage if demotes else None if request.found else _origin(context)
    imports = request.action is Action.IMPORTED
    action = request.action if demotes or imports else Action.ROLLBACK if context.is_rollback else Action.PROMOTE
    # Only where there is a hold to end: the key is absent everywhere else.
    lift = {"lifts_hold": request.lift_hold} if request.lift_hold and not demotes and lifts(context) else {}
    claims = context.facts.claims
    evidence = {"evidence": claims.digest} if claims and claims.digest and not (demotes or imports) else {}
    allows = request.allow_signature_change if action is Action.PROMOTE else None
    allowed = {"allows_signature_change": allows} if allows else {}
    override = {"override": request.override} if request.override and action is Action.PROMOTE else {}
    confirmed = {"confirmed": True} if is_confirmed(context) else {}
    return {
        "ts_utc": moment,
        "action": action.value,
        "from_stage": origin.value if origin else None,
        "to_stage": None if demotes else request.stage.value,
        "pointer": dict(pointer),
        "actor": request.actor.name,
        "source": request.actor.source.value,
        "reason": request.reason,
        "notes": request.notes,
        **lift,
        **evidence,
        **allowed,
        **override,
        **confirmed,
        **judged_by,
        "request": request.ref.model_dump() if request.ref else None,
        **({"imported": _imported(request.found, pointer)} if request.found else {}),
    }


def _imported(found: FoundPointer, pointer: dict[str, Any]) -> dict[str, Any]:
    """Return where a pointer was found, and what of it is not known."""
    place = found.imported
    unknown = [name for name in ("git_sha", "dataset_id", "promoted_at_utc", "actor") if pointer.get(name) is None]
    return {"file": place.file, "format": place.format, "place": place.place, "unknown": unknown}


def _origin(context: RuleContext) -> Stage | None:
    """Return the highest lower stage that holds this artifact. See docs/architecture.md, Files."""
    entry = context.entry
    for stage in context.request.stage.below:
        pointer = entry.pointer(stage) if entry else None
        if pointer and context.evidence.is_of(pointer):
            return stage
    return None


def _says_the_same(context: RuleContext, today: Pointer, pointer: dict[str, Any]) -> bool:
    # Time, actor and notes differ in every request; only what is promoted counts, but for an import that adds them.
    new = read_record(Pointer, pointer, where="plan", path="$.pointer")
    if context.request.found:
        return today == new
    fields = ("artifact_dir", "artifact_id", "git_sha", "dataset_id", "feature_order_hash", "digest", "manifest_digest")
    return all(getattr(today, field) == getattr(new, field) for field in (*fields, "share"))


class PlanDocument(BaseModel):
    """`decision` says what would happen; `event` and `pointer` are there for a plan only."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal["v1"] = "v1"
    decision: Literal["plan", "rejected", "unchanged"]
    written: bool
    action: Action
    model: str
    stage: Stage
    today: Pointer | None
    pointer: Pointer | None
    """The pointer that the stage holds afterwards."""
    event: Event | None
    origins: dict[str, str]
    """Inferred values: field → where each was found."""
    findings: tuple[Finding, ...]
    evaluation: EvaluationReport | None
    """What was measured on the policy's evaluation set; null where it names none."""


def document(decision: Decision, *, written: bool, evaluation: Evaluation | None = None) -> PlanDocument:
    """Return a decision as `--format json` prints it; `written` tells whether the registry was changed."""
    request = decision.request
    today = decision.pointer if isinstance(decision, Unchanged) else decision.today
    plan = decision if isinstance(decision, Plan) else None
    holds = today if plan is None else None if plan.action is Action.DEMOTE else plan.pointer
    return PlanDocument(
        decision="plan" if plan else "unchanged" if isinstance(decision, Unchanged) else "rejected",
        written=written,
        action=plan.action if plan else request.action,
        model=request.model,
        stage=request.stage,
        today=today,
        pointer=holds,
        event=plan.event if plan else None,
        origins=dict(request.origins),
        findings=decision.findings,
        evaluation=evaluation_report(evaluation),
    )
