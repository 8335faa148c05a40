"""One repository of the embedded GitHub: its people, conversations and branches, as tests use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fake_github import events, merging, pulls
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
from tests.fake_github.activity import ActivityLog
from tests.fake_github.bare import ZERO, BareRepository
from tests.fake_github.merge_queue import MergeQueue
from tests.fake_github.records import (
    CheckRun,
    Comment,
    Deployment,
    Dispatch,
    Issue,
    Label,
    LabelEvent,
    Protection,
    Pull,
    Review,
    Status,
    WorkflowRun,
)
from tests.fake_github.refusals import not_found

if TYPE_CHECKING:
    from tests.fake_github.hub import Hub, RequestRecord


class Repository:
    """A repository with its bare git directory at `git_dir`. Every public method holds the hub's lock."""

    def __init__(self, hub: Hub, owner: User, name: str, git_dir: Path, default_branch: str, private: bool) -> None:
        self.hub = hub
        self.id = hub.next_id()
        self.owner = owner
        self.name = name
        self.git = BareRepository.create(git_dir, default_branch)
        self.default_branch = default_branch
        self.private = private
        self.parent: Repository | None = None
        self.created_at = self.pushed_at = hub.now()
        self.actions_may_open_pulls = True  # "Allow GitHub Actions to create and approve pull requests"
        self.default_workflow_permissions = "read"
        self.roles: dict[User, Role] = {owner: Role.ADMIN}
        self.labels: dict[str, Label] = {}
        self.issues: dict[int, Issue] = {}
        self.pulls: dict[int, Pull] = {}
        self.comments: dict[int, Comment] = {}
        self.check_runs: dict[int, CheckRun] = {}
        self.statuses: list[Status] = []
        self.deployments: dict[int, Deployment] = {}
        self.runs: dict[int, WorkflowRun] = {}
        self.dispatches: list[Dispatch] = []
        self.merge_queue = MergeQueue(self)
        self.activity = ActivityLog()
        self.protections: dict[str, Protection] = {}

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def git_dir(self) -> Path:
        return self.git.git_dir

    @property
    def clone_url(self) -> str:
        return f"{self.hub.server_url}/{self.full_name}.git"

    @property
    def requests(self) -> list[RequestRecord]:
        """The API requests received for this repository, oldest first."""
        mine = f"/repos/{self.full_name}".lower()
        return [made for made in self.hub.requests if f"{made.path.lower()}/".startswith(f"{mine}/")]

    # People

    def set_role(self, login: str, role: str) -> None:
        """Give a user a role: none, read, triage, write, maintain or admin."""
        with self.hub.lock:
            self.roles[self.hub.user(login)] = Role[role.upper()]

    def role_of(self, user: User) -> Role:
        """The role a user holds; everyone may read a public repository."""
        floor = Role.NONE if self.private else Role.READ
        return max(self.roles.get(user, Role.NONE), floor)

    def association_of(self, user: User) -> str:
        """`author_association`: how GitHub describes a commenter. Never a permission."""
        if user == self.owner:
            return "OWNER"
        if user in self.roles:
            return "COLLABORATOR"
        return "CONTRIBUTOR" if any(p.merged and p.user == user for p in self.pulls.values()) else "NONE"

    def issue_actions_token(self, permissions: Mapping[str, str]) -> str:
        """Mint a workflow's GITHUB_TOKEN with the permissions of its `permissions:` block."""
        return self.issue_app_token(permissions, app=ACTIONS_APP, bot=ACTIONS_BOT)

    def issue_app_token(
        self,
        permissions: Mapping[str, str],
        *,
        app: App | None = None,
        bot: User | None = None,
        slug: str = "promotebot",
    ) -> str:
        """Mint an installation token of a GitHub App, acting as `<slug>[bot]` on this repository."""
        with self.hub.lock:
            app = app or self.hub.app(slug)
            bot = bot or self.hub.add_user(f"{app.slug}[bot]", type="Bot")
            token = new_token("ghs")
            granted = parse_permissions(permissions)
            self.hub.credentials[token] = Credential(token, bot, app, self.id, granted)
            return token

    # Conversations

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
        with self.hub.lock:
            return pulls.open_pull(
                self,
                self.hub.user(author),
                head=head,
                base_ref=base or self.default_branch,
                title=title or head,
                body=body,
                draft=draft,
            )

    def open_issue(self, *, author: str, title: str, body: str | None = None) -> Issue:
        """Open a plain issue, which is not a pull request."""
        with self.hub.lock:
            return pulls.open_issue(self, self.hub.user(author), title, body)

    def pull(self, number: int) -> Pull:
        """The pull request with this number; 404 without one."""
        if number not in self.pulls:
            raise not_found()
        return self.pulls[number]

    def issue(self, number: int) -> Issue:
        """The issue or pull request with this number; 404 without one."""
        if number not in self.issues:
            raise not_found()
        return self.issues[number]

    def comment(self, number: int, *, author: str, body: str, app: App | None = None) -> Comment:
        """Comment on an issue or pull request."""
        with self.hub.lock:
            issue, now = self.issue(number), self.hub.now()
            comment = Comment(self.hub.next_id(), number, self.hub.user(author), body, now, now, app)
            self.comments[comment.id] = comment
            issue.updated_at = now
            return comment

    def edit_comment(self, comment_id: int, *, body: str) -> Comment:
        with self.hub.lock:
            comment = self.comments[comment_id]
            comment.previous_body, comment.body, comment.updated_at = comment.body, body, self.hub.now()
            return comment

    def comments_on(self, number: int) -> list[Comment]:
        return [comment for comment in self.comments.values() if comment.number == number]

    def label(self, name: str) -> Label:
        """The repository's label of that name, whatever the case; made when missing."""
        return self.labels.setdefault(name.lower(), Label(self.hub.next_id(), name))

    def add_label(self, number: int, name: str, *, by: str = "") -> None:
        """Put a label on, as somebody or as the issue's author."""
        with self.hub.lock:
            issue, label = self.issue(number), self.label(name)
            if label not in issue.labels:
                self.relabel(issue, [*issue.labels, label], self.hub.user(by) if by else issue.user)

    def remove_label(self, number: int, name: str, *, by: str = "") -> None:
        """Take a label off, as somebody or as the issue's author."""
        with self.hub.lock:
            issue = self.issue(number)
            kept = [label for label in issue.labels if label.name.lower() != name.lower()]
            self.relabel(issue, kept, self.hub.user(by) if by else issue.user)

    def relabel(self, issue: Issue, labels: list[Label], actor: User) -> None:
        """Give an issue these labels; every one that comes or goes is an event of it."""
        now = self.hub.now()
        moved = [("labeled", label) for label in labels if label not in issue.labels]
        moved += [("unlabeled", label) for label in issue.labels if label not in labels]
        issue.events += [LabelEvent(self.hub.next_id(), what, label, actor, now) for what, label in moved]
        issue.labels, issue.updated_at = labels, now

    def start_run(self, event: str, *, actor: str, path: str = ".github/workflows/promote.yml") -> WorkflowRun:
        """A workflow's run that somebody or something started, on the default branch."""
        with self.hub.lock:
            sha = self.git.branch(self.default_branch) or ZERO
            user, now = self.hub.user(actor), self.hub.now()
            run = WorkflowRun(self.hub.next_id(), event, user, sha, self.default_branch, path, now)
            self.runs[run.id] = run
            return run

    def review(self, number: int, *, by: str, state: str = "APPROVED", body: str = "") -> Review:
        """Record a review on the present head: APPROVED, CHANGES_REQUESTED or COMMENTED."""
        with self.hub.lock:
            pull = self.pull(number)
            reviewer, now = self.hub.user(by), self.hub.now()
            review = Review(self.hub.next_id(), reviewer, state, body, pull.head_sha, now)
            pull.reviews.append(review)
            return review

    def close(self, number: int, *, by: str) -> None:
        with self.hub.lock:
            pulls.close(self.pull(number), self.hub.user(by))

    def mark_ready(self, number: int) -> None:
        """End a draft, for which GitHub's REST API has no endpoint."""
        with self.hub.lock:
            self.pull(number).draft = False

    # Branches

    def protect(self, branch: str, *, required_checks: Sequence[str] = (), required_reviews: int = 0) -> None:
        """Protect a branch: changes come through pull requests that satisfy this, for administrators too."""
        with self.hub.lock:
            self.protections[branch] = Protection(branch, tuple(required_checks), required_reviews)

    def merge(self, number: int, *, by: str, method: str = "merge", sha: str | None = None) -> str:
        """Merge a pull request by merge, squash or rebase, and return the base's new tip. Raises Refused."""
        with self.hub.lock:
            return merging.merge(self.pull(number), self.hub.user(by), method=method, sha=sha)

    def refresh(self, by: User) -> None:
        """Bring pull requests up to date after refs of this repository changed."""
        with self.hub.lock:
            self.pushed_at = self.hub.now()
            pulls.refresh(self, by)

    def find_in_network(self, owner: str) -> Repository | None:
        """This repository or the fork of it that `owner` has."""
        root = self.parent or self
        for other in self.hub.repositories.values():
            if other.owner.login.lower() == owner.lower() and root in (other, other.parent):
                return other
        return None

    # Webhook payloads

    def issue_comment_event(self, comment_id: int, *, action: str = "created", sender: str = "") -> dict[str, Any]:
        """The `issue_comment` payload a workflow would find at GITHUB_EVENT_PATH."""
        with self.hub.lock:
            return events.issue_comment(self, self.comments[comment_id], action, sender)

    def pull_request_event(
        self,
        number: int,
        *,
        action: str,
        sender: str = "",
        label: str = "",
        before: str = "",
        changes: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The `pull_request` or `pull_request_target` payload of an action; see `events.pull_request`."""
        with self.hub.lock:
            pull = self.pull(number)
            return events.pull_request(self, pull, action, sender, label=label, before=before, changes=changes or {})

    def push_event(self, branch: str, *, before: str, sender: str) -> dict[str, Any]:
        """The `push` payload of a branch that was at `before` (ZERO: nowhere) and is now where it is."""
        with self.hub.lock:
            return events.push(self, f"refs/heads/{branch}", before, self.git.branch(branch) or ZERO, sender)

    def merged_push_event(self, number: int) -> dict[str, Any]:
        """The `push` payload of the base that merging this pull request caused."""
        with self.hub.lock:
            pull = self.pull(number)
            if pull.merged_by is None or pull.merge_commit_sha is None:
                raise not_found()
            ref = f"refs/heads/{pull.base_ref}"
            return events.push(self, ref, pull.tested_base, pull.merge_commit_sha, pull.merged_by.login)

    def workflow_dispatch_event(
        self, workflow: str, *, sender: str, ref: str | None = None, inputs: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The `workflow_dispatch` payload; `workflow` is the file's path, `ref` a branch."""
        with self.hub.lock:
            full_ref = f"refs/heads/{ref or self.default_branch}"
            return events.workflow_dispatch(self, workflow, full_ref, inputs or {}, sender)

    def merge_group_event(self, number: int) -> dict[str, Any]:
        """The `merge_group` payload that asks for checks on a queued pull request."""
        with self.hub.lock:
            group = self.merge_queue.group(number)
            return events.merge_group(self, group)

    def workflow_run_event(self, workflow: str, number: int, *, event: str, sender: str) -> dict[str, Any]:
        """The `workflow_run` payload after a workflow ran to its end on a pull request, for an event by somebody."""
        with self.hub.lock:
            return events.workflow_run(self, workflow, self.pull(number), event, sender)

    def schedule_event(self, workflow: str, cron: str) -> dict[str, Any]:
        """The `schedule` payload of a workflow's timer."""
        with self.hub.lock:
            return events.schedule(self, cron, workflow)

    def repository_dispatch_event(self, sent: Dispatch) -> dict[str, Any]:
        """The `repository_dispatch` payload of one of `dispatches`."""
        with self.hub.lock:
            return events.repository_dispatch(self, sent.event_type, sent.client_payload, sent.sender)
