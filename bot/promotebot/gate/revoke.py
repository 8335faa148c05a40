"""Revocation: an older head of a pull request that is still green turns red, so that nobody pushes it back and merges.

A status belongs to a commit. Whoever may push could otherwise bring back what was withdrawn, or judged by an older
policy, and merge it before a job has looked again.
"""

from __future__ import annotations

import logging

from promotebot.github.checks import GATE
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import heads_of
from promotebot.pulls.snapshot import PullSnapshot

log = logging.getLogger(__name__)


def revoke_heads(snapshot: PullSnapshot, job: JobContext, *, why: str, keep: str = "") -> int:
    """Turn the required status red on every head that the pull request has had and that is green by our account.

    A head that the base holds is the base's own, and left alone. GitHub does not tell the heads of a fork's branch.

    Args:
        why: in a few words, for the status's description.
        keep: the head that stays as it is.

    Returns:
        the number of statuses that were set.

    Raises:
        CouldNotVerify: when GitHub does not answer, or does not take a status.
    """
    if snapshot.pull.is_fork:
        return 0
    changeset, revoked = snapshot.changeset, 0
    for sha in heads_of(job.github.pushes(snapshot.pull.head_ref)):
        # Asked in this order, since a commit that was pushed away has to be fetched to be compared.
        if sha == keep or not _is_green(sha, job) or changeset.repository.is_ancestor(sha, changeset.base):
            continue
        job.github.publish_status(sha, context=GATE, state="failure", description=why)
        log.info("%s is green no longer: %s", sha[:7], why)
        revoked += 1
    return revoked


def _is_green(sha: str, job: JobContext) -> bool:
    newest = next((status for status in job.github.statuses(sha) if status.context == GATE), None)
    return newest is not None and newest.state == "success" and newest.creator == job.settings.bot_login
