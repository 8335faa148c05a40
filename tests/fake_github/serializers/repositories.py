"""Repositories, and what people may do in them."""

from __future__ import annotations

from tests.fake_github.accounts import Role, User
from tests.fake_github.serializers.templates import Json, fill, fill_outside, user
from tests.fake_github.state import RepositoryState

MERGE_SETTINGS = {
    "allow_auto_merge": False,
    "delete_branch_on_merge": False,
    "allow_update_branch": False,
}


def repository(repo: RepositoryState) -> Json:
    """Return a repository as it appears inside other answers."""
    host, visibility = repo.hub.server_url.partition("://")[2], "private" if repo.private else "public"
    return fill("repository", repo, host=host, visibility=visibility, fork=repo.parent is not None)


def full_repository(repo: RepositoryState, reader: User | None, *, writes: bool) -> Json:
    """Return what `GET /repos/{owner}/{repo}` answers: the caller's permissions, merge settings, a fork's parent.

    Args:
        writes: whether the caller may write, and is told the merge settings then.
    """
    document = {**repository(repo), "network_count": 0, "subscribers_count": 0}
    if reader is not None:
        document["permissions"] = permissions(repo.role_of(reader))
        if writes:
            document |= MERGE_SETTINGS | repo.settings.merging()
    if repo.parent is not None:
        document |= {"parent": repository(repo.parent), "source": repository(repo.parent)}
    return document


def organization(repo: RepositoryState) -> Json:
    """Return the `organization` of a webhook payload: the repository's owner."""
    return fill_outside("organization", repo.hub, user=repo.owner)


def permissions(role: Role) -> dict[str, bool]:
    return {
        "admin": role >= Role.ADMIN,
        "maintain": role >= Role.MAINTAIN,
        "push": role >= Role.WRITE,
        "triage": role >= Role.TRIAGE,
        "pull": role >= Role.READ,
    }


def permission(repo: RepositoryState, account: User) -> Json:
    """Return the answer of the permission endpoint.

    https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    role = repo.role_of(account)
    collaborator = {**user(repo.hub, account), "permissions": permissions(role), "role_name": role.word}
    return {"permission": role.legacy, "role_name": role.word, "user": collaborator}
