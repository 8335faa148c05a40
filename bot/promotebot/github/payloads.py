"""GitHub's webhook payloads, parsed once into the events of `events`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promotebot.environment import MAX_EVENT_BYTES
from promotebot.errors import InvalidInput
from promotebot.github.event_names import GATE_ACTIONS, LABEL_ACTIONS
from promotebot.github.events import (
    BRANCH,
    QUEUE_BRANCH,
    CheckReported,
    CommentChanged,
    CommentCreated,
    Dispatched,
    Event,
    Ignored,
    LabelChanged,
    PullChanged,
    PullClosed,
    Pushed,
    Queued,
    Reviewed,
    Scheduled,
    ToldPull,
)
from promotebot.registry.codec import parse_json
from promotebot.registry.names import is_git_sha


class _Part(BaseModel):
    """A part of a payload: only what is read of it, as strictly typed as GitHub documents it; more is passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _User(_Part):
    """An account. Where a payload may hold one it may also hold null: the account was deleted."""

    login: str = Field(min_length=1)
    type: str = ""


class _Issue(_Part):
    number: int
    pull_request: dict[str, Any] | None = None


class _Comment(_Part):
    id: int
    node_id: str = ""
    body: str | None
    user: _User | None
    performed_via_github_app: dict[str, Any] | None = None


