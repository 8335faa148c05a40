"""Proves that a change of the registry is a sequence of promotions: base plus new events give exactly the head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promotebot.findings import Finding, error
from promotebot.promotion.append_only import rewritten, same_json
from promotebot.promotion.orphans import with_lost
from promotebot.registry.chain import event_digest
from promotebot.registry.metadata import KEYS as METADATA
from promotebot.registry.metadata import metadata_problems
from promotebot.registry.model import Action, Event
from promotebot.registry.names import ArtifactPath, Digest, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, comment
from promotebot.text import listed


@dataclass(frozen=True)
class Step:
    """One event that head has and base has not, oldest first in a replay."""

    model: ModelName
    event: Event
    before: ModelRegistry = field(compare=False, repr=False)
    """The whole registry as it was before the event; two steps are the same whatever came before them."""
    digest: Digest
    """Of the event as it is stored, as the chain has it; GitHub's record of the bot's decision names it."""

    @property
    def about(self) -> str:
        """Return the model and the stage that the event changed, as people read it."""
        return f"{self.model} → {self.event.stage.label if self.event.stage else '?'}"


def artifacts_of(steps: Iterable[Step]) -> list[ArtifactPath]:
    """Return the directories whose bytes are proven for these events; what is taken out need not be."""
    return [step.event.pointer.artifact_dir for step in steps if step.event.action is not Action.DEMOTE]


@dataclass(frozen=True)
class Described:
    """A model of which head says something else than base beside its stages: no event tells of it."""

    model: ModelName
    keys: tuple[str, ...]
    """Of owner, description, tags and links."""

    @property
    def words(self) -> str:
        """Return what changed, such as `owner and tags of regime`."""
        return f"{listed(self.keys)} of {self.model}"


@dataclass(frozen=True)
class Replayed:
    """Head is base plus these events and other words about models, and nothing else."""

    steps: tuple[Step, ...]
    described: tuple[Described, ...] = ()
    """Of successive states of a branch there may be both; a pull request has either (`pulls.compare.check_apart`)."""


@dataclass(frozen=True)
class Diverged:
    """Head holds something that no promotion of base produces."""

    findings: tuple[Finding, ...]


def replay(base: ModelRegistry, head: ModelRegistry) -> Replayed | Diverged:
    """Apply head's new events to base and compare, model by model. See docs/architecture.md, The gate.

    A change of layout alone is legal: it loses no model and no event, which is what is compared here.
    """
    base = with_lost(base, head)
    findings: list[Finding] = list(_top_level(base, head))
    steps: list[Step] = []
    described: list[Described] = []
    current = base
    for name in sorted({*base, *head}):
        if name not in head:
            findings.append(_problem(head, name, "The model was removed; a model may only be demoted."))
        elif not head.is_stored_alike(name, base):
            result = _replay_model(current, head, ModelName(name))
            if isinstance(result, Finding):
                findings.append(result)
            else:
                current, replayed, keys = result
                steps += replayed
                described += [Described(ModelName(name), keys)] if keys else []
    return Diverged(tuple(findings)) if findings else Replayed(tuple(steps), tuple(described))


def _replay_model(
    base: ModelRegistry, head: ModelRegistry, name: ModelName
) -> tuple[ModelRegistry, list[Step], tuple[str, ...]] | Finding:
    """Return the registry after one model's new events, these events, and which keys of its description changed.

    Return what no promotion produces instead, where there is anything.
    """
    old, new = base.raw_history(name), head.raw_history(name)
    # The first problem is enough: whatever follows is a consequence of it.
    for message in rewritten(old, new):
        return _problem(head, name, f"{message} History only grows.", _go_back(name))
    current, steps = base, []
    for index in reversed(range(len(new) - len(old))):
        event = head.entries[name].history[index]
        if event.stage is None:
            return _problem(head, name, f"history[{index}] names no stage.")
        # The event's own pointer, with the keys that this version does not know.
        pointer = None if event.action is Action.DEMOTE else new[index]["pointer"]
        steps.append(Step(name, event, current, event_digest(new[index])))
        current = current.with_event(name, new[index], pointer, event.stage)
    # Stages first: they say more to a reader than a digest of the history that follows from them.
    want, have = current.raw_entry(name), head.raw_entry(name)
    stages = [stage.value for stage in Stage]
    for key in [*stages, *sorted({*want, *have} - {*stages, *METADATA})]:
        if not _same(want, have, key, absent_is_null=key in stages):
            return _problem(head, name, f"{key} does not match the model's events.")
    if not steps and name not in base:
        return _problem(head, name, "The model is new, and no event tells of it; its first promotion adds a model.")
    changed = tuple(key for key in METADATA if not _same(want, have, key))
    for key, problem in metadata_problems(have, changed).items():
        return _problem(head, name, f"{key} has another form than it may have: {problem}.", _DESCRIBE)
    return current, steps, changed


def _top_level(base: ModelRegistry, head: ModelRegistry) -> Iterator[Finding]:
    # `promotebot registry split` and its way back set the time of the conversion.
    converted = {"layout", "generated_at_utc"} if base.layout is not head.layout else set()
    for key in sorted({*base.document, *head.document} - {"models"} - converted):
        if not _same(base.document, head.document, key):
            message = f"$.{key} changed; a promotion changes its own model only."
            yield error("gate.replay", message, where=head.where, remedy=_REMEDY)


def _same(one: Mapping[str, Any], other: Mapping[str, Any], key: str, *, absent_is_null: bool = False) -> bool:
    """Return whether a key is equal as JSON; an absent stage is an empty one, any other absent key is not null."""
    present_alike = absent_is_null or (key in one) == (key in other)
    return present_alike and same_json(one.get(key), other.get(key))


RESTORE = "restore the file from the base branch"
_REMEDY = Remedy(f"{RESTORE}, then request the promotion with a comment")


_DESCRIBE = Remedy("correct it; docs/terminal.md says what each of these keys may hold")


def _go_back(name: str) -> Remedy:
    """Return the remedy for a file that was put back to an older state.

    The way back is a new event over freshly proven bytes; an older file would take events away.
    """
    return Remedy(
        f"{RESTORE}, then request the previous artifact with a comment: ",
        comment("/rollback", name, "--reason", "asked for by a change that put the registry back"),
    )


def _problem(head: ModelRegistry, name: str, message: str, remedy: Remedy = _REMEDY) -> Finding:
    return error("gate.replay", message, where=head.at(name), remedy=remedy)
