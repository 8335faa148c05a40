"""Open pull requests on one commit: its one required status speaks for all of them.

So none of them is green while they promote from the same commit into the same base (docs/architecture.md, The gate).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promotebot.findings import Finding, error
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest

RULE = "gate.shared"


def pulls_at(sha: str, snapshot: PullSnapshot, job: JobContext) -> list[PullRequest]:
    """Return the other open pull requests, into any base, whose branch stands at a commit, by git's own word.

    A fork's carry no promotion, and whoever may only read could open one.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    number = snapshot.pull.number
    others = [
        other
        for other in job.github.pulls_with(sha)
        if other.number != number and other.state == "open" and not other.is_fork
    ]
    if not others:
        return []
    tips = snapshot.repository.tips(sorted({f"refs/heads/{other.head_ref}" for other in others}))
    return [other for other in others if tips.get(f"refs/heads/{other.head_ref}") == sha]


def shared_findings(numbers: Sequence[int]) -> list[Finding]:
    """Return an error for each pull request with which one shares its commit and its base."""
    remedy = "close one of the two pull requests, or push another commit to one of them"
    message = "Pull request #{0} is on the same commit, which has one required status for both."
    return [error(RULE, message.format(number), remedy=remedy) for number in numbers]