class _IssueComment(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment"""

    action: str
    issue: _Issue
    comment: _Comment
    sender: _User | None = None


class _Label(_Part):
    name: str


class _End(_Part):
    ref: str
    sha: str


class _Pull(_Part):
    number: int
    merged: bool | None = None
    draft: bool = False
    head: _End | None = None
    base: _End | None = None

    @property
    def told(self) -> ToldPull | None:
        return ToldPull(self.head.sha, self.base.ref, self.draft) if self.head and self.base else None


class _Changes(_Part):
    base: object = None
    """What its base was before; None where it is the same."""


class _PullRequest(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request"""

    action: str
    pull_request: _Pull
    before: str = ""
    sender: _User | None = None
    label: _Label | None = None
    changes: _Changes | None = None


class _Group(_Part):
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str


class _MergeGroup(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#merge_group"""

    action: str
    merge_group: _Group


class _RunPull(_Part):
    number: int


class _Run(_Part):
    event: str
    pull_requests: list[_RunPull | None] | None
    head_branch: str | None = None
    head_sha: str = ""


class _WorkflowRun(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run"""

    action: str
    workflow_run: _Run


class _App(_Part):
    slug: str


class _Suite(_Part):
    head_sha: str
    app: _App | None = None
    pull_requests: list[_RunPull | None] | None = None


class _CheckSuite(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite"""

    action: str
    check_suite: _Suite


class _Status(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#status"""

    sha: str
    context: str
    state: str
    sender: _User | None = None


class _Push(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#push"""

    ref: str
    before: str
    after: str
    deleted: bool = False


class _WorkflowDispatch(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_dispatch"""

    ref: str
    sender: _User | None = None
    inputs: dict[str, Any] | None = None


class _Schedule(_Part):
    """https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule"""

    schedule: str = ""


def _comment_event(payload: _IssueComment) -> Event:
    user, sender = payload.comment.user, payload.sender
    if user is None:
        return Ignored("a comment is by an account that was deleted")
    if payload.action in ("edited", "deleted") and payload.issue.pull_request is not None and sender is not None:
        is_word = payload.action == "edited" and user.type == sender.type == "User"
        body = (payload.comment.body or "") if is_word else ""
        return CommentChanged(payload.issue.number, user.login, sender.login, payload.comment.id, body)
    if payload.action != "created":
        return Ignored(f"a comment was {payload.action}; only new comments are commands")
    return CommentCreated(
        pull=payload.issue.number,
        is_pull=payload.issue.pull_request is not None,
        comment_id=payload.comment.id,
        node_id=payload.comment.node_id,
        body=payload.comment.body or "",
        author=user.login,
        author_type=user.type,
        via_app=payload.comment.performed_via_github_app is not None,
    )


def _pull_event(payload: _PullRequest) -> Event:
    number, action, label, sender = payload.pull_request.number, payload.action, payload.label, payload.sender
    if action in LABEL_ACTIONS and label is not None and sender is not None:
        return LabelChanged(number, label.name, action == "labeled", sender.login, sender.type)
    if action == "closed":
        told = payload.pull_request.told
        return PullClosed(number, bool(payload.pull_request.merged), told.head_sha if told else "")
    if action in GATE_ACTIONS:
        is_retargeted = payload.changes is not None and bool(payload.changes.base)
        before = payload.before if is_git_sha(payload.before) and payload.before.strip("0") else ""
        return PullChanged(number, action, is_retargeted, payload.pull_request.told, before)
    return Ignored(f"a pull request was {action}")


_COMMANDS = ("issue_comment", "pull_request_target", "workflow_dispatch", "push")
"""What starts the workflow that moves branches."""
_CHECKING = ("pull_request", "push")
"""What starts a team's own workflows; their runs name the pull requests that have the commit as their head."""
_REVIEWS = ("pull_request_review", "pull_request_review_comment")


def _group_event(payload: _MergeGroup) -> Event:
    if payload.action != "checks_requested":
        return Ignored(f"a merge group was {payload.action}")
    group = payload.merge_group
    return Queued(group.head_sha, group.head_ref, group.base_sha, group.base_ref)


def _run_event(payload: _WorkflowRun) -> Event:
    """Take from a run only what GitHub says it was about: its workflow file may be the pull request's own."""
    run = payload.workflow_run
    queue = QUEUE_BRANCH.fullmatch(run.head_branch or "") if run.event == "merge_group" else None
    if payload.action == "completed" and queue:
        return Queued(run.head_sha, f"{BRANCH}{run.head_branch}", "", f"{BRANCH}{queue[1]}")
    pulls = _numbers(run.pull_requests)
    if payload.action == "completed" and run.event in _COMMANDS and not (run.event in _CHECKING and pulls):
        return Scheduled()  # a bot of another registry may have moved a branch, which starts no job: look for heads
    if payload.action != "completed" or run.event not in (*_REVIEWS, *_CHECKING) or not pulls:
        return Ignored(f"a run on {run.event} was {payload.action}")
    return Reviewed(pulls)


def _numbers(pulls: list[_RunPull | None] | None) -> tuple[int, ...]:
    return tuple(sorted({pull.number for pull in pulls or () if pull}))


def _suite_event(payload: _CheckSuite) -> Event:
    suite = payload.check_suite
    if payload.action != "completed" or suite.app is None:
        return Ignored(f"a check suite was {payload.action}")
    return CheckReported(_numbers(suite.pull_requests), suite.head_sha, f"{suite.app.slug}[bot]")


def _status_event(payload: _Status) -> Event:
    by = payload.sender.login if payload.sender else ""
    if payload.state == "pending":
        return Ignored("a status that is pending ends nothing")
    return CheckReported((), payload.sha, by, payload.context)


def _push_event(payload: _Push) -> Event:
    if payload.deleted or not payload.ref.startswith(BRANCH):
        return Ignored(f"{payload.ref} is not a branch that moved")
    return Pushed(payload.ref.removeprefix(BRANCH), payload.before, payload.after)


def _dispatch_event(payload: _WorkflowDispatch) -> Event:
    inputs = payload.inputs or {}
    if payload.sender is None:
        return Ignored("a job was started by an account that was deleted")
    command, number = (str(inputs.get(name) or "") for name in ("command", "pull-request"))
    return Dispatched(command, payload.ref, payload.sender.login, number)


_PayloadT = TypeVar("_PayloadT", bound=_Part)


def _reader(kind: type[_PayloadT], make: Callable[[_PayloadT], Event]) -> Callable[[Any], Event]:
    return lambda document: make(kind.model_validate(document))


_EVENTS: Mapping[str, Callable[[Any], Event]] = {
    "issue_comment": _reader(_IssueComment, _comment_event),
    "pull_request_target": _reader(_PullRequest, _pull_event),
    "workflow_run": _reader(_WorkflowRun, _run_event),
    "check_suite": _reader(_CheckSuite, _suite_event),
    "status": _reader(_Status, _status_event),
    "merge_group": _reader(_MergeGroup, _group_event),
    "push": _reader(_Push, _push_event),
    "workflow_dispatch": _reader(_WorkflowDispatch, _dispatch_event),
    "schedule": _reader(_Schedule, lambda payload: Scheduled(payload.schedule.split()[1:2] == ["*"])),
}


def parse_event(name: str, data: bytes) -> Event:
    """Return the event of a job from its name and its payload's bytes; `Ignored` for one that asks nothing of the bot.

    Raises:
        InvalidInput: naming the JSON path of what a payload of that name must have and this one has not.
    """
    read = _EVENTS.get(name)
    if read is None:
        return Ignored(f"promotebot does not act on {name}")
    document = parse_json(data, where="GITHUB_EVENT_PATH", max_bytes=MAX_EVENT_BYTES)
    try:
        return read(document)
    except ValidationError as problem:
        lines = [f"$.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in problem.errors()]
        raise InvalidInput(
            "; ".join(lines), where="GITHUB_EVENT_PATH", remedy=f"run it on the {name} event as GitHub sends it"
        ) from None
