"""Payloads to typed events: what asks something, what is ignored, and what is no payload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.errors import InvalidInput
from promotebot.github.events import CommentCreated, Event, Ignored, Queued, Reviewed, parse_event

USER = {"login": "alice", "id": 1, "type": "User"}
PAYLOAD: dict[str, Any] = {
    "action": "created",
    "issue": {"number": 7, "pull_request": {"url": "u"}},
    "comment": {"id": 9, "body": "/help", "user": USER, "performed_via_github_app": None},
}


def test_a_new_comment_on_a_pull_request() -> None:
    event = parse_event("issue_comment", json.dumps(PAYLOAD).encode())
    assert event == CommentCreated(7, True, 9, "/help", "alice", "User", False)


def test_a_comment_on_an_issue_and_one_by_an_app() -> None:
    event = parse_event("issue_comment", json.dumps(PAYLOAD | {"issue": {"number": 7}}).encode())
    assert isinstance(event, CommentCreated)
    assert not event.is_pull
    comment = PAYLOAD["comment"] | {"performed_via_github_app": {"id": 1}}
    event = parse_event("issue_comment", json.dumps(PAYLOAD | {"comment": comment}).encode())
    assert isinstance(event, CommentCreated)
    assert event.via_app


@pytest.mark.parametrize(("name", "changes"), [("fork", {}), ("issue_comment", {"action": "edited"})])
def test_what_asks_nothing_is_ignored(name: str, changes: dict[str, Any]) -> None:
    assert isinstance(parse_event(name, json.dumps(PAYLOAD | changes).encode()), Ignored)


@pytest.mark.parametrize(
    ("changes", "pulls"),
    [
        ({}, (3, 4)),
        ({"event": "push"}, None),
        ({"pull_requests": []}, None),
    ],
)
def test_the_end_of_a_run_on_a_review_names_pull_requests_and_nothing_else(
    changes: dict[str, Any], pulls: tuple[int, ...] | None
) -> None:
    run = {"event": "pull_request_review", "pull_requests": [{"number": 4}, {"number": 3}, {"number": 4}], **changes}
    event = parse_event("workflow_run", json.dumps({"action": "completed", "workflow_run": run}).encode())
    assert event == Reviewed(pulls) if pulls else isinstance(event, Ignored)


QUEUE = f"gh-readonly-queue/release/1.x/pr-7-{'a' * 40}"


def queue_run(**changes: Any) -> Event:
    run = {"event": "merge_group", "pull_requests": [], "head_branch": QUEUE, "head_sha": "c" * 40, **changes}
    return parse_event("workflow_run", json.dumps({"action": "completed", "workflow_run": run}).encode())


def test_the_end_of_a_run_on_the_merge_queue_asks_for_the_commit_that_was_queued() -> None:
    assert queue_run() == Queued("c" * 40, f"refs/heads/{QUEUE}", "", "refs/heads/release/1.x")


@pytest.mark.parametrize(
    "changes",
    [{"head_branch": "main"}, {"head_branch": None}, {"head_branch": f"{QUEUE}/x"}, {"event": "push"}],
)
def test_a_run_on_a_branch_that_is_no_queues_asks_for_nothing(changes: dict[str, Any]) -> None:
    assert isinstance(queue_run(**changes), Ignored)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "$."),
        (b"{}", "$.action"),
        (json.dumps(PAYLOAD | {"issue": {}}).encode(), "$.issue.number"),
        (b'{"action": "created", "action": "x"}', "stands twice"),
    ],
)
def test_a_payload_that_is_not_one_names_the_place(data: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_event("issue_comment", data)
    assert says in str(caught.value)
    assert "GITHUB_EVENT_PATH" in str(caught.value)
