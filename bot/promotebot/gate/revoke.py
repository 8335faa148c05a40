"""Revocation: an older head of a pull request that is still green turns red, so that nobody pushes it back and merges.

A status belongs to a commit. Whoever may push could otherwise bring back what was withdrawn, or judged by an older
policy, and merge it before a job has looked again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from promotebot.github.checks import gate_context, is_gate
from promotebot.github.ports import BranchPush
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot

log = logging.getLogger(__name__)
NOTHING = "0" * 40
"""What GitHub shows as the commit before a branch was made, and after it was deleted."""


def revoke_heads(snapshot: PullSnapshot, job: JobContext, *, why: str, keep: str = "") -> int:
    """Turn the required status red on every head that the pull request has had and that is green by our account.

    That is the status of every base: the pull request may have had another one, and could get it back. A head that the
    base holds is the base's own, and left alone. GitHub does not tell the heads of a fork's branch.

    Args:
        why: in a few words, for the status's description.
        keep: the head that stays as it is.

    Returns:
        the number of heads that were green.

    Raises:
        CouldNotVerify: when GitHub does not answer, or does not take a status.
    """
    if snapshot.pull.is_fork:
        return 0
    changeset, revoked = snapshot.changeset, 0
    for sha in _heads(job.github.pushes(snapshot.pull.head_ref)):
        # Asked in this order, since a commit that was pushed away has to be fetched to be compared.
        green = [] if sha == keep else _revocable(sha, snapshot, job)
        if not green or changeset.repository.is_ancestor(sha, changeset.base):
            continue
        for context in green:
            job.github.publish_status(sha, context=context, state="failure", description=why)
        log.info("%s is green no longer: %s", sha[:7], why)
        revoked += 1
    return revoked


def revoke_other_bases(snapshot: PullSnapshot, job: JobContext) -> None:
    """Turn the head's status red for each base that no pull request from it goes into any more.

    When such a base moves, nothing judges the head again, and the pull request could get that base back, still green.

    Raises:
        CouldNotVerify: when GitHub does not answer, or does not take a status.
    """
    pull, default = snapshot.pull, snapshot.default_branch
    if pull.base_ref == default and not snapshot.trusted.bases:
        return  # nothing is green for another base
    why = f"#{pull.number} goes into {pull.base_ref} now"
    for context in _revocable(pull.head_sha, snapshot, job):
        if context != gate_context(pull.base_ref, default):
            job.github.publish_status(pull.head_sha, context=context, state="failure", description=why)


def _revocable(sha: str, snapshot: PullSnapshot, job: JobContext) -> list[str]:
    """Return the contexts that are green on a commit, but for those by which another pull request stands or was merged.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    number, default = snapshot.pull.number, snapshot.default_branch
    green = _green_contexts(sha, job)
    own = gate_context(snapshot.pull.base_ref, default)
    if set(green) <= {own}:
        return green
    with_it = [pull for pull in job.github.pulls_with(sha) if pull.head_sha == sha and pull.number != number]
    theirs = {gate_context(pull.base_ref, default) for pull in with_it if pull.merged or pull.state == "open"}
    return [context for context in green if context == own or context not in theirs]


def _heads(pushes: Iterable[BranchPush]) -> Iterator[str]:
    """Yield each commit that the branch has stood at, newest first, since it was made."""
    seen = {NOTHING}
    for push in pushes:
        for sha in (push.after, push.before):
            if sha not in seen:
                seen.add(sha)
                yield sha
        if push.creates:
            return


def _green_contexts(sha: str, job: JobContext) -> list[str]:
    """Return the contexts of the required status, one for each base, that are green on a commit by our account."""
    newest: dict[str, str] = {}
    for status in job.github.statuses(sha):
        if is_gate(status.context) and status.creator == job.settings.bot_login:
            newest.setdefault(status.context, status.state)
    return [context for context, state in newest.items() if state == "success"]
