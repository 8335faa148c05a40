"""Webhook payloads, as a workflow finds them at GITHUB_EVENT_PATH.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.records import Comment, Pull
from bot.sandbox.shapes import accounts, issues, pulls, repositories
from bot.sandbox.shapes.common import Json

if TYPE_CHECKING:
    from bot.sandbox.accounts import User
    from bot.sandbox.repository import Repository


def _around(it: Repository, sender: User) -> Json:
    """What every payload carries."""
    envelope = {"repository": repositories.repository(it), "sender": accounts.user(it.hub, sender)}
    if it.owner.type == "Organization":
        envelope["organization"] = accounts.organization(it.hub, it.owner)
    return envelope


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


def pull_request(it: Repository, pull: Pull, action: str, sender: str, *, label: str, before: str) -> Json:
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
    return payload
