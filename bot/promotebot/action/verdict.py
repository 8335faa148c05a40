"""A verdict that stands: published, and taken back where base, branch or approvals changed while it was found.

GitHub has no way to set a status only if nothing moved. So what a verdict was made from is read again after it was set:
whatever changes later starts a job of its own, which sees the status that it has to replace.
"""

from __future__ import annotations

from collections.abc import Callable

from promotebot.action.retry import Attempt
from promotebot.comments.comment import Rendered
from promotebot.errors import PromotebotError, RefChanged
from promotebot.findings import errors_in
from promotebot.gate.approvals import RULE as APPROVALS
from promotebot.gate.attestation import any_revoked
from promotebot.gate.conditions import conditions, has_conditions
from promotebot.gate.evaluate import GateResult
from promotebot.gate.hold import carry_holds
from promotebot.gate.policy import changes_who_may, edit_of_policy
from promotebot.gate.requests import RequestCheck
from promotebot.gate.required import CHECKS, LABELS
from promotebot.gate.status import publish_red
from promotebot.github.ports import PullState
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.snapshot import PullSnapshot, marks_of, remote_head


def publish_standing(
    attempt: Attempt, result: GateResult, changeset: Changeset, rendered: Rendered, *, is_made_now: bool = False
) -> None:
    """Publish what the gate found on a head; a green is set, and kept, only where it is still true.

    It is looked at again before, as GitHub may merge by itself what turns green, and after.

    Args:
        is_made_now: the commit was made by this job a moment ago; before, only the remote's refs are looked at.

    Raises:
        RefChanged: when base, branch, approvals or attestations changed meanwhile; until the next look it is red.
        CouldNotVerify: when GitHub or git does not answer; then it is red, too.
    """
    carry_holds(result.holds, attempt.record, changeset.head)
    if result.passes:
        _require_unchanged(attempt, result, changeset, by_refs_alone=is_made_now)
    attempt.replier.publish(result, changeset, rendered)
    if result.passes:
        _require_unchanged(attempt, result, changeset)


def _require_unchanged(
    attempt: Attempt, result: GateResult, changeset: Changeset, *, by_refs_alone: bool = False
) -> None:
    """Turn a head red where anything that it was judged by has changed, or is not known any more."""
    try:
        if by_refs_alone:
            changed = moved(attempt, changeset)
        else:
            wait = _ask_elsewhere(attempt, result, changeset)  # git is asked meanwhile
            changed = moved(attempt, changeset) or wait() or _unmet(attempt, result, changeset)
    except PromotebotError:
        _turn_red(attempt, changeset, "nobody knows whether it still holds")
        raise
    if changed:
        _turn_red(attempt, changeset, f"{changed}; judging again")
        raise RefChanged(f"{changed} while #{attempt.snapshot.pull.number} was judged")


def _turn_red(attempt: Attempt, changeset: Changeset, why: str) -> None:
    publish_red(attempt.job.github, changeset.head, attempt.replier.context.gate, why)


def moved(attempt: Attempt, changeset: Changeset) -> str:
    """Return which of the two ends is elsewhere by now, or that somebody holds it; empty where nothing is new.

    One look at the remote's refs tells all three, whatever the pull request carries.
    """
    pull, marks = attempt.snapshot.pull, marks_of(attempt.snapshot.pull.number)
    wanted = {f"refs/heads/{pull.base_ref}": str(changeset.base), remote_head(pull): str(changeset.head)}
    now = attempt.snapshot.repository.tips([*wanted, f"{marks}*"])
    if any(ref.startswith(marks) and ref.removeprefix(marks) not in attempt.snapshot.marks for ref in now):
        return "somebody holds it"
    return next((f"{ref.rpartition('refs/heads/')[2]} moved" for ref, sha in wanted.items() if now.get(ref) != sha), "")


def elsewhere(now: PullState, snapshot: PullSnapshot) -> str:
    """Return that a pull request was closed or opened, or given another base; empty where it was not."""
    if now.state != snapshot.pull.state:
        return f"the pull request was {now.state}"
    return f"the pull request now targets {now.base_ref}" if now.base_ref != snapshot.pull.base_ref else ""


def _ask_elsewhere(attempt: Attempt, result: GateResult, changeset: Changeset) -> Callable[[], str]:
    """Ask what became of the pull request itself: closed, given another base, or a promotion of it taken back.

    Withdrawing takes back the events first and the verdicts then: either it sees our green, or we see that. What
    neither promotes nor changes an artifact or the policy is not asked about.
    """
    snapshot, job = attempt.snapshot, attempt.job
    if not (result.steps or result.described or changes_who_may(changeset) or changeset.touched_artifacts):
        return str
    commits = {str(step.event.request.head_sha) for step in result.steps if step.event.request}
    look = job.github.beside(lambda: job.github.look_again(snapshot.pull.number, sorted(commits)))

    def wait() -> str:
        now = look()
        if change := elsewhere(now, snapshot):
            return change
        is_revoked = any_revoked(result.steps, now.statuses, snapshot.other_base, job.settings.bot_login)
        return "a promotion was withdrawn" if is_revoked else ""

    return wait


def _unmet(attempt: Attempt, result: GateResult, changeset: Changeset) -> str:
    """Return which condition is not met any more: an approval was withdrawn, a label taken off, a check failed."""
    snapshot, github, edit = attempt.snapshot, attempt.job.github, edit_of_policy(changeset)
    if not has_conditions(result.steps, changeset.policy, edit):
        return ""
    involved = RequestCheck(snapshot, changeset, attempt.job, ()).people(result.steps)
    again = conditions(result.steps, changeset.head, snapshot.pull, changeset.policy, github, involved, edit=edit)
    return next((_UNMET[one.rule] for one in errors_in(again.findings)), "")


_UNMET = {
    APPROVALS: "an approval was withdrawn",
    LABELS: "a label was taken off",
    CHECKS: "another check is no longer successful",
}
"""Condition → what became of it, where it was met a moment ago."""
