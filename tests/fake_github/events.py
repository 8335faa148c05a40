"""Webhook payloads, as a workflow finds them at GITHUB_EVENT_PATH.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.fake_github.bare import ZERO
from tests.fake_github.records import Comment, MergeGroup, Pull, WorkflowRun
from tests.fake_github.shapes import accounts, commits, issues, pulls, repositories, runs
from tests.fake_github.shapes.common import Json, node_id

if TYPE_CHECKING:
    from tests.fake_github.accounts import User
    from tests.fake_github.state import Repository

COMMITS_LIMIT = 2048  # https://docs.github.com/webhooks/webhook-events-and-payloads#push


def _place(it: Repository) -> Json:
    """Where it happened: the repository, and the organisation that owns it."""
    place = {"repository": repositories.repository(it)}
    if it.owner.type == "Organization":
        place["organization"] = accounts.organization(it.hub, it.owner)
    return place


def _around(it: Repository, sender: User) -> Json:
    """What every payload carries that somebody caused."""
    return {**_place(it), "sender": accounts.user(it.hub, sender)}


def issue_comment(it: Repository, comment: Comment, action: str, sender: str) -> Json:
    who = it.hub.user(sender) if sender else comment.user
    payload = {
        "action": action,
        "issue": issues.issue(it, it.issues[comment.number]),
        "comment": issues.comment(it, comment),
        **_around(it, who),
    }
    if action == "edited":
        payload["changes"] = {"body": {"from": comment.previous_body}}
    return payload


def pull_request(
    it: Repository, pull: Pull, action: str, sender: str, *, label: str, before: str, changes: Mapping[str, str]
) -> Json:
    """The payload of `pull_request` and of `pull_request_target`, which are the same.

    label    the one put on or taken off
    before   the head a `synchronize` moved from
    changes  of an `edited`: what title, body or base (a branch) were before
    """
    who = it.hub.user(sender) if sender else pull.user
    payload = {
        "action": action,
        "number": pull.number,
        "pull_request": pulls.full_pull(pull),
        **_around(it, who),
    }
    if label:
        payload["label"] = issues.label(it, it.label(label))
    if action == "synchronize":
        payload |= {"before": before, "after": pull.head_sha}
    if action == "edited":
        payload["changes"] = {name: _change(it, name, before) for name, before in changes.items()}
    return payload


def _change(it: Repository, name: str, before: str) -> Json:
    if name != "base":
        return {"from": before}
    return {"ref": {"from": before}, "sha": {"from": it.git.branch(before) or ZERO}}


def push(it: Repository, ref: str, before: str, after: str, sender: str) -> Json:
    """A ref that moved, came (`before` is ZERO) or went (`after` is ZERO).

    Workflows are not told which files the commits touched, unlike webhooks:
    https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#push
    """
    who = it.hub.user(sender)
    created, deleted = before == ZERO, after == ZERO
    tip = None if deleted else it.git.commit(after)
    made = [] if deleted else it.git.commits(_range(it, ref, before, after))[-COMMITS_LIMIT:]
    url = f"{it.hub.server_url}/{it.full_name}"
    ends = f"{before[:12]}...{after[:12]}"
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": created,
        "deleted": deleted,
        "forced": not created and not deleted and not it.git.is_ancestor(before, after),
        "base_ref": None,
        "compare": f"{url}/commit/{after[:12]}" if created else f"{url}/compare/{ends}",
        "commits": [commits.pushed_commit(it, commit) for commit in made],
        "head_commit": commits.pushed_commit(it, tip) if tip else None,
        "pusher": {"name": who.login, "email": who.email},
        **_around(it, who),
    }


def _range(it: Repository, ref: str, before: str, after: str) -> str:
    """The commits a push brought; a new branch is told apart from the default branch."""
    if before != ZERO:
        return f"{before}..{after}"
    trunk = it.git.branch(it.default_branch)
    return after if trunk is None or ref == f"refs/heads/{it.default_branch}" else f"{trunk}..{after}"


def workflow_dispatch(it: Repository, workflow: str, ref: str, inputs: Mapping[str, str], sender: str) -> Json:
    """Somebody pressed "Run workflow". All inputs arrive as text, whatever the workflow says they are."""
    who = it.hub.user(sender)
    return {"inputs": dict(inputs) or None, "ref": ref, "workflow": workflow, **_around(it, who)}


def merge_group(it: Repository, group: MergeGroup) -> Json:
    """The queue asks for checks on an entry. Which pull request it is, only the ref's name tells."""
    shape = {
        "head_sha": group.head_sha,
        "head_ref": group.head_ref,
        "base_sha": group.base_sha,
        "base_ref": group.base_ref,
        "head_commit": commits.simple_commit(it.git.commit(group.head_sha)),
    }
    return {"action": "checks_requested", "merge_group": shape, **_around(it, group.by)}


def workflow_run(it: Repository, workflow: str, pull: Pull, event: str, sender: str) -> Json:
    """A workflow ran to its end on a pull request. From a fork, `pull_requests` is empty."""
    who, now = it.hub.user(sender), it.hub.now()
    made = WorkflowRun(it.hub.next_id(), event, who, pull.head_sha, pull.head_ref, workflow, now)
    mine = [] if pull.head is not it else [pulls.minimal_pull(pull)]
    run = {**runs.run(it, made), "status": "completed", "conclusion": "success", "pull_requests": mine}
    return {"action": "completed", "workflow_run": run, "workflow": runs.workflow(it, workflow), **_around(it, who)}


def schedule(it: Repository, cron: str, workflow: str) -> Json:
    """A timer, which nobody caused.

    https://github.blog/changelog/2022-09-27-github-actions-additional-information-available-in-github-event-payload-for-scheduled-workflow-runs/
    """
    return {"schedule": cron, "workflow": workflow, **_place(it)}


def repository_dispatch(it: Repository, event_type: str, client_payload: Json | None, sender: User) -> Json:
    """What `POST /repos/{owner}/{repo}/dispatches` starts: the action is the type that was sent."""
    return {
        "action": event_type,
        "branch": it.default_branch,
        "client_payload": client_payload,
        **_around(it, sender),
        "installation": {"id": it.id, "node_id": node_id("Installation", it.id)},
    }
