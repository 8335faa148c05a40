"""Where a branch has been, by GitHub's list of what became of it.

https://docs.github.com/en/rest/repos/repos#list-repository-activities
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from promotebot.errors import CouldNotVerify
from promotebot.git.branch import FetchedRepository
from promotebot.pulls.context import JobContext
from promotebot.registry.names import GitSha

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import BranchPush, GitHub

NOTHING = "0" * 40
"""What GitHub shows as the commit before a branch was made, and after it was deleted."""
MAX_PUSHES = 100
"""As many as GitHub lists at once. A branch that is used for years has had more; the oldest are left alone."""
MAX_MOVES = 1000
"""Of a pull request's branch: ten requests. All of them are looked at, as any of its heads could be forced back."""


def recent_pushes(branch: str, github: GitHub) -> Iterator[BranchPush]:
    """Yield the moves of a branch, newest first, `MAX_PUSHES` at most.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    return islice(github.pushes(branch), MAX_PUSHES)


def every_push(branch: str, github: GitHub) -> Iterator[BranchPush]:
    """Yield every move of a branch, newest first.

    Raises:
        CouldNotVerify: when GitHub does not answer, or after `MAX_MOVES`: what came before is then unknown.
    """
    pushes = github.pushes(branch)
    yield from islice(pushes, MAX_MOVES)
    if next(pushes, None) is not None:
        raise CouldNotVerify(
            f"{branch} was moved more than {MAX_MOVES:,} times, too often to check every commit that it pointed to",
            remedy="create a branch with another name, and open the pull request from it",
        )


def pushes_up_to(head: str, branch: str, job: JobContext) -> Sequence[BranchPush]:
    """Return the moves of a branch, as `recent_pushes` has them; asked again while GitHub does not list this head yet.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    return job.patience.ask_until(
        lambda: tuple(recent_pushes(branch, job.github)), lambda pushes: any(push.after == head for push in pushes)
    )


def push_that_brought(commit: str, branch: str, repository: FetchedRepository, job: JobContext) -> BranchPush | None:
    """Return the push with which a branch got a commit first; None where GitHub does not list it.

    Raises:
        CouldNotVerify: when GitHub or git does not answer.
    """
    found = None
    for push in recent_pushes(branch, job.github):
        # What was pushed away may be gone, and then it says nothing.
        after = repository.find_commit(push.after)
        if after and repository.is_ancestor(commit, after):
            found = push
    return found


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
