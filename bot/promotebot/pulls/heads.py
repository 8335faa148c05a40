"""The heads that a pull request has had, by GitHub's list of what became of its branch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from promotebot.registry.names import GitSha

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import BranchPush

NOTHING = "0" * 40
"""What GitHub shows as the commit before a branch was made, and after it was deleted."""


def heads_of(pushes: Iterable[BranchPush]) -> Iterator[GitSha]:
    """Yield each commit that a branch of this name has stood at, newest first.

    A branch that is deleted and made again, and its pull request opened again, has the heads of before, too.
    """
    seen = {NOTHING}
    for push in pushes:
        for sha in (push.after, push.before):
            if sha not in seen:
                seen.add(sha)
                yield GitSha(sha)
