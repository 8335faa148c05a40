"""What *Rebase and merge* gives, where it is not what merging gives: nobody knows which button will be pressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error
from promotebot.promotion.reconstruct import differences
from promotebot.promotion.replay import Diverged, Step, replay
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.named import is_ours, named_places, our_places, places_of
from promotebot.registry.registry import ModelRegistry


def check_rebase(changeset: ChangesetLike, steps: Sequence[Step]) -> Iterator[Finding]:
    """Yield an error where rebasing the branch changes registry, policy or a named directory otherwise than merging it.

    Args:
        steps: what merging promotes.
    """
    rebased, base, head = changeset.rebased(), changeset.base_registry, changeset.head_registry
    if rebased is None:
        return
    registry, policy = changeset.registry_path, changeset.policy_path
    places = our_places(registry, policy)
    places |= named_places(base, head, rebased.paths, policy) if base and head else frozenset()
    paths = [path for path in rebased.paths if not places.isdisjoint(places_of([path]))]
    if _promotes(base, rebased.registry, steps):  # its events may be of another moment
        paths = [path for path in paths if path == policy or not is_ours(path, registry, policy)]
    if paths:
        yield error(
            "gate.tree",
            f"Rebasing the commits of this branch would give another {paths[0]} than merging them: one commit changes "
            "the file, a later one undoes the change, and the base has changed it meanwhile.",
            where=paths[0],
            remedy="replace the commits of the branch by one commit on the base",
        )


def _promotes(base: ModelRegistry | None, rebased: ModelRegistry | None, steps: Sequence[Step]) -> bool:
    """Return whether the registry after a rebase is the base's with these promotions."""
    if base is None or rebased is None:
        return False
    try:
        replayed = replay(base, rebased)
    except InvalidInput:
        return False
    if isinstance(replayed, Diverged) or replayed.described:  # what is said of a model is the same at any moment
        return False
    mine, theirs = (sorted(some, key=lambda step: step.model) for some in (steps, replayed.steps))
    return all(
        one and other and one.model == other.model and not differences(other.event, one.event)
        for one, other in zip_longest(mine, theirs)
    )
