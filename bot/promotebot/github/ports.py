"""What the bot asks of GitHub, in its own words; `client` answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from promotebot.github.checks import Conclusion
from promotebot.promotion.policy import Permission


@dataclass(frozen=True)
class PullRequest:
    """A pull request as the API shows it now."""

    number: int
    title: str
    state: str
    merged: bool
    merged_at: datetime | None
    merge_commit_sha: str | None
    draft: bool
    author: str
    head_sha: str
    head_ref: str
    base_ref: str
    is_fork: bool


@dataclass(frozen=True)
class IssueComment:
    """A comment as the API shows it now."""

    id: int
    pull: int
    body: str
    author: str
    created_at: datetime
    updated_at: datetime
    html_url: str


@dataclass(frozen=True)
class WorkflowRun:
    """Who started a run, and by which event."""

    actor: str
    event: str


@dataclass(frozen=True)
class Labeling:
    """Somebody put a label on."""

    name: str
    actor: str


@dataclass(frozen=True)
class Issue:
    """An issue of the bot's own."""

    number: int
    body: str
    html_url: str


class GitHub(Protocol):
    """The operations the bot needs. Every one raises CouldNotVerify when GitHub does not answer."""

    def permission(self, login: str) -> Permission: ...

    def pull(self, number: int) -> PullRequest: ...

    def open_pulls(self, base_ref: str) -> Sequence[int]: ...

    def pulls_from(self, head_ref: str) -> Sequence[int]: ...

    def create_pull(self, *, head_ref: str, base_ref: str, title: str, body: str) -> int: ...

    def approvals(self, number: int, head_sha: str) -> Sequence[str]: ...

    def last_pusher(self, branch: str, head_sha: str) -> str | None: ...

    def comment(self, comment_id: int) -> IssueComment: ...

    def default_branch(self) -> str: ...

    def run(self, run_id: int) -> WorkflowRun: ...

    def labels(self, pull: int) -> Sequence[str]: ...

    def labelings(self, pull: int) -> Sequence[Labeling]: ...

    def add_label(self, pull: int, name: str) -> None: ...

    def remove_label(self, pull: int, name: str) -> None: ...

    def react(self, comment_id: int, content: str) -> None: ...

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None: ...

    def upsert_comment(
        self, pull: int, marker: str, body: str, *, author_login: str, settled: tuple[str, str] | None = None
    ) -> str: ...

    def publish_check(
        self, head_sha: str, *, name: str, conclusion: Conclusion, title: str, summary: str, text: str
    ) -> None: ...

    def deploy(
        self, *, sha: str, environment: str, task: str, description: str, payload: Mapping[str, Any], state: str
    ) -> None: ...

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None: ...

    def find_issue(self, marker: str, *, author_login: str) -> Issue | None: ...

    def create_issue(self, title: str, body: str) -> Issue: ...

    def update_issue(self, number: int, *, body: str, comment: str = "", close: bool = False) -> None: ...

    def close(self) -> None: ...
