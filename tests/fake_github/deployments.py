"""Deployments: what must be true before one is made, and what a status does to those before repo.

https://docs.github.com/rest/deployments/deployments#create-a-deployment
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.fake_github.accounts import App, User
from tests.fake_github.bare import WEB_FLOW, Person
from tests.fake_github.protection import check_outcome, reported
from tests.fake_github.pulls import refresh
from tests.fake_github.records import Deployment, DeploymentStatus
from tests.fake_github.refusals import HttpError
from tests.fake_github.state import RepositoryState


def merge_trunk(repo: RepositoryState, ref: str, sha: str, by: User) -> str | None:
    """Bring a branch that is behind the default branch up to date: GitHub does this instead of deploying repo.

    Return GitHub's message then, or None when nothing was missing. 409 on a conflict, and for a tag or an id
    that is behind, since there is no branch to merge into.
    """
    trunk, ref = repo.default_branch, ref.removeprefix("refs/heads/")
    trunk_tip = repo.git.branch(trunk)
    if trunk_tip is None or repo.git.is_ancestor(trunk_tip, sha):
        return None
    conflict = HttpError(409, f"Conflict merging {trunk} into {ref}.")
    tree = repo.git.merge_trees(sha, trunk_tip) if repo.git.branch(ref) == sha else None
    if tree is None:
        raise conflict
    message, now = f"Auto-merged {trunk} into {ref} on deployment.", repo.hub.now()
    people = Person(by.login, by.email, now), Person(*WEB_FLOW, now)
    merged = repo.git.commit_tree(tree, [sha, trunk_tip], message, *people)
    if not repo.git.swap(f"refs/heads/{ref}", merged, sha):
        raise conflict
    refresh(repo, by)
    return message


def refuse_unproven(repo: RepositoryState, ref: str, sha: str, required: Sequence[str] | None) -> None:
    """409 unless every required context succeeded on the commit; None requires whatever was reported there.

    A skipped or neutral check run is no success here, unlike in branch protection.
    """
    names = sorted(reported(repo, sha)) if required is None else required
    contexts = [{"context": name, "state": check_outcome(repo, sha, name) or "pending"} for name in names]
    if any(context["state"] != "success" for context in contexts):
        error = {"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise HttpError(409, f"Conflict: Commit status checks failed for {ref}.", errors=[error])


def add_status(repo: RepositoryState, deployment: Deployment, status: DeploymentStatus, *, auto_inactive: bool) -> None:
    """Record a status; a success makes earlier successes of the environment inactive.

    As documented this spares transient and production environments:
    https://docs.github.com/rest/deployments/deployments#inactive-deployments
    """
    deployment.statuses.append(status)
    deployment.environment, deployment.updated_at = status.environment, status.created_at
    if status.state != "success" or not auto_inactive:
        return
    for earlier in repo.deployments.values():
        spared = earlier.transient or earlier.production or earlier.environment != deployment.environment
        if earlier.id < deployment.id and not spared and earlier.state == "success":
            earlier.statuses.append(_inactive(repo, earlier, status.creator, status.app))
            earlier.updated_at = status.created_at


def _inactive(repo: RepositoryState, deployment: Deployment, by: User, app: App | None) -> DeploymentStatus:
    return DeploymentStatus(repo.hub.next_id(), by, app, "inactive", deployment.environment, repo.hub.now())
