"""The past by a policy: which events of the history another one would have refused, and what was merged too late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from promotebot.artifact.evidence import Evidence
from promotebot.findings import Finding, errors_in
from promotebot.promotion.policy import Policy
from promotebot.promotion.reconstruct import request_of
from promotebot.promotion.replay import Step
from promotebot.promotion.rules.context import Facts, Rule, RuleContext
from promotebot.promotion.rules.override import overridden
from promotebot.promotion.rules.request import reason_is_given, stage_takes_terminal_events
from promotebot.promotion.rules.stages import nothing_is_frozen, prior_stage, soak_time, stage_is_open
from promotebot.promotion.rules.way_back import stage_is_not_held
from promotebot.registry.chain import event_digest
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Event, Pointer
from promotebot.registry.names import Digest, ModelName, to_datetime
from promotebot.registry.registry import ModelRegistry

NOT_COMPARED = (
    "who had which role, who approved, whether --sha was given and what was signed; the files, which are their size, "
    "format, dataset, and how a model opens and does beside ACTIVE. Times are the events' own"
)
"""What a policy asks for and a history does not record."""
_RULES: tuple[Rule, ...] = (
    stage_takes_terminal_events,
    reason_is_given,
    prior_stage,
    soak_time,
    nothing_is_frozen,
    stage_is_open,
    stage_is_not_held,
)
"""Those that a policy has a say in and that need no file; the same functions as at every door."""
_OTHER_RULES: Mapping[Action, tuple[Rule, ...]] = {
    Action.DEMOTE: (stage_takes_terminal_events, reason_is_given),
    Action.IMPORTED: (stage_takes_terminal_events,),
}


_BY_CLOCK: tuple[Rule, ...] = (nothing_is_frozen, stage_is_open)
"""Those that what was green before its merge may not pass any more at it."""


@dataclass(frozen=True)
class PastEvent:
    """One event of the history, and what the policy would have said of it."""

    model: ModelName
    event: Event
    refused: tuple[Finding, ...] = ()
    """The errors; none where the policy would have let it through."""
    problem: str = ""
    """Why it cannot be compared; empty where it was."""


@dataclass(frozen=True)
class _AsRecorded(Evidence):
    """An artifact as its event recorded it: nothing of its files is read."""

    pins: Digest | None = None

    @property
    def manifest_digest(self) -> Digest | None:
        return self.pins


def compare_past(policy: Policy, registry: ModelRegistry) -> Iterator[PastEvent]:
    """Yield every event of the registry, each model's oldest first, with what the policy would have refused it for.

    Each is judged at its own time, on the model's history as it was then.

    Raises:
        InvalidInput: for a model that does not read.
    """
    empty = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}), where=registry.where)
    for name, entry in registry.entries.items():
        before = empty
        for event, stored in reversed([*zip(entry.history, registry.raw_history(name), strict=True)]):
            yield _compared(policy, Step(name, event, before, event_digest(stored)))
            if event.stage is not None:
                pointer = None if event.action is Action.DEMOTE else stored["pointer"]
                before = before.with_event(name, stored, pointer, event.stage)


def _compared(policy: Policy, step: Step) -> PastEvent:
    event, before = step.event, step.before
    if event.stage is None:
        return PastEvent(step.model, event, problem="it names no stage")
    entry = before.entry(step.model)
    merged = {one: to_datetime(one.ts_utc) for one in entry.history} if entry else {}
    context = _context(policy, step, Facts(merged_at=merged), to_datetime(event.ts_utc))
    rules = _OTHER_RULES.get(event.action, _RULES)
    return PastEvent(step.model, event, tuple(errors_in([one for rule in rules for one in rule(context)])))


def closed_at(policy: Policy, step: Step, moment: datetime) -> list[Finding]:
    """Return the errors of an event that was merged at a moment (UTC) in which a freeze or a window allowed none.

    An exception that the event made has to hold then, too; who may make it, the gate has asked.

    Args:
        policy: the one that the base had when it was merged.
    """
    if step.event.action is not Action.PROMOTE:
        return []
    context = _context(policy, step, Facts(groups=policy.groups), moment)
    return errors_in(overridden(context, (one for rule in _BY_CLOCK for one in rule(context))))


def _context(policy: Policy, step: Step, facts: Facts, at: datetime) -> RuleContext:
    before, request = step.before, request_of(step, step.before.entry(step.model))
    own, proof = policy.for_model(step.model), _recorded(step.event.pointer)
    return RuleContext(request, proof, before, before, own, facts, at)


def _recorded(pointer: Pointer) -> Evidence:
    return _AsRecorded(pointer.artifact_dir, "the history", digest=pointer.digest, pins=pointer.manifest_digest)
