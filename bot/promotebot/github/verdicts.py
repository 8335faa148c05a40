"""What people decided in reviews, and who approves one commit by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Verdict:
    """What a person decided in a review."""

    login: str
    approves: str
    """The commit that it approves; empty where it asks for changes, or was dismissed."""
    may_write: bool = False
    """Whether GitHub says, beside the review, that they may push to the repository."""
    at: datetime | None = None
    """When it was submitted."""


def approving(verdicts: Iterable[Verdict], head_sha: str, until: datetime | None = None) -> Sequence[Verdict]:
    """Return the verdicts that approve exactly this head, by login: the newest of each person counts.

    Args:
        verdicts: the oldest first.
        until: what was decided later is left out, and what has no time; None leaves nothing out.
    """
    newest = {one.login: one for one in verdicts if until is None or (one.at is not None and one.at <= until)}
    return [newest[login] for login in sorted(newest) if newest[login].approves == head_sha]
