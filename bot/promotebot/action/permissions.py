"""Who may ask for what: the policy's word on a pull request and on the person who speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotebot.action.result import Reason
from promotebot.promotion.policy import Permission, Policy
from promotebot.promotion.request import CommandArguments
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action
from promotebot.registry.names import GitSha, Stage

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub, PullRequest

Refusal = tuple[Reason, str, str]
"""Reason code, what is wrong, what to do."""
_DOING = {Action.PROMOTE: "promoting to", Action.ROLLBACK: "rolling back", Action.DEMOTE: "demoting from"}


def refusal(arguments: CommandArguments, login: str, snapshot: PullSnapshot, github: GitHub) -> Refusal | None:
    """Why this pull request, or this person, may not ask for it; None when they may."""
    return (
        _of_the_pull(snapshot)
        or permission_refusal(login, arguments.stage, snapshot, github, _DOING[arguments.action])
        or sha_refusal(arguments, snapshot.changeset.head, snapshot.changeset.policy)
    )


def permission_refusal(login: str, stage: Stage, snapshot: PullSnapshot, github: GitHub, doing: str) -> Refusal | None:
    """The role that the policy asks for, by GitHub's word."""
    needed, held = snapshot.changeset.policy.stages.permission(stage), github.permission(login)
    if held >= needed:
        return None
    return (
        Reason.PERMISSION,
        f"{login} has {_role(held)} permission; {doing} {stage.label} needs {_role(needed)}.",
        f"ask somebody with {_role(needed)} permission to do the same",
    )


def _of_the_pull(snapshot: PullSnapshot) -> Refusal | None:
    pull = snapshot.pull
    if not snapshot.takes_promotions:
        return (
            Reason.WRONG_BASE,
            f"The pull request goes into {pull.base_ref!r}, which takes no promotions.",
            f"change its base to {snapshot.default_branch!r}, or list the branch under `bases` in the policy",
        )
    if pull.draft and not snapshot.changeset.policy.drafts:
        return Reason.DRAFT, "The pull request is a draft.", "mark it ready for review, then ask again in a new comment"
    return None


def sha_refusal(arguments: CommandArguments, head: GitSha, policy: Policy) -> Refusal | None:
    """A request is for the commit that was looked at: as it says, and where the policy wants it to say."""
    if arguments.sha and arguments.sha != head:
        return (
            Reason.SHA_MISMATCH,
            f"--sha says {arguments.sha}, the head is {head}.",
            f"look at the new commits, then ask again with `--sha {head}`",
        )
    if (
        policy.require_sha
        and not arguments.sha
        and (arguments.stage is Stage.ACTIVE or arguments.action is Action.ROLLBACK)
    ):
        said = "The policy asks for --sha with ACTIVE and with a rollback."
        return Reason.SHA_REQUIRED, said, f"look at the head, then ask again with `--sha {head}`"
    return None


def _role(permission: Permission) -> str:
    return permission.name.lower()


def pull_refusal(pull: PullRequest) -> tuple[Reason, str, str] | None:
    """Why nothing is asked for on this pull request, whoever asks; None when it may be."""
    if pull.merged or pull.state != "open":
        return (
            Reason.PULL_CLOSED,
            f"The pull request is {'merged' if pull.merged else 'closed'}.",
            "open a new one and ask there",
        )
    if pull.is_fork:
        return (
            Reason.FORK,
            "The pull request comes from a fork, which promotebot cannot and does not write to.",
            "push the branch to this repository and open the pull request from there",
        )
    return None
