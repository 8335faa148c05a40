"""The merge queue as its branches show it: which pull requests stand in the commit that it built for one of them.

https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promotebot.git.branch import FetchedRepository
from promotebot.github.events import BRANCH, QUEUE_BRANCH


@dataclass(frozen=True)
class QueuedGroup:
    """What the queue built for one pull request: on the base, or on what it built for the one before."""

    number: int
    built_on: str
    sha: str


def queued_group(ref: str, sha: str) -> QueuedGroup | None:
    """Return what a branch of the queue holds; None for any other ref."""
    found = QUEUE_BRANCH.fullmatch(ref.removeprefix(BRANCH))
    return QueuedGroup(int(found[2]), found[3], sha) if found else None


def queued_groups(base_ref: str, repository: FetchedRepository) -> list[QueuedGroup]:
    """Return what stands in the queue of a branch at this moment.

    Raises:
        CouldNotVerify: when the remote does not answer.
    """
    folder = f"{BRANCH}gh-readonly-queue/{base_ref}/"
    refs = repository.tips([f"{folder}pr-*"])
    found = (queued_group(ref, sha) for ref, sha in refs.items() if ref.startswith(folder))
    return [group for group in found if group]


def groups_with(number: int, groups: Iterable[QueuedGroup]) -> list[QueuedGroup]:
    """Return the groups that hold a pull request: its own, and each that was built on one of them."""
    found, rest = [group for group in groups if group.number == number], list(groups)
    for group in found:  # grows while it is walked through
        found += [one for one in rest if one.built_on == group.sha and one not in found]
    return found


def members(group: QueuedGroup, groups: Sequence[QueuedGroup]) -> list[int]:
    """Return the numbers of the pull requests that a group holds, its own first; those that are merged are left out."""
    numbers, built_on = [group.number], group.built_on
    while before := next((one for one in groups if one.sha == built_on and one.number not in numbers), None):
        numbers.append(before.number)
        built_on = before.built_on
    return numbers
