"""Actions of people on the embedded GitHub: make repositories, open pull requests, comment, label, review, merge.

Tests call these methods, and those of `events` for the payload of what happened; each holds the hub's lock.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.fake_github import issues, merge_queue, merging, pulls
from tests.fake_github.accounts import (
    ACTIONS_APP,
    ACTIONS_BOT,
    App,
    Credential,
    Role,
    User,
    new_token,
    parse_permissions,
)
from tests.fake_github.bare import ZERO
from tests.fake_github.events import RepositoryEvents
from tests.fake_github.push_rules import install_update_hook
from tests.fake_github.records import CheckRun, Comment, Issue, Protection, Review, Status, WorkflowRun
from tests.fake_github.state import HubState, MergeGroup, Pull, locked

NAME = r"[A-Za-z0-9-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+"
DEFAULT_BRANCH_EVENTS = frozenset({"issue_comment", "workflow_run", "schedule"})
OLDEST_GIT = (2, 38)  # the first with `merge-tree --write-tree`


class Hub(HubState):
    """A GitHub where people make repositories."""

    def create_repository(self, full_name: str, *, default_branch: str = "main", private: bool = False) -> Repository:
        """Create an empty repository; an owner not known yet becomes an organisation."""
        if not re.fullmatch(NAME, full_name):
            raise ValueError(f"{full_name!r} names no repository. Next: use OWNER/NAME.")
        owner_login, _, name = full_name.partition("/")
        with self.lock:
            if full_name.lower() in self.repositories:
                raise ValueError(f"{full_name} exists already. Next: choose another name.")
            owner = self.users.get(owner_login.lower()) or self.add_user(owner_login, type="Organization")
            git_dir = self.root / owner.login / f"{name}.git"
            repo = Repository(self, owner, name, git_dir, default_branch, private)
            install_update_hook(git_dir)
            self.repositories[full_name.lower()] = repo
            return repo

    def repository(self, full_name: str) -> Repository:
        """Return the repository of that name, in any case. Raises HttpError 404."""
        repo = super().repository(full_name)
        assert isinstance(repo, Repository)
        return repo

    def fork(self, full_name: str, owner: str) -> Repository:
        """Fork a repository to a user, with all branches as they are now."""
        with self.lock:
            parent, user = self.repository(full_name), self.add_user(owner)
            name, branch = f"{user.login}/{parent.name}", parent.default_branch
            fork = self.create_repository(name, default_branch=branch, private=parent.private)
            fork.parent = parent
            fork.git.fetch_from(parent.git, "+refs/heads/*:refs/heads/*")
            return fork


def require_git() -> None:
    """Refuse a git too old to merge without a checkout."""
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = version.split()[2].split(".")[:2]
    if (int(major), int(minor)) < OLDEST_GIT:
        raise RuntimeError(f"{version.strip()} is too old. Next: install git 2.38 or newer.")


class Repository(RepositoryEvents):
    """A repository that people work in."""

    @property
    def merge_queue(self) -> MergeQueue:
        return MergeQueue(self)

    # Roles and tokens

    @locked
    def set_role(self, login: str, role: str) -> None:
        """Give a user a role: none, read, triage, write, maintain or admin."""
        self.roles[self.hub.user(login)] = Role[role.upper()]

    def issue_actions_token(self, permissions: Mapping[str, str]) -> str:
        """Mint a workflow's GITHUB_TOKEN with the permissions of its `permissions:` block."""
        return self._issue_token(permissions, ACTIONS_APP, ACTIONS_BOT)

    @locked
    def issue_app_token(self, permissions: Mapping[str, str], *, slug: str = "promotebot") -> str:
        """Mint an installation token of a GitHub App, acting as `<slug>[bot]` on this repository."""
        return self._issue_token(permissions, self.hub.app(slug), self.hub.add_user(f"{slug}[bot]", type="Bot"))

    @locked
    def _issue_token(self, permissions: Mapping[str, str], app: App, bot: User) -> str:
        token = new_token("ghs")
        self.hub.credentials[token] = Credential(token, bot, app, self.id, parse_permissions(permissions))
        return token

    # Conversations

    @locked
    def open_pull(
        self,
        *,
        author: str,
        head: str,
        base: str | None = None,
        title: str | None = None,
        body: str | None = None,
        draft: bool = False,
    ) -> Pull:
        """Open a pull request; `head` is BRANCH or OWNER:BRANCH of a fork."""
        user, base_ref = self.hub.user(author), base or self.default_branch
        return pulls.open_pull(self, user, head=head, base_ref=base_ref, title=title or head, body=body, draft=draft)

    @locked
    def open_issue(self, *, author: str, title: str, body: str | None = None) -> Issue:
        """Open a plain issue, which is not a pull request."""
        return issues.open_issue(self, self.hub.user(author), title, body)

    @locked
    def close_issue(self, number: int, *, by: str) -> None:
        """Close a plain issue."""
        issues.close_issue(self, self.issue(number), self.hub.user(by))

    @locked
    def comment(self, number: int, *, author: str, body: str) -> Comment:
        """Comment on an issue or pull request."""
        return issues.add_comment(self, self.issue(number), self.hub.user(author), body)

    @locked
    def edit_comment(self, comment_id: int, *, body: str) -> Comment:
        issues.edit_comment(self, self.comments[comment_id], body)
        return self.comments[comment_id]

    @locked
    def add_label(self, number: int, name: str, *, by: str = "") -> None:
        """Put a label on, as somebody or as the issue's author."""
        issue, label = self.issue(number), self.label(name)
        if label not in issue.labels:
            issues.set_labels(self, issue, [*issue.labels, label], self.hub.user(by or issue.user.login))

    @locked
    def remove_label(self, number: int, name: str, *, by: str = "") -> None:
        """Take a label off, as somebody or as the issue's author."""
        issue = self.issue(number)
        kept = [label for label in issue.labels if label.name.lower() != name.lower()]
        issues.set_labels(self, issue, kept, self.hub.user(by or issue.user.login))

    @locked
    def start_run(self, event: str, *, actor: str, path: str = ".github/workflows/promote.yml") -> WorkflowRun:
        """Record a workflow's run that somebody or something started, on the default branch."""
        sha, user = self.git.branch(self.default_branch) or ZERO, self.hub.user(actor)
        run = WorkflowRun(self.hub.next_id(), event, user, sha, self.default_branch, path, self.hub.now())
        self.runs[run.id] = run
        return run

    @locked
    def finish_run(self, event: str, *, failed: bool) -> None:
        """Record how a run ended. Those of `DEFAULT_BRANCH_EVENTS` stand on the default branch's last commit.

        https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows
        """
        if event in DEFAULT_BRANCH_EVENTS:
            run = self.start_run(event, actor=ACTIONS_BOT.login)
            self.runs[run.id] = replace(run, failed=failed)

    def shown_as_failed(self, branch: str) -> bool:
        """Tell whether people see a red cross beside a branch's last commit."""
        tip = self.git.branch(branch)
        return any(run.failed for run in self.runs.values() if run.head_sha == tip)

    # Pull requests and branches

    @locked
    def review(
        self, number: int, *, by: str, state: str = "APPROVED", body: str = "", on_code: Sequence[str] = ()
    ) -> Review:
        """Record a review on the present head: APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED.

        `on_code` is what it says on lines of code.
        """
        pull, reviewer = self.pull(number), self.hub.user(by)
        remarks = tuple((self.hub.next_id(), one) for one in on_code)
        review = Review(self.hub.next_id(), reviewer, state, body, pull.head_sha, self.hub.now(), remarks)
        pull.reviews.append(review)
        return review

    @locked
    def post_status(self, sha: str, context: str, state: str, *, by: str, description: str | None = None) -> None:
        """Put a status on a commit, as any writer may."""
        user = self.hub.user(by)
        self.statuses.append(Status(self.hub.next_id(), sha, user, state, context, description, None, self.hub.now()))

    @locked
    def report_check(
        self, sha: str, name: str, conclusion: str | None = "success", *, app: str = ACTIONS_APP.slug, suite: int = 0
    ) -> None:
        """An App reports a check run, or a workflow's job does; without a conclusion it still runs."""
        reporter, now = ACTIONS_APP if app == ACTIONS_APP.slug else self.hub.app(app), self.hub.now()
        status = "completed" if conclusion else "in_progress"
        ended = now if conclusion else None
        run = CheckRun(self.hub.next_id(), reporter, name, sha, status, now, conclusion, ended, suite=suite)
        self.check_runs[run.id] = run

    @locked
    def close(self, number: int, *, by: str) -> None:
        """Close a pull request without merging it."""
        pulls.close(self.pull(number), self.hub.user(by))

    @locked
    def mark_ready(self, number: int) -> None:
        """End a draft, for which GitHub's REST API has no endpoint."""
        self.pull(number).draft = False

    @locked
    def change_base(self, number: int, base: str) -> None:
        """Somebody edits a pull request so that it goes into another branch."""
        pull = self.pull(number)
        pull.base_ref, pull.base_changes = base, pull.base_changes + 1

    @locked
    def protect(self, branch: str, *, required_checks: Sequence[str] = (), source: str = "", **rules: Any) -> None:
        """Protect a branch: changes come through pull requests that satisfy this, for administrators too.

        Args:
            source: the App that the checks must come from; without one anybody may report them.
            rules: other fields of `Protection`.
        """
        checks = tuple((name, source) for name in required_checks)
        self.protections[branch] = Protection(branch, checks, **rules)

    @locked
    def sign(self, *revisions: str) -> None:
        """Count commits as signed by those who made them: git's revisions, such as `main..change`."""
        self.verified |= {commit.sha for commit in self.git.commits(*revisions)}

    @locked
    def merge(self, number: int, *, by: str, method: str = "merge", sha: str | None = None, message: str = "") -> str:
        """Merge a pull request by merge, squash or rebase, and return the base's new tip. Raises HttpError."""
        return merging.merge(self.pull(number), self.hub.user(by), method=method, sha=sha, message=message)

    def refresh(self, by: User) -> None:
        """Bring pull requests up to date after refs of this repository changed."""
        pulls.refresh(self, by)


class MergeQueue:
    """The merge queue of a repository, as people use it."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.hub = repo.hub

    @locked
    def add(self, number: int, *, by: str, method: str = "merge") -> MergeGroup:
        return merge_queue.add(self.repo.pull(number), self.hub.user(by), method)

    @locked
    def land(self, number: int) -> str:
        return merge_queue.land(self.repo, number)

    @locked
    def remove(self, number: int) -> None:
        merge_queue.remove(self.repo, number)
