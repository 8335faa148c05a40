"""Payloads to typed events: what asks something, what is ignored, and what is no payload."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.github.events import CheckReported, CommentCreated, Event, Ignored, Queued, Reviewed, Scheduled
from promotebot.github.payloads import parse_event

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
    ("cron", "is_frequent"),
    [("7 * * * *", True), ("*/5 * * * *", True), ("41 5 * * *", False), ("0 0,12 * * *", False), ("", False)],
)
def test_a_timer_that_names_no_hours_is_a_frequent_one(cron: str, is_frequent: bool) -> None:
    assert parse_event("schedule", json.dumps({"schedule": cron}).encode()) == Scheduled(is_frequent)


@pytest.mark.parametrize(
    ("changes", "pulls"),
    [
        ({}, (3, 4)),
        ({"event": "schedule"}, None),
        ({"pull_requests": []}, None),
    ],
)
def test_the_end_of_a_run_on_a_review_names_pull_requests_and_nothing_else(
    changes: dict[str, Any], pulls: tuple[int, ...] | None
) -> None:
    run = {"event": "pull_request_review", "pull_requests": [{"number": 4}, {"number": 3}, {"number": 4}], **changes}
    event = parse_event("workflow_run", json.dumps({"action": "completed", "workflow_run": run}).encode())
    assert event == Reviewed(pulls) if pulls else isinstance(event, Ignored)


@pytest.mark.parametrize("event", ["issue_comment", "pull_request_target", "workflow_dispatch", "push"])
def test_the_end_of_a_run_that_may_have_moved_a_branch_is_a_reason_to_look_for_heads(event: str) -> None:
    run = {"event": event, "pull_requests": []}
    for action, kind in (("completed", Scheduled), ("requested", Ignored)):
        found = parse_event("workflow_run", json.dumps({"action": action, "workflow_run": run}).encode())
        assert isinstance(found, kind)


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_the_end_of_a_run_that_makes_checks_names_the_pull_requests_of_its_commit(event: str) -> None:
    run = {"event": event, "pull_requests": [{"number": 4}]}
    for action, expected in (("completed", Reviewed((4,))), ("requested", None)):
        found = parse_event("workflow_run", json.dumps({"action": action, "workflow_run": run}).encode())
        assert found == expected or (expected is None and isinstance(found, Ignored))


def test_the_end_of_an_apps_checks_and_a_status_name_the_commit_and_who_reports() -> None:
    suite = json.dumps(WHOLE["check_suite"]).encode()
    assert parse_event("check_suite", suite) == CheckReported((3,), "c" * 40, "trainer[bot]")
    status = json.dumps(WHOLE["status"]).encode()
    assert parse_event("status", status) == CheckReported((), "c" * 40, "alice", "evaluation")
    assert isinstance(parse_event("status", changed("status", ("state",), "pending")), Ignored)
    assert isinstance(parse_event("check_suite", changed("check_suite", ("action",), "requested")), Ignored)


QUEUE = f"gh-readonly-queue/release/1.x/pr-7-{'a' * 40}"


def queue_run(**changes: Any) -> Event:
    run = {"event": "merge_group", "pull_requests": [], "head_branch": QUEUE, "head_sha": "c" * 40, **changes}
    return parse_event("workflow_run", json.dumps({"action": "completed", "workflow_run": run}).encode())


def test_the_end_of_a_run_on_the_merge_queue_asks_for_the_commit_that_was_queued() -> None:
    assert queue_run() == Queued("c" * 40, f"refs/heads/{QUEUE}", "", "refs/heads/release/1.x")


@pytest.mark.parametrize(
    "changes",
    [{"head_branch": "main"}, {"head_branch": None}, {"head_branch": f"{QUEUE}/x"}, {"event": "schedule"}],
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
        (b'{"action": "created", "action": "x"}', "is given twice"),
    ],
)
def test_a_payload_that_is_not_one_names_the_place(data: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_event("issue_comment", data)
    assert says in str(caught.value)
    assert "GITHUB_EVENT_PATH" in str(caught.value)


WHOLE: dict[str, dict[str, Any]] = {
    "issue_comment": PAYLOAD | {"sender": USER},
    "pull_request_target": {
        "action": "labeled",
        "pull_request": {"number": 7, "merged": False},
        "label": {"name": "promote:active"},
        "sender": USER,
    },
    "workflow_run": {
        "action": "completed",
        "workflow_run": {
            "event": "pull_request_review",
            "head_branch": "change",
            "head_sha": "c" * 40,
            "pull_requests": [{"number": 3}, {"number": 4}],
        },
        "sender": USER,
    },
    "check_suite": {
        "action": "completed",
        "check_suite": {"head_sha": "c" * 40, "app": {"slug": "trainer"}, "pull_requests": [{"number": 3}]},
    },
    "status": {"sha": "c" * 40, "context": "evaluation", "state": "success", "sender": USER},
    "merge_group": {
        "action": "checks_requested",
        "merge_group": {"head_sha": "c" * 40, "head_ref": QUEUE, "base_sha": "b" * 40, "base_ref": "refs/heads/main"},
    },
    "push": {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40, "deleted": False, "sender": USER},
    "workflow_dispatch": {"ref": "refs/heads/main", "inputs": {"command": "/help"}, "sender": USER},
}
"""Every key that is read, by the event's name."""
NULLABLE: list[tuple[str, Sequence[str | int]]] = [
    ("issue_comment", ("comment", "user")),
    ("issue_comment", ("comment", "body")),
    ("issue_comment", ("comment", "performed_via_github_app")),
    ("issue_comment", ("issue", "pull_request")),
    ("issue_comment", ("sender",)),
    ("pull_request_target", ("sender",)),
    ("pull_request_target", ("label",)),
    ("pull_request_target", ("pull_request", "merged")),
    ("workflow_run", ("workflow_run", "head_branch")),
    ("workflow_run", ("workflow_run", "pull_requests")),
    ("workflow_run", ("workflow_run", "pull_requests", 0)),
    ("workflow_run", ("workflow_run", "pull_requests", 1)),
    ("workflow_run", ("sender",)),
    ("check_suite", ("check_suite", "app")),
    ("check_suite", ("check_suite", "pull_requests")),
    ("check_suite", ("check_suite", "pull_requests", 0)),
    ("status", ("sender",)),
    ("push", ("sender",)),
    ("workflow_dispatch", ("inputs",)),
    ("workflow_dispatch", ("inputs", "command")),
    ("workflow_dispatch", ("sender",)),
]
"""What GitHub documents as nullable, or was seen to send as null or not at all."""


