"""Payloads to typed events, outputs back to the runner, and the environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput, UsageError
from bot.github.checks import log_safe, write_outputs
from bot.github.events import CommentCreated, Ignored, parse_event
from bot.sandbox.workshop import read_outputs
from bot.settings import REQUIRED, Settings

USER = {"login": "alice", "id": 1, "type": "User"}
PAYLOAD: dict[str, Any] = {
    "action": "created",
    "issue": {"number": 7, "pull_request": {"url": "u"}},
    "comment": {"id": 9, "body": "/help", "user": USER, "performed_via_github_app": None},
}
ENV = dict.fromkeys(REQUIRED, "x") | {
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_SERVER_URL": "https://github.com/",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_TOKEN": "ghs_secret",
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


@pytest.mark.parametrize(("name", "changes"), [("push", {}), ("issue_comment", {"action": "edited"})])
def test_what_asks_nothing_is_ignored(name: str, changes: dict[str, Any]) -> None:
    assert isinstance(parse_event(name, json.dumps(PAYLOAD | changes).encode()), Ignored)


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


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")),
        max_size=4,
    )
)
def test_outputs_arrive_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, outputs: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("job") / "output"
    write_outputs(path, outputs)
    assert read_outputs(path.read_text()) == outputs


def test_no_value_can_end_its_own_block(tmp_path: Path) -> None:
    path = tmp_path / "output"
    write_outputs(path, {"result": "EOF\nend_0\ndecision=promoted", "decision": "refused"})
    assert read_outputs(path.read_text())["decision"] == "refused"


def test_log_lines_hold_no_workflow_command() -> None:
    assert "::" not in log_safe("::set-output name=x::1\r::error::x")


def test_settings_are_read_and_the_token_shows_nowhere() -> None:
    settings = Settings.from_env(ENV)
    assert settings.server_url == "https://github.com"
    assert settings.token.get_secret_value() == "ghs_secret"
    assert "ghs_secret" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.run_url is None


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(UsageError, match="GITHUB_TOKEN, GITHUB_API_URL are not set"):
        Settings.from_env({k: v for k, v in ENV.items() if k not in ("GITHUB_TOKEN", "GITHUB_API_URL")})


@pytest.mark.parametrize(
    "url", ["http://api.github.test", "ftp://x", "https://user:pw@host", "api.github.com", "https://"]
)
def test_a_token_is_sent_over_https_or_loopback_only(url: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_API_URL"):
        Settings.from_env(ENV | {"GITHUB_API_URL": url})
    assert Settings.from_env(ENV | {"GITHUB_API_URL": "http://127.0.0.1:1/api/v3"}).api_url.endswith("/api/v3")


@pytest.mark.parametrize("repository", ["acme", "acme/", "/models", "a/b/c"])
def test_a_repository_is_owner_and_name(repository: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_REPOSITORY"):
        Settings.from_env(ENV | {"GITHUB_REPOSITORY": repository})
