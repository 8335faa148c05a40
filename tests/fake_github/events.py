"""Webhook payloads, as a workflow finds them at GITHUB_EVENT_PATH.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.fake_github import merge_queue
from tests.fake_github.accounts import User
from tests.fake_github.bare import ZERO
from tests.fake_github.records import Dispatch, WorkflowRun
from tests.fake_github.refusals import not_found
from tests.fake_github.serializers import commits, issues, pulls, repositories, runs
from tests.fake_github.serializers.templates import Json, fill, user
from tests.fake_github.state import RepositoryState, locked

COMMITS_LIMIT = 2048  # https://docs.github.com/webhooks/webhook-events-and-payloads#push


class RepositoryEvents(RepositoryState):
    """A repository that builds the payload of what happened in it."""

    @locked
    def issue_comment_event(self, comment_id: int, *, action: str = "created", sender: str = "") -> Json:
        comment = self.comments[comment_id]
        payload = {
            "action": action,
            "issue": issues.issue(self, self.issues[comment.number]),
            "comment": issues.comment(self, comment),
            **_around(self, self.hub.user(sender or comment.user.login)),
        }
        if action == "edited":
            payload["changes"] = {"body": {"from": comment.previous_body}}
        return payload

    @locked
    def pull_request_event(
        self,
        number: int,
        *,
        action: str,
        sender: str = "",
        label: str = "",
        before: str = "",
        changes: Mapping[str, str] | None = None,
    ) -> Json:
        """Build the payload of `pull_request` and of `pull_request_target`, which are the same.

        label    the one put on or taken off
        before   the head a `synchronize` moved from
        changes  of an `edited`: what title, body or base (a branch) were before
        """
        pull = self.pull(number)
        payload = {
            "action": action,
            "number": number,
            "pull_request": pulls.full_pull(pull, head_sha=pull.head_sha),
            **_around(self, self.hub.user(sender or pull.user.login)),
        }
        if label:
            payload["label"] = issues.label(self, self.label(label))
        if action == "synchronize":
            payload |= {"before": before, "after": pull.head_sha}
        if action == "edited":
            payload["changes"] = {name: _change(self, name, value) for name, value in (changes or {}).items()}
        return payload

    @locked
    def push_event(self, branch: str, *, before: str, sender: str) -> Json:
        """Build the `push` payload of a branch that was at `before` (ZERO: nowhere) and is now where it is."""
        return _push(self, branch, before, self.git.branch(branch) or ZERO, self.hub.user(sender))

    @locked
    def merged_push_event(self, number: int) -> Json:
        """Build the `push` payload of the base that merging this pull request caused."""
        pull = self.pull(number)
        if pull.merged_by is None or pull.merge_commit_sha is None:
            raise not_found()
        return _push(self, pull.base_ref, pull.tested_base, pull.merge_commit_sha, pull.merged_by)

    @locked
    def workflow_dispatch_event(
        self, workflow: str, *, sender: str, ref: str | None = None, inputs: Mapping[str, str] | None = None
    ) -> Json:
        """Build the payload of "Run workflow" on a branch; all inputs arrive as text. `workflow` is the file's path."""
        full_ref, sent = f"refs/heads/{ref or self.default_branch}", dict(inputs or {})
        return {"inputs": sent or None, "ref": full_ref, "workflow": workflow, **_around(self, self.hub.user(sender))}

    @locked
    def merge_group_event(self, number: int) -> Json:
        """Build the queue's request for checks on an entry. Which pull request it is, only the ref's name tells."""
        group = merge_queue.group_of(self, number)
        entry: Json = {name: getattr(group, name) for name in ("head_sha", "head_ref", "base_sha", "base_ref")}
        entry["head_commit"] = commits.webhook_commit(self, self.git.commit(group.head_sha))
        return {"action": "checks_requested", "merge_group": entry, **_around(self, group.by)}

    @locked
    def workflow_run_event(self, workflow: str, number: int, *, event: str, sender: str) -> Json:
        """Build the payload after a workflow ran to its end on a pull request, for an event by somebody.

        From a fork, `pull_requests` is empty.
        """
        pull, who = self.pull(number), self.hub.user(sender)
        run = WorkflowRun(self.hub.next_id(), event, who, pull.head_sha, pull.head_ref, workflow, self.hub.now())
        document = {**runs.workflow_run(self, run), "status": "completed", "conclusion": "success"}
        document["pull_requests"] = [fill("pull_of_run", self, pull=pull)] if pull.head is self else []
        described = runs.workflow(self, workflow)
        return {"action": "completed", "workflow_run": document, "workflow": described, **_around(self, who)}

    @locked
    def check_suite_event(self, number: int, *, app: str, conclusion: str = "success") -> Json:
        """Build the payload after all check runs of an App on a pull request's head have ended.

        Those of GitHub Actions start no workflow: https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#check_suite
        """
        pull, reporter, at = self.pull(number), self.hub.app(app), self.hub.now()
        named = [fill("pull_of_run", self, pull=pull)] if pull.head is self else []
        commit = commits.webhook_commit(self, self.git.commit(pull.head_sha))
        parts = {"pull_requests": named, "conclusion": conclusion, "head_commit": commit}
        suite = fill("check_suite", self, id=self.hub.next_id(), pull=pull, app=reporter, at=at, **parts)
        sender = self.hub.add_user(f"{app}[bot]", type="Bot")
        return {"action": "completed", "check_suite": suite, **_around(self, sender)}

    @locked
    def status_event(self) -> Json:
        """Build the payload of the status that was posted last; it tells of no pull request."""
        status = self.statuses[-1]
        commit = self.git.commit(status.sha)
        author = {"name": commit.author.name, "email": commit.author.email, "date": commit.author.when.isoformat()}
        branches = [
            {
                "name": name.removeprefix("refs/heads/"),
                "commit": {"sha": sha, "url": f"{self.hub.api_url}/{sha}"},
                "protected": False,
            }
            for name, sha in self.git.refs("refs/heads/").items()
            if sha == status.sha
        ]
        parts = {"author": author, "message": commit.message, "tree": commit.tree, "branches": branches}
        return {**fill("webhook_status", self, status=status, **parts), **_around(self, status.user)}

    @locked
    def queue_run_event(self, workflow: str, number: int) -> Json:
        """Build the payload after a workflow ran to its end on an entry of the merge queue, whose branch it has."""
        group = merge_queue.group_of(self, number)
        payload = self.workflow_run_event(workflow, number, event="merge_group", sender=group.by.login)
        queued = {"head_branch": group.head_ref.removeprefix("refs/heads/"), "head_sha": group.head_sha}
        return {**payload, "workflow_run": {**payload["workflow_run"], **queued, "pull_requests": []}}

    @locked
    def schedule_event(self, workflow: str, cron: str) -> Json:
        """Build the payload of a timer, which nobody caused.

        https://github.blog/changelog/2022-09-27-github-actions-additional-information-available-in-github-event-payload-for-scheduled-workflow-runs/
        """
        return {"schedule": cron, "workflow": workflow, **_place(self)}

    @locked
    def repository_dispatch_event(self, sent: Dispatch) -> Json:
        """Build what one of `dispatches` starts: the action is the type that was sent."""
        return {
            "action": sent.event_type,
            "branch": self.default_branch,
            "client_payload": sent.client_payload,
            **_around(self, sent.sender),
            "installation": {"id": self.id, "node_id": f"MDIz{self.id}"},
        }


