"""The records a repository keeps: issues, comments, reviews, checks, deployments, dispatches, activity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fake_github.accounts import App, User


@dataclass
class Label:
    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(frozen=True)
class Reaction:
    id: int
    user: User
    content: str
    created_at: datetime


@dataclass
class Comment:
    """A comment on an issue or pull request; `app` is the app whose token wrote it."""

    id: int
    number: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    app: App | None = None
    reactions: list[Reaction] = field(default_factory=list)
    previous_body: str = ""
    edited_at: datetime | None = None
    minimized_reason: str | None = None
    """Why it is shown folded, such as `outdated`; None while it is shown as others are."""


@dataclass(frozen=True)
class LabelEvent:
    """A label put on or taken off, as the issue remembers it; `event` is labeled or unlabeled."""

    id: int
    event: str
    label: Label
    actor: User
    created_at: datetime


@dataclass(frozen=True)
class WorkflowRun:
    """A run of a workflow: what started it, and who."""

    id: int
    event: str
    actor: User
    head_sha: str
    head_branch: str
    path: str
    created_at: datetime
    failed: bool | None = None
    """None while it runs."""
    waits: bool = False
    """For somebody to approve it: https://docs.github.com/actions/how-tos/manage-workflow-runs/approve-runs-from-forks"""


@dataclass
class Issue:
    """The conversation half of a pull request, or a plain issue."""

    id: int
    number: int
    user: User
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    closed_by: User | None = None
    state_reason: str | None = None
    locked: bool = False
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    events: list[LabelEvent] = field(default_factory=list)


@dataclass(frozen=True)
class Review:
    id: int
    user: User
    state: str
    body: str
    commit_id: str
    submitted_at: datetime
    remarks: tuple[tuple[int, str], ...] = ()
    """What it says on lines of code: id and body of each."""


@dataclass
class CheckRun:
    id: int
    app: App
    name: str
    head_sha: str
    status: str
    started_at: datetime
    conclusion: str | None = None
    completed_at: datetime | None = None
    details_url: str | None = None
    external_id: str = ""
    suite: int = 0
    """Which of an App's suites on the commit it is in: GitHub Actions has one for each run of a workflow."""
    output: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    id: int
    sha: str
    user: User
    state: str
    context: str
    description: str | None
    target_url: str | None
    created_at: datetime


@dataclass(frozen=True)
class DeploymentStatus:
    id: int
    creator: User
    app: App | None
    state: str
    environment: str
    created_at: datetime
    description: str = ""
    log_url: str = ""
    environment_url: str = ""


@dataclass
class Deployment:
    """A request to deploy a commit. `environment` follows the statuses, `original_environment` does not."""

    id: int
    creator: User
    app: App | None
    sha: str
    ref: str
    task: str
    payload: dict[str, Any] | str
    environment: str
    original_environment: str
    description: str
    transient: bool
    production: bool
    created_at: datetime
    updated_at: datetime
    statuses: list[DeploymentStatus] = field(default_factory=list)

    @property
    def state(self) -> str | None:
        """The newest status's state; None before the first."""
        return self.statuses[-1].state if self.statuses else None


@dataclass(frozen=True)
class Activity:
    """Something that happened to a branch: `kind` is GitHub's activity_type, `before` or `after` may be zeros."""

    id: int
    kind: str
    ref: str
    before: str
    after: str
    actor: User
    at: datetime


@dataclass(frozen=True)
class Dispatch:
    """A `repository_dispatch` as it was sent."""

    event_type: str
    client_payload: dict[str, Any] | None
    sender: User
    sent_at: datetime


@dataclass(frozen=True)
class Protection:
    """A branch's rule: no direct push, these checks and this many approvals before a merge.

    It is a ruleset's, or the older branch protection, which tells less of itself to those who are no administrators.
    """

    branch: str
    required_checks: tuple[tuple[str, str], ...] = ()
    """Each with its source, an App's slug; empty for any source."""
    required_reviews: int = 0
    signed_commits: bool = False
    linear_history: bool = False
    dismisses_approvals: bool = False
    code_owner_review: bool = False
    """Somebody who owns each changed file must approve, by the base's CODEOWNERS."""
    last_push_approval: bool = False
    """Somebody else than who pushed last must approve what was pushed."""
    merge_methods: tuple[str, ...] = ("merge", "squash", "rebase")
    is_classic: bool = False


@dataclass(frozen=True)
class RequestRecord:
    """One HTTP request as received; `login` is empty for the anonymous, `path` has no API root.

    A GraphQL request is a POST to `/graphql/NAME`, with its operation's name.
    """

    method: str
    path: str
    login: str
    status: int
    api_version: str = ""
    """The header X-GitHub-Api-Version; empty without one."""
    writes: bool = False
    """False for what changes nothing: a GET, or a GraphQL query."""
