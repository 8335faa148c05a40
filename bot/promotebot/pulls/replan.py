"""What a pull request promotes, made anew: on a base that moved, or without what was withdrawn.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promotebot.findings import Finding
from promotebot.planning.committed import open_registry, registry_files
from promotebot.planning.decide import PromotionContext, decide
from promotebot.planning.examiner import Examine
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.reconstruct import request_of
from promotebot.promotion.replay import Diverged, Step, replay
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.changeset import Changeset
from promotebot.registry.registry import Layout, ModelRegistry

FactsOf = Callable[[Request], Facts]


@dataclass(frozen=True)
class Rebuilt:
    """The base's registry with these promotions made on it, oldest first."""

    registry: ModelRegistry
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class NotRebuilt:
    """One of the promotions is not legal on the base as it is now; every finding says why."""

    findings: tuple[Finding, ...]
    model: str


def own_steps(changeset: Changeset) -> tuple[Step, ...] | Diverged:
    """What the branch itself promotes since it left the base, whatever the base did meanwhile."""
    fork = open_registry(
        changeset.repository,
        registry_files(changeset.repository, changeset.fork_point, changeset.registry_path),
        changeset.registry_path,
    )
    head = open_registry(
        changeset.repository,
        registry_files(changeset.repository, changeset.head, changeset.registry_path),
        changeset.registry_path,
    )
    if fork is None or head is None:
        return ()
    found = replay(fork, head)
    return found if isinstance(found, Diverged) else found.steps


def rebuild(
    changeset: Changeset, base: ModelRegistry, steps: Sequence[Step], facts: FactsOf, *, examine: Examine, now: datetime
) -> Rebuilt | NotRebuilt:
    """Plan each promotion again on the base as it is: new times, a new chain, every rule applied again."""
    registry, made = base, []
    for step in steps:
        request = request_of(step, registry.entry(step.model))
        context = PromotionContext(registry, base, changeset.policy, changeset.head_files, changeset.base)
        decision = decide(context, request, facts(request), examine=examine, now=now).decision
        if isinstance(decision, Rejected):
            return NotRebuilt(decision.findings, step.model)
        if isinstance(decision, Plan):
            registry = decision.after
            made.append(Step(step.model, decision.event))
    return Rebuilt(registry, tuple(made))


def files_of(changeset: Changeset, registry: ModelRegistry, models: Sequence[str]) -> Mapping[str, bytes | None]:
    """What to commit so that the branch holds `registry`: path → bytes, None for a file that goes.

    Where a model is the base's again, its file is the base's, byte for byte.
    """
    base = changeset.base_registry
    theirs = registry_files(changeset.repository, changeset.base, changeset.registry_path)
    files: dict[str, bytes | None] = {}
    for name in models:
        path = registry.file_of(name)
        whole = registry.layout is Layout.SINGLE
        unchanged = base is not None and (
            base.document == registry.document if whole else base.raw_entry(name) == registry.raw_entry(name)
        )
        if unchanged:
            files[path] = changeset.repository.read_entry(theirs[path], max_bytes=MAX) if path in theirs else None
        else:
            files[path] = registry.file_bytes(name)
    return files


MAX = 256 * 1024 * 1024
