"""What a pull request promotes so far, on the base as it is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from promotebot.findings import Finding, error
from promotebot.promotion.replay import Diverged, Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import replay_change
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import facts_of
from promotebot.pulls.replan import NotRebuilt, own_steps, rebuild
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action
from promotebot.registry.registry import Layout, ModelRegistry

WITHDRAWN = "Promotebot-Withdrawn"


@dataclass(frozen=True)
class PendingPromotions:
    """The registry to go on from, and the promotions of this pull request in it."""

    registry: ModelRegistry
    base: ModelRegistry
    steps: tuple[Step, ...]
    behind: bool
    """The base changed a file that the branch changed: what is committed next must merge it."""
    own: tuple[Step, ...]
    """What the branch's registry says it promotes, void promotions included."""

    @property
    def is_made_anew(self) -> bool:
        """Whether more than the next promotion must be written."""
        return self.behind or self.steps != self.own


@dataclass(frozen=True)
class InvalidPromotions:
    """The branch's registry is not the base's plus legal promotions."""

    findings: tuple[Finding, ...]
    model: str | None = None


def load_pending(
    snapshot: PullSnapshot,
    job: JobContext,
    now: datetime,
    *,
    without: Callable[[Step], bool] = lambda _: False,
    anew: bool = False,
) -> PendingPromotions | InvalidPromotions:
    """Where the pull request stands; with promotions left out, or a base that moved, they are made anew.

    Args:
        without: which promotions to leave out.
        anew: make them anew although the base's registry did not move.
    """
    changeset = snapshot.changeset
    base, head = changeset.base_registry, changeset.head_registry
    if base is None or head is None:
        found = replay_change(changeset)
        return InvalidPromotions(found.findings if isinstance(found, Diverged) else (_no_registry(changeset),))
    steps = own_steps(changeset) if changeset.has_conflict else replay_change(changeset)
    if isinstance(steps, Diverged):
        return InvalidPromotions(steps.findings)
    own = steps if isinstance(steps, tuple) else steps.steps
    kept = [step for step in own if not without(step)]
    if not changeset.has_conflict and not anew and len(kept) == len(own):
        return PendingPromotions(head, base, own, False, own)
    made = rebuild(changeset, base, kept, lambda r: facts_of(r, snapshot, job, base), examine=job.examine, now=now)
    if isinstance(made, NotRebuilt):
        return InvalidPromotions(made.findings, made.model)
    return PendingPromotions(made.registry, base, made.steps, changeset.has_conflict, own)


def is_void(step: Step, changeset: Changeset, job: JobContext) -> bool:
    """A promotion is void for bytes that changed after it; asking again replaces it."""
    pointer = step.event.pointer
    if step.event.action is Action.DEMOTE or pointer.artifact_dir not in changeset.touched_artifacts:
        return False
    evidence = job.examine(changeset.head_files, pointer.artifact_dir, changeset.policy.limits)
    return evidence.digest != pointer.digest


def is_of_another_policy(step: Step, changeset: Changeset) -> bool:
    """Whether the base's policy is not the one that a promotion was judged by."""
    return step.event.policy_digest != changeset.policy.digest


def request_id(step: Step) -> str:
    """The request an event answers; empty for one that was made at a terminal."""
    return step.event.request.id if step.event.request else ""


def answered(pending: PendingPromotions, changeset: Changeset, wanted: str) -> Step | None:
    """The event that answers a request already, on this branch or on the base since the branch left it."""
    mine = next((step for step in pending.own if request_id(step) == wanted), None)
    if mine:
        return mine
    base = pending.base
    names = [n for n in base if base.layout is Layout.SINGLE or base.file_of(n) in changeset.moved_registry_files]
    events = (Step(name, event) for name in names for event in base.entries[name].history)
    return next((step for step in events if request_id(step) == wanted), None)


def _no_registry(changeset: Changeset) -> Finding:
    return error(
        "registry.exists",
        "The base has no registry.",
        where=changeset.registry_path,
        remedy="a maintainer adds the first registry to the base branch: promotebot init",
    )
