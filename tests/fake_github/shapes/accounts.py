"""The JSON of users and apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_github.accounts import App, Role, User
from tests.fake_github.shapes.common import Json, instant, node_id

if TYPE_CHECKING:
    from tests.fake_github.hub import Hub
    from tests.fake_github.state import Repository

USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def user(hub: Hub, account: User) -> Json:
    """GitHub's "simple user"."""
    url = f"{hub.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("User", account.id),
        "avatar_url": f"{hub.server_url}/avatars/u/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{hub.server_url}/{account.login}",
        **{name: f"{url}{suffix}" for name, suffix in USER_LINKS.items()},
        "type": account.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def organization(hub: Hub, account: User) -> Json:
    """The `organization` of a webhook payload."""
    url = f"{hub.api_url}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("Organization", account.id),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{hub.server_url}/avatars/u/{account.id}",
        "description": "",
    }


def full_user(hub: Hub, account: User) -> Json:
    """What `GET /user` and `GET /users/{login}` add."""
    now = instant(hub.now())
    blank: Json = dict.fromkeys(("name", "company", "location", "email", "hireable", "bio"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    return {**user(hub, account), **blank, "blog": "", **counts, "created_at": now, "updated_at": now}


def permissions(role: Role) -> dict[str, bool]:
    return {
        "admin": role >= Role.ADMIN,
        "maintain": role >= Role.MAINTAIN,
        "push": role >= Role.WRITE,
        "triage": role >= Role.TRIAGE,
        "pull": role >= Role.READ,
    }


def permission(repository: Repository, account: User) -> Json:
    """The answer of the permission endpoint.

    https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    role = repository.role_of(account)
    collaborator = {**user(repository.hub, account), "permissions": permissions(role), "role_name": role.word}
    return {"permission": role.legacy, "role_name": role.word, "user": collaborator}


def app(hub: Hub, application: App) -> Json:
    """The app a check run was made by."""
    then = "2018-07-30T09:30:17Z"
    owner = User(9919, "github", "Organization")
    return {
        "id": application.id,
        "client_id": f"Iv1.{application.id:016x}",
        "slug": application.slug,
        "node_id": node_id("App", application.id),
        "owner": user(hub, owner),
        "name": application.name,
        "description": "",
        "external_url": f"{hub.server_url}/apps/{application.slug}",
        "html_url": f"{hub.server_url}/apps/{application.slug}",
        "created_at": then,
        "updated_at": then,
        "permissions": {"checks": "write", "contents": "write", "metadata": "read"},
        "events": [],
    }
