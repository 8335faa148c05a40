"""The people behind a branch: everybody who moved it, from GitHub's own list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from promotebot.errors import CouldNotVerify
from promotebot.github.ports import BranchPush


def last_pusher(pushes: Iterable[BranchPush], branch: str, head_sha: str) -> str | None:
    """Return the person who moved a branch last, up to this head; None when only Apps ever did.

    Raises:
        CouldNotVerify: when GitHub does not list the push of this head yet, or no person's.
    """
    for index, push in enumerate(pushes):
        if index == 0 and push.after != head_sha:
            break
        if push.is_person:
            return push.actor
        if push.creates:
            return None
    raise CouldNotVerify(f"GitHub does not list who pushed {head_sha[:7]} to {branch}", remedy="run the job again")


def pushers_since(
    pushes: Iterable[BranchPush],
    branch: str,
    heads: Collection[str],
    is_on_base: Callable[[str], bool],
    bot_login: str,
) -> frozenset[str]:
    """Return everybody who moved a branch since it had nothing of its own; the bot's own pushes are left out.

    Args:
        heads: commits that the newest push may have led to: right after our own push, GitHub may not list it yet.
        is_on_base: returns whether a commit is the base's own; a branch that was there carried nothing.

    Raises:
        CouldNotVerify: when somebody cannot be known: GitHub does not list the newest push yet, its list ends too
            early, or another App pushed, on whose behalf nobody knows.
    """
    people: set[str] = set()
    for index, push in enumerate(pushes):
        if index == 0 and push.after not in heads:
            break
        if is_on_base(push.after):
            return frozenset(people)
        if push.is_person:
            people.add(push.actor)
        elif push.actor != bot_login:
            raise CouldNotVerify(
                f"{push.actor}, an App, pushed to {branch}, and GitHub does not say for whom",
                remedy="request the promotion with a comment",
            )
        if push.creates:
            return frozenset(people)
    raise CouldNotVerify(
        f"GitHub does not list everybody who pushed to {branch} (yet)",
        remedy="run the job again; if that does not help, push the commits to a new branch and open a new pull request",
    )
