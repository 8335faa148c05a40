"""What is answered at once is what the whole program ignores, and it leaves the same output."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action import first_look
from promotebot.action.first_look import answer_at_once, is_ignored, is_ignored_comment
from promotebot.action.ignored import answer_ignored, ignored
from promotebot.errors import InvalidInput
from promotebot.github.payloads import parse_event
from promotebot.promotion.commands import parse_holds
from promotebot.promotion.first_words import asks
from promotebot.promotion.slips import read_comment
from promotebot.settings import Settings

ENVIRONMENT = {
    "GITHUB_EVENT_NAME": "issue_comment",
    "GITHUB_EVENT_PATH": "event.json",
    "GITHUB_TOKEN": "ghs_token",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/ml",
    "GITHUB_OUTPUT": "output",
    "GITHUB_STEP_SUMMARY": "summary",
}
PLAIN = {
    "action": "created",
    "issue": {"number": 7, "pull_request": {"url": "https://api.github.com/repos/acme/ml/pulls/7"}},
    "comment": {"id": 1, "node_id": "IC_1", "body": "Looks good", "user": {"login": "alice", "type": "User"}},
    "sender": {"login": "alice", "type": "User"},
}
ABOUT_PULL = {
    "action": "labeled",
    "pull_request": {
        "number": 7,
        "merged": False,
        "draft": False,
        "head": {"ref": "model", "sha": "1" * 40},
        "base": {"ref": "main", "sha": "2" * 40},
    },
    "label": {"name": "bug"},
    "sender": {"login": "alice", "type": "User"},
}
WORDS = (
    *(
        "/",
        "/promote",
        "/promot",
        "promote",
        "Rollback",
        "/hold",
        "hold",
        "stop!",
        "/lgtm",
        "/model",
        "/modle",
        "@promotebot",
    ),
    *(
        "active",
        "m_1",
        "--reason",
        "`",
        "```",
        "<!--",
        "-->",
        "- ",
        "**",
        "\n",
        "\n\n",
        " ",
        "\u200b",
        "\\",
        "\uff0f",
        "text",
    ),
)
BODIES = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=12).map(" ".join) | st.lists(
    st.sampled_from(WORDS), max_size=8
).map("".join)
ODD: list[Any] = [
    None,
    True,
    0,
    1.5,
    "",
    "x",
    "Bot",
    "github-actions[bot]",
    [],
    {},
    {"login": ""},
    {"login": "a", "type": 1},
]
PATHS = [
    *(("action",), ("issue",), ("issue", "number"), ("issue", "pull_request"), ("comment",), ("comment", "id")),
    *(("comment", "node_id"), ("comment", "body"), ("comment", "user"), ("comment", "user", "login"), ("sender",)),
    *(("comment", "user", "type"), ("comment", "performed_via_github_app"), ("sender", "login"), ("sender", "type")),
]


PULL_PATHS = [
    *(("action",), ("pull_request",), ("pull_request", "number"), ("pull_request", "merged"), ("sender",)),
    *(("pull_request", "draft"), ("pull_request", "head"), ("pull_request", "base", "ref"), ("label",)),
    *(("label", "name"), ("sender", "login"), ("before",), ("changes",), ("pull_request", "head", "sha")),
]


DAMAGES = st.tuples(st.sampled_from(PATHS), st.sampled_from([*ODD, "missing"]))
PULL_DAMAGES = st.tuples(st.sampled_from(PULL_PATHS), st.sampled_from([*ODD, "missing"]))


def is_ignored_by_all(event: Any, environment: dict[str, str]) -> bool:
    """Return what the whole program decides of an event; False where it refuses to read it."""
    data = json.dumps(event).encode()
    try:
        return ignored(parse_event(environment["GITHUB_EVENT_NAME"], data), Settings.from_env(environment)) is not None
    except InvalidInput:
        return False


@st.composite
def events(draw: st.DrawFn) -> Any:
    """Comments as GitHub sends them, in which some members are missing or of another type."""
    event: Any = json.loads(json.dumps(PLAIN))
    event["action"] = draw(st.sampled_from(["created", "edited", "deleted", "pinned"]))
    event["comment"]["body"] = draw(BODIES)
    return damaged(event, draw(st.lists(DAMAGES, max_size=2)))


@st.composite
def pull_events(draw: st.DrawFn) -> Any:
    """Events about a pull request, in which some members are missing or of another type."""
    event: Any = json.loads(json.dumps(ABOUT_PULL))
    event["action"] = draw(st.sampled_from(["labeled", "unlabeled", "closed", "opened", "edited", "assigned"]))
    event["label"]["name"] = draw(st.sampled_from(["bug", "promote:active", "Promote:active", "model:promote:active"]))
    event["pull_request"]["merged"] = draw(st.booleans())
    return damaged(event, draw(st.lists(PULL_DAMAGES, max_size=2)))


def damaged(event: Any, damages: list[tuple[tuple[str, ...], Any]]) -> Any:
    """Put other values, or nothing, into the members of an event that are named, and return it."""
    for path, value in damages:
        part = event
        for name in path[:-1]:
            part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part[path[-1]] = value
            if value == "missing":
                del part[path[-1]]
    return event


@given(events(), st.sampled_from(["", "/model"]), st.sampled_from(["", "gate"]), st.sampled_from(["", "alice"]))
def test_what_is_answered_at_once_is_ignored_by_all(event: Any, prefix: str, command: str, us: str) -> None:
    more = {"PROMOTEBOT_PREFIX": prefix, "PROMOTEBOT_COMMAND": command, "PROMOTEBOT_BOT_LOGIN": us}
    if is_ignored_comment(event, ENVIRONMENT | more):
        assert is_ignored_by_all(event, ENVIRONMENT | more)


@given(
    pull_events(),
    st.sampled_from(["", "gate", "announce", "verify"]),
    st.sampled_from(["pull_request_target", "merge_group", "push", "fork"]),
    st.sampled_from([{}, {"PROMOTEBOT_PREFIX": "/model", "PROMOTEBOT_BASE_DIR": "models"}]),
)
def test_what_is_answered_at_once_about_a_pull_request_is_ignored_by_all(
    event: Any, command: str, name: str, registry: dict[str, str]
) -> None:
    environment = ENVIRONMENT | registry | {"PROMOTEBOT_COMMAND": command, "GITHUB_EVENT_NAME": name}
    if is_ignored(name, event, environment):
        assert is_ignored_by_all(event, environment)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pull_request_target", {}),
        ("pull_request_target", {"action": "unlabeled"}),
        ("pull_request_target", {"action": "assigned", "label": None}),
        ("pull_request_target", {"action": "closed"}),
        ("fork", {}),
        ("check_run", {"action": "completed"}),
    ],
)
def test_other_labels_and_events_that_nobody_acts_on_are_answered_at_once(name: str, change: dict[str, Any]) -> None:
    assert is_ignored(name, ABOUT_PULL | change, ENVIRONMENT)
    assert is_ignored_by_all(ABOUT_PULL | change, ENVIRONMENT | {"GITHUB_EVENT_NAME": name})


@given(BODIES, st.sampled_from(["", "/model"]))
def test_a_comment_that_does_not_ask_has_no_command_no_slip_and_no_hold(body: str, prefix: str) -> None:
    if not asks(body, prefix):
        assert read_comment(body, prefix) == []
        assert parse_holds(body, prefix) == []


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "Looks good to me",
            "see https://example.com/promote",
            "`/promote` is a command",
            "> /promote active",
            "/etc/hosts",
        ),
        *(
            "```\n/promote active\n```",
            "<!-- /promote active -->",
            "Hold on, I have a question",
            "Promoted it yesterday.",
        ),
    ],
)
def test_prose_paths_and_quoted_commands_are_answered_at_once(body: str) -> None:
    event = PLAIN | {"comment": {**PLAIN["comment"], "body": body}}  # type: ignore[dict-item]
    assert is_ignored_comment(event, ENVIRONMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"body": None},
        {"body": "/promote active", "user": None},
        {"body": "/promote active", "user": {"login": "ci[bot]", "type": "Bot"}},
        {"body": "/promote active", "performed_via_github_app": {"id": 1}},
        {"body": "/promote active", "user": {"login": "github-actions[bot]", "type": "User"}},
    ],
)
def test_bots_ourselves_and_nobody_are_answered_at_once(change: dict[str, Any]) -> None:
    assert is_ignored_comment(PLAIN | {"comment": {**PLAIN["comment"], **change}}, ENVIRONMENT)  # type: ignore[dict-item]


@pytest.mark.parametrize("body", ["Looks good", "/promote active", "text\n/hold", "hold", None])
def test_both_ways_leave_the_same_output(tmp_path: Path, body: str | None) -> None:
    event = PLAIN | {"comment": {**PLAIN["comment"], "body": body}}  # type: ignore[dict-item]
    (tmp_path / "event.json").write_text(json.dumps(event))
    told = []
    for name, answer in (("first", answer_at_once), ("second", lambda given: answer_ignored(given)[0])):
        files = {
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_OUTPUT": str(tmp_path / name),
            "GITHUB_STEP_SUMMARY": str(tmp_path / f"{name}_summary"),
        }
        written = tmp_path / name
        is_answered = answer(ENVIRONMENT | files)
        told.append((is_answered, re.sub("end_[0-9a-f]{32}", "", written.read_text()) if written.exists() else ""))
        assert not (tmp_path / f"{name}_summary").exists()
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (b"{", {}),
        (b'{"action": "created", "action": "created"}', {}),
        (b"[]", {}),
        (json.dumps(PLAIN).encode(), {"GITHUB_EVENT_NAME": "push"}),
        (json.dumps(PLAIN).encode(), {"GITHUB_API_URL": "http://elsewhere.example"}),
        (json.dumps(PLAIN).encode(), {"GITHUB_TOKEN": ""}),
        (json.dumps(PLAIN).encode(), {"PROMOTEBOT_PREFIX": "no slash"}),
        (json.dumps(PLAIN).encode(), {"GITHUB_EVENT_PATH": "/nowhere/event.json"}),
    ],
)
def test_what_is_odd_is_left_to_the_whole_program(tmp_path: Path, data: bytes, more: dict[str, str]) -> None:
    (tmp_path / "event.json").write_bytes(data)
    files = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    assert not answer_at_once(ENVIRONMENT | files | more)
    assert not (tmp_path / "output").exists()


def test_an_event_over_the_limit_is_left_to_the_whole_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "MAX_EVENT_BYTES", 100)
    (tmp_path / "event.json").write_text(json.dumps(PLAIN))
    assert not answer_at_once(ENVIRONMENT | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})
