"""Issues are found by what they are about and closed for a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import github
import pytest
from github.Issue import Issue

from .conftest import World

Error = Callable[[Callable[[], Any]], github.GithubException]
PATH = "/repos/acme/models/issues"


def test_issues_are_found_by_state_labels_and_creator(world: World) -> None:
    bot = world.client(world.bot_token(issues="write")).get_repo("acme/models")
    drift = bot.create_issue("drift", "body", labels=["promotebot:drift", "regime_v2"])
    bot.create_issue("old drift", labels=["promotebot:drift"]).edit(state="closed")
    world.repo.open_issue(author="eve", title="by hand")
    assert [issue.title for issue in bot.get_issues()] == ["by hand", "drift"]
    assert [issue.title for issue in bot.get_issues(state="closed")] == ["old drift"]
    labels = ["PromoteBot:drift", "regime_v2"]
    assert [issue.number for issue in bot.get_issues(state="all", labels=labels)] == [drift.number]
    query = "state=all&labels=promotebot:drift&creator=github-actions[bot]"
    listed = world.http("GET", f"{PATH}?{query}", world.token("alice")).body
    assert [issue["title"] for issue in listed] == ["old drift", "drift"]
    assert world.http("GET", f"{PATH}?creator=EVE", world.token("alice")).body[0]["title"] == "by hand"
    assert world.http("GET", f"{PATH}?creator=nobody", world.token("alice")).body == []


def test_issues_are_found_by_their_last_change_and_put_in_order(world: World) -> None:
    repo, start = world.client(world.token("alice")).get_repo("acme/models"), world.clock.now
    for title in ("first", "second", "third"):
        repo.create_issue(title)
        world.clock.advance(hours=1)
    world.repo.comment(1, author="alice", body="more")
    assert [issue.title for issue in repo.get_issues(since=start + timedelta(hours=2))] == ["third", "first"]
    assert [issue.title for issue in repo.get_issues(sort="updated")] == ["first", "third", "second"]
    assert [issue.title for issue in repo.get_issues(direction="asc")] == ["first", "second", "third"]
    assert next(iter(repo.get_issues(sort="comments"))).title == "first"
    for query in ("since=yesterday", "sort=size"):
        assert world.http("GET", f"{PATH}?{query}", world.token("alice")).status == 422


def state_of(issue: Issue) -> tuple[str, str | None, datetime | None]:
    return issue.state, issue.state_reason, issue.closed_at


def test_an_issue_is_closed_for_a_reason(world: World) -> None:
    issue = world.client(world.token("alice")).get_repo("acme/models").create_issue("drift")
    assert state_of(issue) == ("open", None, None)
    issue.edit(state="closed", state_reason="not_planned")
    assert state_of(issue) == ("closed", "not_planned", world.clock.now)
    issue.edit(state="closed", state_reason="completed")
    assert state_of(issue) == ("closed", "not_planned", world.clock.now)
    issue.edit(state="open")
    assert state_of(issue) == ("open", "reopened", None)
    world.pull()
    closed = world.http("PATCH", f"{PATH}/2", world.token("alice"), {"state": "closed"}).body
    assert (closed["state"], closed["state_reason"]) == ("closed", None)


def test_labels_are_replaced_with_the_rest_and_made_when_missing(world: World) -> None:
    bot = world.client(world.bot_token(issues="write")).get_repo("acme/models")
    issue = bot.create_issue("drift", labels=["old", "Old"])
    assert [label.name for label in issue.labels] == ["old"]
    issue.edit(labels=["new", "kept"], body="again")
    assert [label.name for label in issue.labels] == ["new", "kept"]
    assert set(world.repo.labels) == {"old", "new", "kept"}
    issue.edit(labels=[])
    assert issue.labels == []
    own = world.client(world.token("eve")).get_repo("acme/models").create_issue("mine")
    own.edit(labels=["wished"], title="still mine")
    assert (own.labels, own.title) == ([], "still mine")


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "shut"},
        {"state_reason": "bored"},
        {"labels": ["x" * 51]},
        {"labels": "drift"},
        {"title": "x" * 257},
        {"body": "x" * 65_537},
    ],
)
def test_an_issue_that_github_would_not_take_stays_as_it_was(world: World, wrong: dict[str, object]) -> None:
    world.repo.open_issue(author="alice", title="drift")
    token, body = world.token("alice"), {"title": "better", "body": "more", **wrong}
    assert world.http("PATCH", f"{PATH}/1", token, body).status == 422
    issue = world.repo.issue(1)
    assert (issue.title, issue.body, issue.state, issue.labels) == ("drift", None, "open", [])
    if not wrong.keys() & {"state", "state_reason"}:
        assert world.http("POST", PATH, token, body).status == 422
        assert len(world.repo.issues) == 1


def test_an_issue_needs_a_title(world: World, refused: Error) -> None:
    repo = world.client(world.token("alice")).get_repo("acme/models")
    assert refused(lambda: repo.create_issue(" ")).status == 422
    assert world.http("POST", PATH, world.token("alice"), {}).status == 422
