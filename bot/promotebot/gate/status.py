"""The verdict on a commit: the required status `promotebot/gate`, and the report in a check run beside it.

The status's context is that of the base branch (`github.checks.gate_context`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promotebot.errors import PromotebotError
from promotebot.github.checks import CHECK_NAME, STATES, Annotation, Conclusion

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import CommitStatus, GitHub

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What the check run beside the status shows."""

    text: str
    title: str = ""
    """Empty where it is the status's own."""
    annotations: Sequence[Annotation] = ()


def publish_pending(github: GitHub, head_sha: str, context: str, reason: str) -> None:
    """Take what the required status said of a commit back, until it is judged again.

    Args:
        reason: in a few words, why it does not stand.

    Raises:
        CouldNotVerify: when GitHub does not take the status.
    """
    github.publish_status(head_sha, context=context, state="pending", description=reason)


def publish_red(github: GitHub, head_sha: str, context: str, why: str) -> None:
    """Turn a commit red for something that is not of its own: a hold, or what changed while it was judged.

    Raises:
        CouldNotVerify: when GitHub does not take the status.
    """
    github.publish_status(head_sha, context=context, state="failure", description=why)


def published_verdict(github: GitHub, head_sha: str, context: str, bot_login: str) -> CommitStatus | None:
    """Return what the bot said of a commit last; None where it said nothing. What anybody else posted is passed over.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    statuses = github.statuses(head_sha)
    return next((status for status in statuses if (status.context, status.creator) == (context, bot_login)), None)


def publish_verdict(
    github: GitHub, head_sha: str, context: str, conclusion: Conclusion, title: str, report: Report
) -> None:
    """Set the required status on a commit, and put the report beside it, which nothing requires.

    A status has no suite to get lost in, the last one counts, and GitHub records who set it (docs/architecture.md,
    The gate).

    Raises:
        CouldNotVerify: when GitHub does not take the status.
    """
    github.publish_status(head_sha, context=context, state=STATES[conclusion], description=title)
    try:
        if not github.publish_check(
            head_sha,
            name=CHECK_NAME,
            conclusion=conclusion,
            title=report.title or title,
            summary=report.text,
            annotations=report.annotations,
        ):
            log.info("no check run: the token belongs to a person, who cannot make one")
    except PromotebotError as problem:
        log.warning("no check run: %s", problem)
