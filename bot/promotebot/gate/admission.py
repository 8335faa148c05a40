"""Whether a request may stand: by the pull request, by the policy's roles, and by the commit that was looked at.

The door asks before it promotes, and the gate asks again for every event that a branch carries, by these functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.people import is_named, is_team, unseen
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import CommandArguments
from promotebot.promotion.sections import Permission
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.model_owners import policies_for
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action
from promotebot.registry.names import GitSha, Stage
from promotebot.remedies import Remedy
from promotebot.text import listed

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub, PullRequest

DOING = {
    Action.PROMOTE: "promoting to",
    Action.ROLLBACK: "rolling back",
    Action.DEMOTE: "demoting from",
    Action.IMPORTED: "importing into",
}
"""What is refused, in words that a stage's name follows."""


def request_refusal(
    arguments: CommandArguments, people: Sequence[str], snapshot: PullSnapshot, github: GitHub
) -> Refusal | None:
    """Return why this pull request, or one of these people, may not ask for it; None when they may.

    Where the command names no model, it is asked again for the one that was found (`asking_refusal`).
    """
    changeset, doing = snapshot.changeset, DOING[arguments.action]
    return (
        pull_refusal(snapshot.pull)
        or target_refusal(snapshot)
        or asking_refusal(arguments, arguments.model, people, changeset, github, doing)
    )


def asking_refusal(
    arguments: CommandArguments,
    model: str | None,
    people: Sequence[str],
    changeset: Changeset,
    github: GitHub,
    doing: str,
) -> Refusal | None:
    """Return why these people may not ask for it, or not for the head; None when they may.

    Args:
        model: the one that it is about; None where that is not known yet: then only what no model may is refused.
        doing: what is refused, before the stage's name: `promoting to`.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    first: Refusal | None = None
    stage, head = arguments.stage, changeset.head
    for policy in policies_for(changeset, model):
        refusal = people_refusal(people, stage, policy, github, doing) or sha_refusal(arguments, head, policy)
        if refusal is None:
            return None
        first = first or refusal
    return first


def pull_refusal(pull: PullRequest) -> Refusal | None:
    """Return why nothing can be asked for on this pull request, whoever asks; None when it can."""
    if pull.merged or pull.state != "open":
        return Refusal(
            Reason.PULL_CLOSED,
            f"The pull request is {'merged' if pull.merged else 'closed'}.",
            "open a new pull request and write the command there",
        )
    if pull.is_fork:
        return Refusal(
            Reason.FORK,
            "The pull request comes from a fork, and promotebot cannot write to a fork.",
            "push the branch to this repository and open the pull request from there",
        )
    return None


def people_refusal(people: Sequence[str], stage: Stage, policy: Policy, github: GitHub, doing: str) -> Refusal | None:
    """Return why these people, who must all hold the permission or be named, may not change this stage.

    Args:
        policy: the one that holds for the model (`policies_for`).
        doing: what is refused, before the stage's name: `promoting to`.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    named = policy.stages.people(stage)
    others = _not_named(people, named, policy.stages.permission(stage), github)
    refusal = role_refusal(others, stage, policy, github, doing)
    return replace(refusal, message=f"{refusal.message}{unseen(others[0], named)}") if refusal else None


def _not_named(people: Sequence[str], named: Sequence[str], needed: Permission, github: GitHub) -> list[str]:
    """Return those of these people who need the role: no login names them, nor a team, if any of them lacks it."""
    teams = [name for name in named if is_team(name)]
    left = [login for login in people if not is_named(login, named)]
    if not teams or not who_lacks(left, needed, github):  # who has the role, or is named, needs no team
        return left
    lacking = (login for login in left if who_lacks((login,), needed, github))
    return [login for login in lacking if not any(github.is_member(team, login) for team in teams)]