def changed(name: str, path: Sequence[str | int], value: Any) -> bytes:
    payload: Any = deepcopy(WHOLE[name])
    part = payload
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(payload).encode()


@pytest.mark.parametrize(("name", "path"), NULLABLE)
def test_what_github_may_leave_empty_is_read(name: str, path: Sequence[str | int]) -> None:
    assert isinstance(parse_event(name, changed(name, path, None)), get_args(Event))


def test_only_the_pull_requests_that_a_run_names_are_judged() -> None:
    data = changed("workflow_run", ("workflow_run", "pull_requests", 0), None)
    assert parse_event("workflow_run", data) == Reviewed((4,))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("issue_comment", ("comment", "user")),
        ("pull_request_target", ("sender",)),
        ("workflow_dispatch", ("sender",)),
    ],
)
def test_what_nobody_asked_asks_for_nothing(name: str, path: Sequence[str | int]) -> None:
    assert not isinstance(parse_event(name, changed(name, path, USER)), Ignored)
    assert isinstance(parse_event(name, changed(name, path, None)), Ignored)


def paths(part: Any) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value below a payload."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        yield (key,)
        if isinstance(value, (dict, list)):
            yield from ((key, *below) for below in paths(value))


ANYWHERE = [(name, path) for name, payload in WHOLE.items() for path in paths(payload)]
ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.none(), max_size=1) | st.just({})
)


@given(st.sampled_from(ANYWHERE), ODD)
def test_any_value_anywhere_is_read_or_refused_with_its_place(at: tuple[str, Sequence[str | int]], value: Any) -> None:
    name, path = at
    try:
        event = parse_event(name, changed(name, path, value))
    except InvalidInput as problem:
        refused = str(problem)
    else:
        refused = ""
        assert isinstance(event, get_args(Event))
    assert not refused or "GITHUB_EVENT_PATH: $." in refused
