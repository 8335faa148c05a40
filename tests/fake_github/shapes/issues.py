"""The JSON of issues, comments, labels and reactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.fake_github.records import Comment, Issue, Label, LabelEvent, Reaction
from tests.fake_github.shapes.accounts import app, user
from tests.fake_github.shapes.common import Json, instant, node_id

if TYPE_CHECKING:
    from tests.fake_github.state import Repository

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def label(it: Repository, made: Label) -> Json:
    return {
        "id": made.id,
        "node_id": node_id("Label", made.id),
        "url": f"{it.hub.api_url}/repos/{it.full_name}/labels/{made.name}",
        "name": made.name,
        "color": made.color,
        "default": False,
        "description": made.description,
        "archived_at": None,
        "archived_by": None,
    }


def reaction(it: Repository, made: Reaction) -> Json:
    return {
        "id": made.id,
        "node_id": node_id("Reaction", made.id),
        "user": user(it.hub, made.user),
        "content": made.content,
        "created_at": instant(made.created_at),
    }


def _rollup(url: str, reactions: Sequence[Reaction]) -> Json:
    counts = {content: sum(made.content == content for made in reactions) for content in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}


def comment(it: Repository, made: Comment) -> Json:
    hub = it.hub
    url = f"{hub.api_url}/repos/{it.full_name}/issues/comments/{made.id}"
    return {
        "id": made.id,
        "node_id": node_id("IssueComment", made.id),
        "url": url,
        "html_url": f"{conversation(it, made.number)}#issuecomment-{made.id}",
        "issue_url": f"{hub.api_url}/repos/{it.full_name}/issues/{made.number}",
        "user": user(hub, made.user),
        "author_association": it.association_of(made.user),
        "body": made.body,
        "created_at": instant(made.created_at),
        "updated_at": instant(made.updated_at),
        "performed_via_github_app": app(hub, made.app) if made.app else None,
        "reactions": _rollup(url, made.reactions),
    }


def conversation(it: Repository, number: int) -> str:
    """Where a person reads issue or pull request `number`."""
    kind = "pull" if number in it.pulls else "issues"
    return f"{it.hub.server_url}/{it.full_name}/{kind}/{number}"


def event(it: Repository, made: LabelEvent) -> Json:
    """https://docs.github.com/rest/using-the-rest-api/issue-event-types#labeled"""
    return {
        "id": made.id,
        "node_id": node_id("LabeledEvent", made.id),
        "url": f"{it.hub.api_url}/repos/{it.full_name}/issues/events/{made.id}",
        "actor": user(it.hub, made.actor),
        "event": made.event,
        "commit_id": None,
        "commit_url": None,
        "created_at": instant(made.created_at),
        "performed_via_github_app": None,
        "label": {"name": made.label.name, "color": made.label.color},
    }


def issue(it: Repository, made: Issue) -> Json:
    """An issue; one that is a pull request says so in `pull_request`."""
    hub = it.hub
    repository_url = f"{hub.api_url}/repos/{it.full_name}"
    url = f"{repository_url}/issues/{made.number}"
    comments = it.comments_on(made.number)
    shape = {
        "id": made.id,
        "node_id": node_id("Issue", made.id),
        "number": made.number,
        "title": made.title,
        "body": made.body,
        "user": user(hub, made.user),
        "author_association": it.association_of(made.user),
        "state": made.state,
        "state_reason": None if made.number in it.pulls else made.state_reason,
        "locked": made.locked,
        "active_lock_reason": None,
        "labels": [label(it, one) for one in made.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": len(comments),
        "created_at": instant(made.created_at),
        "updated_at": instant(made.updated_at),
        "closed_at": instant(made.closed_at),
        "closed_by": user(hub, made.closed_by) if made.closed_by else None,
        "url": url,
        "html_url": conversation(it, made.number),
        "repository_url": repository_url,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "reactions": _rollup(url, ()),
    }
    pull = it.pulls.get(made.number)
    if pull is not None:
        html = conversation(it, made.number)
        shape["draft"] = pull.draft
        shape["pull_request"] = {
            "url": f"{repository_url}/pulls/{made.number}",
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "merged_at": instant(pull.merged_at),
        }
    return shape