def role_refusal(people: Sequence[str], stage: Stage, policy: Policy, github: GitHub, doing: str) -> Refusal | None:
    """Return why these people, who must all hold the permission, may not do what no name in the policy allows.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    needed, named = policy.stages.permission(stage), policy.stages.people(stage)
    lacks = who_lacks(people, needed, github)
    if not lacks:
        return None
    return Refusal(
        Reason.PERMISSION,
        f"{lacks}; {doing} {stage.label} needs {_role(needed)}.",
        f"ask {f'{listed(named)} or ' if named else ''}somebody with {_role(needed)} permission to write this command",
        policy_keys=tuple(f"stages.{stage.value}.{key}" for key in ("permission", "people")),
    )


def rejecting_refusal(people: Sequence[str], policy: Policy, github: GitHub) -> Refusal | None:
    """Return why these people, who must all be able to write or be named, may not reject a model's artifact.

    It can only refuse something, and takes effect when it is merged, so that it needs no stage's own permission.

    Args:
        policy: the one that holds for the model (`policies_for`).

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    named = [name for stage in Stage for name in policy.stages.people(stage)]
    others = _not_named(people, named, Permission.WRITE, github)
    lacks = who_lacks(others, Permission.WRITE, github)
    if not lacks:
        return None
    message = f"{lacks}; rejecting an artifact needs write.{unseen(others[0], named)}"
    return Refusal(Reason.PERMISSION, message, "ask somebody with write permission to write this command")


def sha_refusal(arguments: CommandArguments, head: GitSha, policy: Policy) -> Refusal | None:
    """Return why a request is not for this commit: `--sha` names another one, or the policy asks for it."""
    if arguments.sha and arguments.sha != head:
        return Refusal(
            Reason.SHA_MISMATCH,
            f"--sha says {arguments.sha}, the head is {head}.",
            Remedy("check the new commits, then request it again: ", arguments.line({"sha": head})),
        )
    needs_sha = arguments.stage is Stage.ACTIVE or arguments.action is Action.ROLLBACK
    if policy.require_sha and needs_sha and not arguments.sha:
        return Refusal(
            Reason.SHA_REQUIRED,
            "The policy requires --sha for ACTIVE and for a rollback.",
            Remedy("check the head, then request it again: ", arguments.line({"sha": head})),
            policy_keys=("require_sha",),
        )
    return None


def target_refusal(snapshot: PullSnapshot) -> Refusal | None:
    """Return why this pull request may carry no promotions: its branches, or that it is a draft."""
    if snapshot.pull.draft and not snapshot.changeset.policy.drafts:
        draft = "mark it as ready for review, then repeat the command in a new comment"
        return base_refusal(snapshot) or Refusal(
            Reason.DRAFT, "The pull request is a draft.", draft, policy_keys=("drafts",)
        )
    return base_refusal(snapshot)


def base_refusal(snapshot: PullSnapshot) -> Refusal | None:
    """Return why the bot writes nothing for a pull request between these branches; None where it may.

    The base's policy says who may do what, so that it must be a base that the default branch's policy names.
    """
    pull = snapshot.pull
    if not snapshot.takes_promotions:
        return Refusal(
            Reason.WRONG_BASE,
            f"The base branch {pull.base_ref!r} of the pull request does not accept promotions.",
            f"change its base to {snapshot.default_branch!r}, or list the branch under `bases` in the policy",
            policy_keys=("bases",),
        )
    if not pull.is_fork and snapshot.is_promoted_into(pull.head_ref):
        return Refusal(
            Reason.WRONG_BASE,
            f"The head branch {pull.head_ref!r} is itself a base for promotions: only a merge may change it.",
            f"create a new branch from {pull.head_ref!r}, open a pull request from it, and write the command there",
            policy_keys=("bases",),
        )
    return None


def who_lacks(people: Sequence[str], needed: Permission, github: GitHub) -> str:
    """Return in words which role the first of these people has who lacks the one that is needed; empty for nobody.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    for login in people:
        held = github.permission(login)
        if held is None:
            return f"there is no GitHub user {login}"
        if held < needed:
            return f"{login} has {_role(held)} permission"
    return ""


def may_write(login: str, github: GitHub) -> bool:
    """Return whether GitHub says that somebody may write.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    return not who_lacks((login,), Permission.WRITE, github)


def _role(permission: Permission) -> str:
    return permission.name.lower()
