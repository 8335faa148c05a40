"""The JSON of pull requests and reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_github.protection import mergeable_state
from tests.fake_github.records import Pull, Review
from tests.fake_github.shapes.accounts import user
from tests.fake_github.shapes.common import Json, instant, node_id
from tests.fake_github.shapes.issues import label
from tests.fake_github.shapes.repositories import repository

if TYPE_CHECKING:
    from tests.fake_github.state import Repository


def _end(it: Repository, ref: str, sha: str) -> Json:
    """One end of a pull request: its `head` or `base`."""
    return {
        "label": f"{it.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(it.hub, it.owner),
        "repo": repository(it),
    }


def _links(pull: Pull) -> Json:
    it = pull.base
    api, number = f"{it.hub.api_url}/repos/{it.full_name}", pull.number
    url, issue_url, html = (
        f"{api}/pulls/{number}",
        f"{api}/issues/{number}",
        f"{it.hub.server_url}/{it.full_name}",
    )
    links = {
        "html": f"{html}/pull/{number}",
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/statuses/{pull.head_sha}",
    }
    return {
        "url": url,
        "html_url": links["html"],
        "diff_url": f"{links['html']}.diff",
        "patch_url": f"{links['html']}.patch",
        **{f"{name}_url": link for name, link in links.items() if name != "html"},
        "_links": {name: {"href": link} for name, link in {"self": url, **links}.items()},
    }


def short_pull(pull: Pull) -> Json:
    """A pull request in a list."""
    it, issue = pull.base, pull.issue
    return {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        **_links(pull),
        "state": issue.state,
        "locked": issue.locked,
        "active_lock_reason": None,
        "title": issue.title,
        "body": issue.body,
        "user": user(it.hub, issue.user),
        "author_association": it.association_of(issue.user),
        "labels": [label(it, one) for one in issue.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "requested_reviewers": [],
        "requested_teams": [],
        "auto_merge": None,
        "draft": pull.draft,
        "created_at": instant(issue.created_at),
        "updated_at": instant(issue.updated_at),
        "closed_at": instant(issue.closed_at),
        "merged_at": instant(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        "head": _end(pull.head, pull.head_ref, pull.head_sha),
        "base": _end(it, pull.base_ref, pull.base_sha),
    }


def full_pull(pull: Pull) -> Json:
    """One pull request, with what is worked out for it alone: mergeable, and the size of the change."""
    git = pull.base.git
    start = git.merge_base(pull.base_sha, pull.head_sha)
    files = git.changed_files(start, pull.head_sha) if start else []
    commits = git.run("rev-list", "--count", pull.head_sha, f"^{start}", "--").strip() if start else "0"
    return {
        **short_pull(pull),
        "merged": pull.merged,
        "mergeable": pull.mergeable if pull.state == "open" else None,
        "rebaseable": pull.mergeable if pull.state == "open" else None,
        "mergeable_state": mergeable_state(pull) if pull.state == "open" else "unknown",
        "merged_by": user(pull.base.hub, pull.merged_by) if pull.merged_by else None,
        "maintainer_can_modify": False,
        "comments": len(pull.base.comments_on(pull.number)),
        "review_comments": 0,
        "commits": int(commits),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }


def review(pull: Pull, made: Review) -> Json:
    it = pull.base
    url = f"{it.hub.api_url}/repos/{it.full_name}/pulls/{pull.number}"
    html = f"{it.hub.server_url}/{it.full_name}/pull/{pull.number}#pullrequestreview-{made.id}"
    return {
        "id": made.id,
        "node_id": node_id("PullRequestReview", made.id),
        "user": user(it.hub, made.user),
        "body": made.body,
        "state": made.state,
        "html_url": html,
        "pull_request_url": url,
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "submitted_at": instant(made.submitted_at),
        "commit_id": made.commit_id,
        "author_association": it.association_of(made.user),
    }


def minimal_pull(it: Pull) -> Json:
    """A pull request as a workflow's run names it."""
    base, head = (
        {"ref": ref, "sha": sha, "repo": {"id": repo.id, "name": repo.name, "url": _api(repo)}}
        for repo, ref, sha in ((it.base, it.base_ref, it.base_sha), (it.head, it.head_ref, it.head_sha))
    )
    return {"id": it.id, "number": it.number, "url": f"{_api(it.base)}/pulls/{it.number}", "base": base, "head": head}


def _api(it: Repository) -> str:
    return f"{it.hub.api_url}/repos/{it.full_name}"
