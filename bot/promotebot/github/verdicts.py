"""What people decided in reviews, and who approves one commit by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What a person decided in a review."""

    login: str
    approves: str
    """The commit that it approves; empty where it asks for changes, or was dismissed."""
    may_write: bool = False
    """Whether GitHub says, beside the review, that they may push to the repository."""


def approving(verdicts: Iterable[Verdict], head_sha: str) -> Sequence[Verdict]:
    """Return the verdicts that approve exactly this head, by login: the newest of each person counts.

    Args:
        verdicts: the oldest first.
    """
    newest = {one.login: one for one in verdicts}
    return [newest[login] for login in sorted(newest) if newest[login].approves == head_sha]
