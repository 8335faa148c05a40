"""GitHub's webhook payloads, parsed once into typed events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import InvalidInput
from bot.registry.codec import parse_json

MAX_BYTES = 25 * 1024 * 1024


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


@dataclass(frozen=True)
class Ignored:
    """An event that asks nothing of promotebot."""

    reason: str


Event = CommentCreated | Ignored


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _User(_Part):
    login: str = Field(min_length=1)
    type: str


class _Issue(_Part):
    number: int
    pull_request: dict[str, Any] | None = None


class _Comment(_Part):
    id: int
    body: str | None
    user: _User
    performed_via_github_app: dict[str, Any] | None = None


class _IssueComment(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment"""

    action: str
    issue: _Issue
    comment: _Comment


def parse_event(name: str, data: bytes) -> Event:
    """The event of a job from its name and its payload's bytes.

    Raises:
        InvalidInput: naming the JSON path of what a payload of that name must have and this one has not.
    """
    if name != "issue_comment":
        return Ignored(f"promotebot does not act on {name}")
    document = parse_json(data, where="GITHUB_EVENT_PATH", max_bytes=MAX_BYTES)
    try:
        payload = _IssueComment.model_validate(document)
    except ValidationError as problem:
        lines = [f"$.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in problem.errors()]
        raise InvalidInput(
            "; ".join(lines), where="GITHUB_EVENT_PATH", remedy="run it on an issue_comment event"
        ) from None
    if payload.action != "created":
        return Ignored(f"a comment was {payload.action}; only new comments are commands")
    return CommentCreated(
        pull=payload.issue.number,
        is_pull=payload.issue.pull_request is not None,
        comment_id=payload.comment.id,
        body=payload.comment.body or "",
        author=payload.comment.user.login,
        author_type=payload.comment.user.type,
        via_app=payload.comment.performed_via_github_app is not None,
    )
