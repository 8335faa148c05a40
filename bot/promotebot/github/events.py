"""What starts a job, as typed values; `payloads` reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

BRANCH = "refs/heads/"
QUEUE_BRANCH = re.compile(r"gh-readonly-queue/(.+)/pr-(\d{1,18})-([0-9a-f]{40})", re.ASCII)
"""A merge queue's branch, with the base and the number of the pull request that it ends with."""


@dataclass(frozen=True)
class CommentCreated:
    """Somebody wrote a comment on an issue or a pull request (`issue_comment`, action created)."""

    pull: int
    is_pull: bool
    comment_id: int
    body: str
    author: str
    author_type: str
    via_app: bool
    node_id: str = ""
    """The comment's global id, which GraphQL knows it by; empty where it is not told."""


@dataclass(frozen=True)
class CommentChanged:
    """Somebody edited or deleted a comment on a pull request (`issue_comment`, actions edited and deleted)."""

    pull: int
    author: str
    """Who wrote the comment."""
    sender: str
    """Who changed it."""
    comment_id: int = 0
    body: str = ""
    """What it says now; empty where it was deleted, and where an account edited it that is no person's."""


@dataclass(frozen=True)
class LabelChanged:
    """Somebody put a label on a pull request, or took it off (`pull_request_target`)."""

    pull: int
    label: str
    added: bool
    sender: str
    sender_type: str


@dataclass(frozen=True)
class PullClosed:
    """A pull request was closed or merged (`pull_request_target`, action closed)."""

    pull: int
    merged: bool
    head_sha: str = ""
    """The head that was merged or closed, as the event tells it; empty where it does not."""


@dataclass(frozen=True)
class ToldPull:
    """A pull request as an event tells it: the API may show it as it was before that, for some seconds."""

    head_sha: str
    base_ref: str
    draft: bool


@dataclass(frozen=True)
class PullChanged:
    """A pull request came, moved, or was edited: what the gate judges."""

    pull: int
    action: str
    is_retargeted: bool = False
    """True when it goes into another base than before."""
    told: ToldPull | None = None
    before: str = ""
    """The head that a push replaced; empty where nothing was pushed."""

    @property
    def pulls(self) -> tuple[int, ...]:
        """The pull request as `Reviewed` has them, so that the gate judges both in one way."""
        return (self.pull,)


@dataclass(frozen=True)
class Reviewed:
    """Somebody reviewed pull requests: the workflow that notices it has ended (`workflow_run`)."""

    pulls: tuple[int, ...]
    is_retargeted: bool = False
    """Never: as `PullChanged` has it."""


@dataclass(frozen=True)
class CheckReported:
    """An App's checks on a commit ended, or somebody posted a status on it (`check_suite`, `status`)."""

    pulls: tuple[int, ...]
    """Where the event tells them."""
    sha: str
    by: str
    """The App's login, or who posted the status."""
    context: str = ""
    """The status's."""


@dataclass(frozen=True)
class Queued:
    """The merge queue asks for checks on a commit it built (`merge_group`, or the end of a run on that)."""

    head_sha: str
    head_ref: str
    base_sha: str
    """What it was built on; empty for the base branch as it is now."""
    base_ref: str


@dataclass(frozen=True)
class Pushed:
    """A branch moved (`push`)."""

    branch: str
    before: str
    after: str


@dataclass(frozen=True)
class Dispatched:
    """Somebody started a workflow by hand (`workflow_dispatch`): with one command line, or for the gate."""

    command: str
    ref: str
    sender: str
    pull_request: str = ""
    """For the gate: a number, or `all`, as it was typed."""


@dataclass(frozen=True)
class Scheduled:
    """The timer (`schedule`)."""

    is_frequent: bool = False
    """True for a timer that does not name the hours of the day: it runs every hour, or more often."""


@dataclass(frozen=True)
class Ignored:
    """An event that asks nothing of promotebot."""

    reason: str


Event = (
    CommentCreated
    | CommentChanged
    | LabelChanged
    | PullClosed
    | PullChanged
    | Reviewed
    | CheckReported
    | Queued
    | Pushed
    | Dispatched
    | Scheduled
    | Ignored
)
