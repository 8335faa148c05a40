"""The merge queue: each entry is really merged, on a branch of its own, onto the entry before it.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from __future__ import annotations

from tests.fake_github import merging
from tests.fake_github.accounts import User
from tests.fake_github.bare import ZERO
from tests.fake_github.protection import unmet_check
from tests.fake_github.pulls import mark_merged, refresh
from tests.fake_github.refusals import HttpError, not_found
from tests.fake_github.state import MergeGroup, Pull, RepositoryState


def group_of(repo: RepositoryState, number: int) -> MergeGroup:
    """Return the entry of a pull request. Raises HttpError 404."""
    group = next((group for group in repo.queue if group.pull.number == number), None)
    if group is None:
        raise not_found()
    return group


def add(pull: Pull, by: User, method: str = "merge") -> MergeGroup:
    """Queue a pull request that could be merged now. Raises HttpError, also when it is queued already."""
    repo = pull.base
    merging.refuse_unready(pull, method, None)
    if any(group.pull is pull for group in repo.queue):
        raise HttpError(422, "Pull request is already in the merge queue")
    ahead = [group.head_sha for group in repo.queue if group.pull.base_ref == pull.base_ref]
    base_sha = ahead[-1] if ahead else pull.tested_base
    head_ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{pull.number}-{base_sha}"
    tip = merging.build(pull, base_sha, by, method)
    repo.git.set_ref(head_ref, tip)
    group = MergeGroup(pull, pull.head_sha, by, head_ref, tip, f"refs/heads/{pull.base_ref}", base_sha)
    repo.queue.append(group)
    return group


def land(repo: RepositoryState, number: int) -> str:
    """Move the base to a group whose required checks succeeded, and return the new tip. Raises HttpError."""
    group = group_of(repo, number)
    reason = unmet_check(repo, group.pull.base_ref, group.head_sha)
    if reason:
        raise HttpError(405, reason)
    if group.pull.head_sha != group.pull_head:
        raise HttpError(409, "Head branch was modified. Review and try the merge again.")
    if not repo.git.swap(group.base_ref, group.head_sha, group.base_sha):
        raise HttpError(409, "Base branch was modified. Review and try the merge again.")
    remove(repo, number)
    mark_merged(group.pull, group.by, group.head_sha)
    refresh(repo, group.by)
    return group.head_sha


def remove(repo: RepositoryState, number: int) -> None:
    """Take a pull request out; its branch goes away."""
    group = group_of(repo, number)
    repo.git.swap(group.head_ref, ZERO, group.head_sha)
    repo.queue.remove(group)
