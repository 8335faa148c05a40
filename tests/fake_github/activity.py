"""What happened to a repository's branches: every push, with who made it.

https://docs.github.com/rest/repos/repos#list-repository-activities
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.fake_github.bare import ZERO
from tests.fake_github.records import Activity

if TYPE_CHECKING:
    from tests.fake_github.accounts import User
    from tests.fake_github.state import Repository

HEADS = "refs/heads/"


class ActivityLog:
    """The branches as they were last seen, and what has happened to them since, oldest first."""

    def __init__(self) -> None:
        self.entries: list[Activity] = []
        self._seen: Mapping[str, str] = {}

    def note(self, it: Repository, by: User) -> None:
        """Compare the branches with those last seen; every difference is what somebody did just now."""
        now = {ref: sha for ref, (sha, _) in it.git.refs(HEADS).items()}
        for ref in sorted({*now, *self._seen}):
            before, after = self._seen.get(ref, ZERO), now.get(ref, ZERO)
            if before != after:
                kind = _kind(it, before, after)
                self.entries.append(Activity(it.hub.next_id(), kind, ref, before, after, by, it.hub.now()))
        self._seen = now


def _kind(it: Repository, before: str, after: str) -> str:
    if before == ZERO:
        return "branch_creation"
    if after == ZERO:
        return "branch_deletion"
    return "push" if it.git.is_ancestor(before, after) else "force_push"
