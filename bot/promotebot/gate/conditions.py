"""What else a merge needs, where nothing is wrong: approvals, labels, other checks. Who judges asks this function."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from promotebot.findings import Finding
from promotebot.gate.approvals import approvals_needed, separation
from promotebot.gate.required import required_findings, required_of
from promotebot.promotion.policy import Policy
from promotebot.promotion.policy_changes import PolicyEdit
from promotebot.promotion.replay import Step
from promotebot.registry.names import Stage

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub, PullRequest


class Conditions(NamedTuple):
    """What a merge needs besides, each passed or waited for, and who approved it, where anybody asked."""

    findings: tuple[Finding, ...] = ()
    approvers: tuple[str, ...] = ()


def conditions(
    steps: Sequence[Step],
    head_sha: str,
    pull: PullRequest,
    policy: Policy,
    github: GitHub,
    pushers: Collection[str] = (),
    *,
    edit: PolicyEdit = PolicyEdit.NONE,
) -> Conditions:
    """Return the conditions that the policy sets for this head, each passed, or an error that says what it waits for.

    Args:
        pushers: everybody who moved a branch that carries events made at a terminal.
        edit: what the branch does with the policy.

    Raises:
        CouldNotVerify: when GitHub does not answer; what is not known is never met.
    """
    approval = separation(steps, head_sha, pull, policy, github, pushers, edit=edit)
    required = required_findings(steps, head_sha, pull.number, policy, github)
    return Conditions((approval.finding, *required), approval.approvers) if approval else Conditions(tuple(required))


def has_conditions(steps: Sequence[Step], policy: Policy, edit: PolicyEdit) -> bool:
    """Return whether the policy sets any condition for this; then GitHub has to be asked."""
    return approvals_needed(steps, policy, edit) > 0 or any(required_of(steps, policy))


def may_have_conditions(policy: Policy) -> bool:
    """Return whether the policy sets a condition for any pull request: what somebody takes back may shut it again."""
    asked = policy.strictest
    stages = [asked.stages.of(stage) for stage in Stage]
    # What leaves quarantine needs approvals, whatever else the policy says.
    return bool(asked.separation or asked.quarantine or any(one.labels or one.checks for one in stages))
