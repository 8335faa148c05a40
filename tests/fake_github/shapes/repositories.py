"""The JSON of repositories and branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_github.accounts import Role, User
from tests.fake_github.shapes.accounts import permissions, user
from tests.fake_github.shapes.commits import commit
from tests.fake_github.shapes.common import Json, instant, node_id

if TYPE_CHECKING:
    from tests.fake_github.records import Protection
    from tests.fake_github.state import Repository

REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}

SETTINGS: dict[str, Any] = {
    "allow_forking": True,
    "archived": False,
    "description": None,
    "disabled": False,
    "forks": 0,
    "forks_count": 0,
    "has_discussions": False,
    "has_downloads": True,
    "has_issues": True,
    "has_pages": False,
    "has_projects": True,
    "has_pull_requests": True,
    "has_wiki": True,
    "homepage": None,
    "is_template": False,
    "language": None,
    "license": None,
    "mirror_url": None,
    "open_issues": 0,
    "open_issues_count": 0,
    "size": 0,
    "stargazers_count": 0,
    "topics": [],
    "watchers": 0,
    "watchers_count": 0,
    "web_commit_signoff_required": False,
}


def repository(it: Repository) -> Json:
    """A repository as it appears inside other answers."""
    hub = it.hub
    url, html = f"{hub.api_url}/repos/{it.full_name}", f"{hub.server_url}/{it.full_name}"
    host = hub.server_url.partition("://")[2]
    return {
        "id": it.id,
        "node_id": node_id("Repository", it.id),
        "name": it.name,
        "full_name": it.full_name,
        "private": it.private,
        "visibility": "private" if it.private else "public",
        "owner": user(hub, it.owner),
        "html_url": html,
        "url": url,
        "fork": it.parent is not None,
        "default_branch": it.default_branch,
        "clone_url": it.clone_url,
        "git_url": f"git://{host}/{it.full_name}.git",
        "ssh_url": f"git@{host}:{it.full_name}.git",
        "svn_url": html,
        "created_at": instant(it.created_at),
        "updated_at": instant(it.pushed_at),
        "pushed_at": instant(it.pushed_at),
        **{name: f"{url}{suffix}" for name, suffix in REPOSITORY_LINKS.items()},
        **SETTINGS,
    }


def full_repository(it: Repository, reader: User | None) -> Json:
    """What `GET /repos/{owner}/{repo}` adds: the caller's permissions, merge settings, a fork's parent."""
    shape = {**repository(it), "network_count": 0, "subscribers_count": 0}
    if reader is not None:
        shape["permissions"] = permissions(it.role_of(reader))
        if it.role_of(reader) >= Role.WRITE:
            shape |= {"allow_merge_commit": True, "allow_squash_merge": True, "allow_rebase_merge": True}
            shape |= {
                "allow_auto_merge": False,
                "delete_branch_on_merge": False,
                "allow_update_branch": False,
            }
    if it.parent is not None:
        shape |= {"parent": repository(it.parent), "source": repository(it.parent)}
    return shape


def short_branch(it: Repository, name: str, sha: str) -> Json:
    """A branch in a list."""
    url = f"{it.hub.api_url}/repos/{it.full_name}"
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "protected": name in it.protections,
    }


def branch(it: Repository, name: str, sha: str) -> Json:
    url = f"{it.hub.api_url}/repos/{it.full_name}/branches/{name}"
    html = f"{it.hub.server_url}/{it.full_name}/tree/{name}"
    rule = it.protections.get(name)
    return {
        "name": name,
        "commit": commit(it, it.git.commit(sha)),
        "_links": {"self": url, "html": html},
        "protected": rule is not None,
        "protection": _protection(rule),
        "protection_url": f"{url}/protection",
    }


def _protection(rule: Protection | None) -> Json:
    checks = list(rule.required_checks) if rule else []
    level = "everyone" if checks else "off"
    required = {"enforcement_level": level, "contexts": checks, "checks": [_source(name) for name in checks]}
    return {"enabled": rule is not None, "required_status_checks": required}


def _source(name: str) -> Json:
    return {"context": name, "app_id": None}
