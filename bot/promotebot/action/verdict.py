"""A verdict that stands: published, and taken back where base, branch or approvals changed while it was found.

GitHub has no way to set a status only if nothing moved. So what a verdict was made from is read again after it was set:
whatever changes later starts a job of its own, which sees the status that it has to replace.
"""

from __future__ import annotations

from promotebot.action.retry import Attempt
from promotebot.comments.comment import Rendered
from promotebot.errors import RefChanged
from promotebot.findings import errors_in
from promotebot.gate.approvals import separation
from promotebot.gate.attestation import any_revoked
from promotebot.gate.evaluate import GateResult
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.snapshot import remote_head


def publish_standing(attempt: Attempt, result: GateResult, changeset: Changeset, rendered: Rendered) -> None:
    """Publish what the gate found on a head; a green of promotions is kept only where it is still true afterwards.

    Raises:
        RefChanged: when base, branch, approvals or attestations changed meanwhile; until the next look it is red.
        CouldNotVerify: when GitHub or git does not answer.
    """
    attempt.replier.publish(result, changeset, rendered)
    if not result.passes or not result.steps:
        return
    changed = _moved(attempt, changeset) or _withdrawn(attempt, result) or _disapproved(attempt, result, changeset)
    if changed:
        github, gate = attempt.job.github, attempt.replier.context.gate
        github.publish_status(changeset.head, context=gate, state="failure", description=f"{changed}; judging again")
        raise RefChanged(f"{changed} while #{attempt.snapshot.pull.number} was judged")


def _moved(attempt: Attempt, changeset: Changeset) -> str:
    """Return which of the two ends is elsewhere by now; empty where both are where they were."""
    pull = attempt.snapshot.pull
    wanted = {f"refs/heads/{pull.base_ref}": str(changeset.base), remote_head(pull): str(changeset.head)}
    now = attempt.snapshot.repository.tips([*wanted])
    return next((f"{ref.rpartition('refs/heads/')[2]} moved" for ref, sha in wanted.items() if now.get(ref) != sha), "")


def _withdrawn(attempt: Attempt, result: GateResult) -> str:
    """Withdrawing takes back the events first and the verdicts then: either it sees our green, or we see that."""
    job, base = attempt.job, attempt.snapshot.other_base
    is_revoked = any_revoked(result.steps, job.github, base, job.settings.bot_login)
    return "a promotion was taken back" if is_revoked else ""


def _disapproved(attempt: Attempt, result: GateResult, changeset: Changeset) -> str:
    if changeset.policy.separation is None:
        return ""
    again = separation(result.steps, changeset.head, attempt.snapshot.pull, changeset.policy, attempt.job.github)
    return "an approval was taken back" if again and errors_in([again]) else ""
