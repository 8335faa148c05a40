"""Revocation: an older head of a pull request that is still green turns red, so that nobody pushes it back and merges.

A status belongs to a commit. Whoever may push could otherwise bring back what was withdrawn, or judged by an older
policy, and merge it before a job has looked again.
"""

from __future__ import annotations

from promotebot.gate.record import PullRecord
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot


def revoke_heads(snapshot: PullSnapshot, job: JobContext, *, why: str, keep: str = "") -> int:
    """Turn the required status red on every head that the pull request has had and that is green by our account.

    That is the status of every base: the pull request may have had another one, and could get it back. A head that the
    base holds is the base's own, and left alone. GitHub does not tell the heads of a fork's branch.

    Args:
        why: in a few words, for the status's description.
        keep: the head that stays as it is.

    Returns:
        the number of statuses that were set.

    Raises:
        CouldNotVerify: when GitHub does not answer, or does not take a status.
    """
    return PullRecord(snapshot, job).revoke_heads(why=why, keep=keep)
