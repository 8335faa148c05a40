"""Separation of duties: who asks for a promotion does not approve it (docs/policy.md, separation)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from promotebot.findings import Finding, error, passed
from promotebot.gate.admission import may_write
from promotebot.gate.pushers import last_pusher
from promotebot.github.verdicts import Verdict, approving
from promotebot.promotion.policy import Policy
from promotebot.promotion.policy_changes import PolicyEdit
from promotebot.promotion.replay import Step

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub, PullRequest

RULE = "separation"
LIFTERS = 2
"""People who have to approve that something leaves quarantine."""
_OF_A_FORK = error(
    RULE,
    "cannot pass for a fork, as GitHub does not say who pushed to it",
    remedy="push the branch to this repository and open the pull request from there",
)


class Separation(NamedTuple):
    """Whether enough people approved a head, and who they are."""

    finding: Finding
    approvers: tuple[str, ...] = ()
    """Logins of those whose approval counts; none where more are needed, as then not everything about them is known."""


@dataclass(frozen=True)
class Approvers:
    """Who had approved a head when it was judged, as receipt and card name them."""

    logins: tuple[str, ...]
    at: datetime
    limit: str = ""
    """Why there may be others; empty where these are all."""

    @property
    def words(self) -> str:
        """The names, or that there are none, with the time; an approval may be given, or dismissed, a minute later."""
        told = ", ".join(self.logins) or ("not known" if self.limit else "nobody yet")
        return f"{told} (at {self.at:%Y-%m-%d %H:%M} UTC{f'; {self.limit}' if self.limit else ''})"


def involved_in(steps: Sequence[Step], pull: PullRequest) -> set[str]:
    """Return the logins of those whose own approval counts for nothing: they opened it, or asked for a promotion."""
    return {pull.author, *(step.event.request.login for step in steps if step.event.request)}


def approvers_of(verdicts: Sequence[Verdict], steps: Sequence[Step], pull: PullRequest) -> tuple[str, ...]:
    """Return whose approval of a head counts for these promotions, where nothing asks for any.

    Args:
        verdicts: the approvals of that head.
    """
    involved = involved_in(steps, pull)
    return tuple(one.login for one in verdicts if one.may_write and one.login not in involved)


def approvers_at(head_sha: str, steps: Sequence[Step], pull: PullRequest, now: datetime) -> Approvers:
    """Return who approved a head, by the reviews that came with the pull request; GitHub is not asked."""
    if pull.verdicts is None:
        return Approvers((), now, "the reviews were not read in this run")
    logins = approvers_of(approving(pull.verdicts, head_sha), steps, pull)
    return Approvers(logins, now, "" if pull.has_all_reviews else "only the newest reviews were read")


def separation(
    steps: Sequence[Step],
    head_sha: str,
    pull: PullRequest,
    policy: Policy,
    github: GitHub,
    pushers: Collection[str] = (),
    *,
    edit: PolicyEdit = PolicyEdit.NONE,
) -> Separation | None:
    """Return whether enough other people approved exactly this head; None where nothing asks for approvals.

    A pull request needs them that promotes something or changes the policy: that could take `separation` away.
    Nobody counts who asked for one of the promotions, opened the pull request or moved its branch last, and nobody
    who may not write.

    Args:
        pushers: everybody who moved a branch that carries events made at a terminal: any of them may have made them.
        edit: what the branch does with the policy.

    Raises:
        CouldNotVerify: when GitHub does not say who approved, who pushed, or what somebody may do.
    """
    needed = approvals_needed(steps, policy, edit)
    if not needed:
        return None
    if pull.is_fork:
        return Separation(_OF_A_FORK)
    involved = {*involved_in(steps, pull), *pushers}
    others = [one.login for one in github.approvals(pull.number, head_sha) if one.login not in involved]
    if len(others) >= needed:  # only then does it matter who pushed: right after our own push, GitHub may not know yet
        pusher = last_pusher(github.pushes(pull.head_ref), pull.head_ref, head_sha)
        involved |= {pusher} if pusher else set()
        others = [login for login in others if login != pusher and may_write(login, github)]
    if len(others) >= needed:
        words = f"{head_sha[:7]} is approved by {', '.join(others)}, who neither requested nor pushed it"
        return Separation(passed(RULE, words), tuple(others))
    return Separation(_missing(needed - len(others), head_sha, involved))


def approvals_needed(steps: Sequence[Step], policy: Policy, edit: PolicyEdit) -> int:
    """Return how many approvals the policy asks for: as many as for the model that needs most; 0 for none.

    A change of the policy needs as many as any model may: it could take them all away. What takes something out of
    quarantine needs two, whatever the policy says.
    """
    asked = [policy.for_model(*(step.model for step in steps))] if steps else []
    asked += [policy.strictest] if edit else []
    needed = [one.separation.approvals for one in asked if one.separation]
    return max([*needed, LIFTERS if edit is PolicyEdit.LIFT else 0])


def _missing(count: int, head_sha: str, involved: set[str]) -> Finding:
    return error(
        RULE,
        f"waits for {count} more approval{'' if count == 1 else 's'} of {head_sha[:7]}",
        remedy=f"somebody with write permission other than {' or '.join(sorted(involved))} approves exactly this "
        "commit in a review; the check is then updated automatically",
    )
