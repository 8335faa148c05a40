"""Commands for the author of a branch, in a clone that stands on it: what the bot cannot do there itself."""

from __future__ import annotations

from promotebot.remedies import Command, Remedy, shell

FIRST_REGISTRY = Remedy(
    "a maintainer adds the first registry to the base branch, with what this creates: ", shell("promotebot", "init")
)
DIGITS = 12
"""Of a commit's id in a command: enough for git to know which one is meant."""


def bring_up_to_date(base: str) -> Remedy:
    """Return how to merge the base's present commit into the branch."""
    merge = shell("git", "fetch", "origin").then("git", "merge", "--no-edit", base[:DIGITS]).then("git", "push")
    return Remedy("bring the branch up to date: ", merge)


def restored(commit: str, *paths: str, is_here: bool = True, has_more: bool = False) -> Command:
    """Return how to put paths back to what they were at a commit, and push that.

    Args:
        paths: the first one names the commit that is made.
        is_here: whether the branch descends from that commit, so that every clone of it has the commit.
        has_more: whether files have to go that are not there at that commit.
    """
    checkout = ("git", "checkout", *(["--no-overlay"] if has_more else []), commit[:DIGITS], "--", *paths)
    line = shell(*checkout) if is_here else shell("git", "fetch", "origin").then(*checkout)
    return line.then("git", "commit", "--message", f"fix(ml): Restore {paths[0]}", "--", *paths).then("git", "push")
