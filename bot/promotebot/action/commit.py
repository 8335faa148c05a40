"""Commit what was decided, with the attestations that make the gate believe it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from promotebot.action.retry import Attempt
from promotebot.errors import PromotebotError
from promotebot.gate.attestation import Attestation, attest, attestation_context, revoke
from promotebot.promotion.replay import Step
from promotebot.pulls.commit import commit_registry
from promotebot.registry.names import GitSha
from promotebot.registry.registry import ModelRegistry

_TAKEN_BACK = "its promotions were withdrawn, replaced or planned again"


@dataclass(frozen=True)
class DecidedChange:
    """What is to be committed on a branch."""

    registry: ModelRegistry
    models: Sequence[str]
    """Those whose files are written."""
    before: Collection[Step]
    """What the branch promotes now."""
    after: Collection[Step]
    """What it promotes with this commit."""
    message: str
    merge: bool
    is_meant: Callable[[Attestation], bool]
    """Whether something that the bot decided, and that the branch does not carry, is taken back with it."""
    others: Mapping[str, bytes] = field(default_factory=dict)
    """Other files that are written with it: path → bytes."""


def commit_decided(attempt: Attempt, change: DecidedChange) -> GitSha:
    """Commit the registry on the branch; attest the events that are new, and take back those that it has no more.

    New events are attested before the commit, so that the branch never carries one that nothing vouches for. What is
    taken back is revoked before it, too, and with it the verdict on every head that carries it, so that a job that is
    killed leaves a red gate and no open door.

    Raises:
        RefChanged: when the branch is no longer where it was read; what was attested is revoked then.
        BaseMoved: when the base cannot be merged by the bot; the author has to.
        CouldNotVerify: when GitHub does not take an attestation.
    """
    github, base = attempt.job.github, attempt.snapshot.other_base
    before, after = change.before, change.after
    gone = [step for step in before if step not in after]
    added = [step for step in after if step not in before]
    planned_again = [step for step in gone if step.event.request in {one.event.request for one in after}]
    attest(added, github, base)
    replaced = {attestation_context(step.digest, base) for step in gone if step not in planned_again}
    kept = {attestation_context(step.digest, base) for step in (*after, *planned_again)}
    _take_back(attempt, kept, lambda one: one.context in replaced or change.is_meant(one), is_carried=bool(gone))
    try:
        commit = _commit(attempt, change)
    except PromotebotError:
        revoke(added, github, base, why="not committed")
        raise
    revoke(planned_again, github, base, why="planned again")  # until here the branch carried it
    _leave_red(attempt, is_carried=bool(gone))
    return commit


def _commit(attempt: Attempt, change: DecidedChange) -> GitSha:
    """Commit the registry; where the commit had to be pushed, every comment on it says that it is not signed."""
    made = commit_registry(
        attempt.snapshot,
        attempt.job,
        change.registry,
        change.models,
        message=change.message,
        merge=change.merge,
        others=change.others,
    )
    if not made.by_github:
        attempt.replier.set_unsigned()
    return made.sha


def _take_back(
    attempt: Attempt, kept: Collection[str], is_meant: Callable[[Attestation], bool], *, is_carried: bool
) -> None:
    """Take back what is meant of all that was decided for the pull request, and the green of the heads that carry it.

    Only what the bot decided for this pull request is taken back, by its own record: what an event itself says, anybody
    may have written who may push, with the number of another pull request or the id of any commit.

    What was forced away from the branch could be forced back, so that the branch alone does not tell what stands. What
    nobody meant is left alone: another job may be about to commit it.

    Args:
        is_carried: the branch carries one, so that its heads have to be looked at in any case.
    """
    record, head = attempt.record, attempt.snapshot.changeset.head
    if is_carried:
        record.turn_red(head, why=_TAKEN_BACK)  # before anything that may fail, whatever GitHub lists there
    others = [one for one in record.standing(kept) if is_meant(one)]
    record.take_back(others, why="withdrawn or replaced")
    if others or is_carried:
        record.revoke_heads(why=_TAKEN_BACK)


def _leave_red(attempt: Attempt, *, is_carried: bool) -> None:
    """Turn the head that the branch has left red once more, where it carried what does not stand any longer.

    A gate that was under way may have made it green since, which GitHub does not list yet.
    """
    if is_carried:
        attempt.record.turn_red(attempt.snapshot.changeset.head, why=_TAKEN_BACK)
