"""Promotions of a pull request so far, on the base as it is now."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from promotebot.artifact.claims import claims_after_merge
from promotebot.errors import InvalidInput
from promotebot.planning.committed import read_registry
from promotebot.promotion.replay import Diverged, Replayed, Step, replay
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import check_apart, replay_change
from promotebot.pulls.context import JobContext
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions, missing_registry, replan
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.chain import event_digest
from promotebot.registry.model import Action, RequestRef
from promotebot.registry.names import Digest, GitSha
from promotebot.registry.registry import Layout

WITHDRAWN = "Promotebot-Withdrawn"
"""The trailer of a commit that withdraws; its value is the request's id."""


def load_pending(snapshot: PullSnapshot, job: JobContext) -> PendingPromotions | InvalidPromotions:
    """Return what the pull request promotes; where the base's registry moved, planned again on it."""
    changeset = snapshot.changeset
    compared = _compared(changeset)
    if isinstance(compared, InvalidPromotions):
        return compared
    own = compared.steps
    apart = tuple(check_apart(compared.described))
    if apart:
        return InvalidPromotions(apart)
    base, head = changeset.base_registry, changeset.head_registry
    if changeset.has_conflict or base is None or head is None:
        return replan(own, own, snapshot, job)
    return PendingPromotions(head, base, own, False, own)


def carried_steps(changeset: Changeset) -> tuple[Step, ...] | InvalidPromotions:
    """Return what the pull request promotes, as its branch says it; no artifact is opened."""
    compared = _compared(changeset)
    if isinstance(compared, InvalidPromotions):
        return compared
    apart = tuple(check_apart(compared.described)) if compared.steps else ()
    return InvalidPromotions(apart) if apart else compared.steps


def _compared(changeset: Changeset) -> Replayed | InvalidPromotions:
    if changeset.base_registry is None or changeset.head_registry is None:
        return missing_registry(changeset)
    compared = own_steps(changeset) if changeset.has_conflict else replay_change(changeset)
    return InvalidPromotions(compared.findings) if isinstance(compared, Diverged) else compared


def without(
    dropped: Collection[Step], pending: PendingPromotions, snapshot: PullSnapshot, job: JobContext
) -> PendingPromotions | InvalidPromotions:
    """Return the pending promotions without some of them; the others are planned again."""
    if not dropped:
        return pending
    kept = [step for step in pending.own if step not in dropped]
    return replan(kept, pending.own, snapshot, job)


def own_steps(changeset: Changeset) -> Replayed | Diverged:
    """Return what the branch itself promotes since it left the base, whatever the base did meanwhile."""
    repository, path = changeset.repository, changeset.registry_path
    fork, head = (read_registry(repository, commit, path) for commit in (changeset.fork_point, changeset.head))
    return Replayed(()) if fork is None or head is None else replay(fork, head)


def is_void(step: Step, changeset: Changeset, job: JobContext) -> bool:
    """Return True when bytes, manifest or evidence changed after the promotion; asking again replaces it."""
    pointer = step.event.pointer
    is_made = step.event.action in (Action.PROMOTE, Action.ROLLBACK) and pointer.digest
    files = (changeset.head_files, changeset.base_files, changeset.fork_files)
    if is_made and claims_after_merge(is_made, *files).digest != step.event.evidence:
        return True
    if step.event.action is Action.DEMOTE or pointer.artifact_dir not in changeset.changed_places:
        return False
    evidence = job.examine(changeset.head_files, pointer.artifact_dir, changeset.policy.terms_for(step.model))
    return evidence.digest != pointer.digest or not evidence.keeps_manifest(pointer)


def is_of_another_policy(step: Step, changeset: Changeset) -> bool:
    """Return True when the base's policy is not the one that a promotion was decided by."""
    return step.event.policy_digest != changeset.policy.digest


def request_id(step: Step) -> str:
    """Return the id of the request that an event answers; empty for an event made at a terminal."""
    return step.event.request.id if step.event.request else ""


def answered(pending: PendingPromotions, changeset: Changeset, wanted: RequestRef) -> Step | None:
    """Return the event that answers a request already, on this branch or on the base since the branch left it.

    An event of another repository or pull request answers nothing here, whatever id its request has; only a run that
    was started by hand opens a pull request each time it is run.
    """
    is_run = wanted.id.startswith("run:")

    def answers(step: Step) -> bool:
        ref = step.event.request
        if ref is None or (ref.repo, ref.id) != (wanted.repo, wanted.id):
            return False
        return ref.pull == wanted.pull or is_run

    mine = next(filter(answers, pending.own), None)
    if mine:
        return mine
    base = pending.base
    names = [n for n in base if base.layout is Layout.SINGLE or base.file_of(n) in changeset.moved_registry_files]
    events = (
        Step(name, event, base, event_digest(stored))
        for name in names
        for event, stored in zip(base.entries[name].history, base.raw_history(name), strict=True)
    )
    return next(filter(answers, events), None)


def requests_in(commit: GitSha, changeset: Changeset) -> Iterator[tuple[Digest, RequestRef]]:
    """Yield the events with a request, with their digests, of the models that a commit has otherwise than the base."""
    base = changeset.base_registry
    try:
        registry = read_registry(changeset.repository, commit, changeset.registry_path)
        for name in registry or ():
            if registry is None or (base is not None and registry.is_stored_alike(name, base)):
                continue
            for event, stored in zip(registry.entries[name].history, registry.raw_history(name), strict=True):
                if event.request:
                    yield event_digest(stored), event.request
    except InvalidInput:
        return
