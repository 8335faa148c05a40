"""The merge queue: each entry is really merged, on a branch of its own, onto the entry before it.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_github import merging
from tests.fake_github.bare import ZERO
from tests.fake_github.protection import unmet_check
from tests.fake_github.pulls import mark_merged, refresh
from tests.fake_github.records import MergeGroup
from tests.fake_github.refusals import Refused, not_found

if TYPE_CHECKING:
    from tests.fake_github.state import Repository


class MergeQueue:
    """The queue of one repository. Every method holds the hub's lock."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.groups: list[MergeGroup] = []

    def group(self, number: int) -> MergeGroup:
        """The entry of a pull request; 404 without one."""
        with self.repository.hub.lock:
            found = next((group for group in self.groups if group.pull.number == number), None)
        if found is None:
            raise not_found()
        return found

    def add(self, number: int, *, by: str, method: str = "merge") -> MergeGroup:
        """Queue a pull request that could be merged now. Raises Refused, also when it is queued already."""
        it = self.repository
        with it.hub.lock:
            pull, user = it.pull(number), it.hub.user(by)
            merging.refuse_unready(pull, method, None)
            if any(group.pull is pull for group in self.groups):
                raise Refused(422, "Pull request is already in the merge queue")
            ahead = [group.head_sha for group in self.groups if group.pull.base_ref == pull.base_ref]
            base_sha = ahead[-1] if ahead else pull.tested_base
            head_ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{number}-{base_sha}"
            tip = merging.build(pull, base_sha, user, method=method)
            it.git.set_ref(head_ref, tip)
            group = MergeGroup(pull, pull.head_sha, user, head_ref, tip, f"refs/heads/{pull.base_ref}", base_sha)
            self.groups.append(group)
            return group

    def land(self, number: int) -> str:
        """Move the base to a group whose required checks succeeded, and return the new tip. Raises Refused."""
        it = self.repository
        with it.hub.lock:
            group = self.group(number)
            reason = unmet_check(it, group.pull.base_ref, group.head_sha)
            if reason:
                raise Refused(405, reason)
            if group.pull.head_sha != group.pull_head:
                raise Refused(409, "Head branch was modified. Review and try the merge again.")
            if not it.git.swap(group.base_ref, group.head_sha, group.base_sha):
                raise Refused(409, "Base branch was modified. Review and try the merge again.")
            self.remove(number)
            mark_merged(group.pull, group.by, group.head_sha)
            refresh(it, group.by)
            return group.head_sha

    def remove(self, number: int) -> None:
        """Take a pull request out; its branch goes away."""
        with self.repository.hub.lock:
            group = self.group(number)
            self.repository.git.swap(group.head_ref, ZERO, group.head_sha)
            self.groups.remove(group)
