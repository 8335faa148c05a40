"""Webhook payloads, as a workflow finds them at GITHUB_EVENT_PATH.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.fake_github.accounts import User
from tests.fake_github.bare import ZERO
from tests.fake_github.records import Comment, Dispatch, WorkflowRun
from tests.fake_github.serializers import commits, issues, pulls, repositories, runs
from tests.fake_github.serializers.templates import Json, user
from tests.fake_github.state import MergeGroup, Pull, RepositoryState

COMMITS_LIMIT = 2048  # https://docs.github.com/webhooks/webhook-events-and-payloads#push


def _place(repo: RepositoryState) -> Json:
    """Return where an event happened: the repository, and the organisation that owns it."""
    place = {"repository": repositories.repository(repo)}
    if repo.owner.type == "Organization":
        place["organization"] = repositories.organization(repo)
    return place


def _around(repo: RepositoryState, sender: User) -> Json:
    """Return what every payload carries that somebody caused."""
    return {**_place(repo), "sender": user(repo.hub, sender)}


def issue_comment(repo: RepositoryState, comment: Comment, action: str, sender: User) -> Json:
    payload = {
        "action": action,
        "issue": issues.issue(repo, repo.issues[comment.number]),
        "comment": issues.comment(repo, comment),
        **_around(repo, sender),
    }
    if action == "edited":
        payload["changes"] = {"body": {"from": comment.previous_body}}
    return payload


def pull_request(pull: Pull, action: str, sender: User, *, label: str, before: str, changes: Mapping[str, str]) -> Json:
    """Build the payload of `pull_request` and of `pull_request_target`, which are the same.

    label    the one put on or taken off
    before   the head a `synchronize` moved from
    changes  of an `edited`: what title, body or base (a branch) were before
    """
    repo = pull.base
    payload = {
        "action": action,
        "number": pull.number,
        "pull_request": pulls.full_pull(pull),
        **_around(repo, sender),
    }
    if label:
        payload["label"] = issues.label(repo, repo.label(label))
    if action == "synchronize":
        payload |= {"before": before, "after": pull.head_sha}
    if action == "edited":
        payload["changes"] = {name: _change(repo, name, value) for name, value in changes.items()}
    return payload


def _change(repo: RepositoryState, name: str, before: str) -> Json:
    if name != "base":
        return {"from": before}
    return {"ref": {"from": before}, "sha": {"from": repo.git.branch(before) or ZERO}}


def push(repo: RepositoryState, ref: str, before: str, after: str, sender: User) -> Json:
    """Build the payload of a ref that moved, came (`before` is ZERO) or went (`after` is ZERO).

    Workflows are not told which files the commits touched, unlike webhooks:
    https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#push
    """
    created, deleted = before == ZERO, after == ZERO
    brought = [] if deleted else repo.git.commits(_range(repo, ref, before, after))[-COMMITS_LIMIT:]
    tip = None if deleted else commits.pushed_commit(repo, repo.git.commit(after))
    page = f"commit/{after[:12]}" if created else f"compare/{before[:12]}...{after[:12]}"
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": created,
        "deleted": deleted,
        "forced": not created and not deleted and not repo.git.is_ancestor(before, after),
        "base_ref": None,
        "compare": f"{repo.hub.server_url}/{repo.full_name}/{page}",
        "commits": [commits.pushed_commit(repo, commit) for commit in brought],
        "head_commit": tip,
        "pusher": {"name": sender.login, "email": sender.email},
        **_around(repo, sender),
    }


def _range(repo: RepositoryState, ref: str, before: str, after: str) -> str:
    """Return the commits a push brought; a new branch is told apart from the default branch."""
    if before != ZERO:
        return f"{before}..{after}"
    trunk = repo.git.branch(repo.default_branch)
    return after if trunk is None or ref == f"refs/heads/{repo.default_branch}" else f"{trunk}..{after}"


def workflow_dispatch(repo: RepositoryState, workflow: str, ref: str, inputs: Mapping[str, str], sender: User) -> Json:
    """Build the payload of "Run workflow". All inputs arrive as text, whatever the workflow says they are."""
    return {"inputs": dict(inputs) or None, "ref": ref, "workflow": workflow, **_around(repo, sender)}


def merge_group(repo: RepositoryState, group: MergeGroup) -> Json:
    """Build the queue's request for checks on an entry. Which pull request it is, only the ref's name tells."""
    entry = {name: getattr(group, name) for name in ("head_sha", "head_ref", "base_sha", "base_ref")}
    entry["head_commit"] = commits.webhook_commit(repo, repo.git.commit(group.head_sha))
    return {"action": "checks_requested", "merge_group": entry, **_around(repo, group.by)}


def workflow_run(pull: Pull, workflow: str, event: str, sender: User) -> Json:
    """Build the payload after a workflow ran to its end on a pull request. From a fork, `pull_requests` is empty."""
    repo = pull.base
    run = WorkflowRun(repo.hub.next_id(), event, sender, pull.head_sha, pull.head_ref, workflow, repo.hub.now())
    document = {**runs.workflow_run(repo, run), "status": "completed", "conclusion": "success"}
    document["pull_requests"] = [pulls.pull_of_run(pull)] if pull.head is repo else []
    return {
        "action": "completed",
        "workflow_run": document,
        "workflow": runs.workflow(repo, workflow),
        **_around(repo, sender),
    }


def schedule(repo: RepositoryState, cron: str, workflow: str) -> Json:
    """Build the payload of a timer, which nobody caused.

    https://github.blog/changelog/2022-09-27-github-actions-additional-information-available-in-github-event-payload-for-scheduled-workflow-runs/
    """
    return {"schedule": cron, "workflow": workflow, **_place(repo)}


def repository_dispatch(repo: RepositoryState, sent: Dispatch) -> Json:
    """Build what `POST /repos/{owner}/{repo}/dispatches` starts: the action is the type that was sent."""
    return {
        "action": sent.event_type,
        "branch": repo.default_branch,
        "client_payload": sent.client_payload,
        **_around(repo, sent.sender),
        "installation": {"id": repo.id, "node_id": f"MDIz{repo.id}"},
    }