def _place(repo: RepositoryState) -> Json:
    """Return where an event happened: the repository, and the organisation that owns it."""
    place = {"repository": repositories.repository(repo)}
    if repo.owner.type == "Organization":
        place["organization"] = repositories.organization(repo)
    return place


def _around(repo: RepositoryState, sender: User) -> Json:
    """Return what every payload carries that somebody caused."""
    return {**_place(repo), "sender": user(repo.hub, sender)}


def _change(repo: RepositoryState, name: str, before: str) -> Json:
    if name != "base":
        return {"from": before}
    return {"ref": {"from": before}, "sha": {"from": repo.git.branch(before) or ZERO}}


def _push(repo: RepositoryState, branch: str, before: str, after: str, sender: User) -> Json:
    """Build the payload of a branch that moved, came (`before` is ZERO) or went (`after` is ZERO).

    Workflows are not told which files the commits touched, unlike webhooks:
    https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#push
    """
    created, deleted = before == ZERO, after == ZERO
    brought = [] if deleted else repo.git.commits(_range(repo, branch, before, after))[-COMMITS_LIMIT:]
    page = f"commit/{after[:12]}" if created else f"compare/{before[:12]}...{after[:12]}"
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": created,
        "deleted": deleted,
        "forced": not created and not deleted and not repo.git.is_ancestor(before, after),
        "base_ref": None,
        "compare": f"{repo.hub.server_url}/{repo.full_name}/{page}",
        "commits": [commits.pushed_commit(repo, commit) for commit in brought],
        "head_commit": None if deleted else commits.pushed_commit(repo, repo.git.commit(after)),
        "pusher": {"name": sender.login, "email": sender.email},
        **_around(repo, sender),
    }


def _range(repo: RepositoryState, branch: str, before: str, after: str) -> str:
    """Return the commits a push brought; a new branch is told apart from the default branch."""
    if before != ZERO:
        return f"{before}..{after}"
    trunk = repo.git.branch(repo.default_branch)
    return after if trunk is None or branch == repo.default_branch else f"{trunk}..{after}"
