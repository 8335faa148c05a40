"""What is dispatched is kept for tests to read, within GitHub's limits."""

from __future__ import annotations

import pytest

from .conftest import World

PATH = "/repos/acme/models/dispatches"


def test_a_dispatch_is_kept_with_who_sent_it(world: World) -> None:
    repo = world.client(world.bot_token(contents="write")).get_repo("acme/models")
    assert repo.create_repository_dispatch("promotebot.promoted", {"model": "regime_v2", "stage": "active"})
    (sent,) = world.repo.dispatches
    assert (sent.event_type, sent.client_payload) == ("promotebot.promoted", {"model": "regime_v2", "stage": "active"})
    assert (sent.sender.login, sent.sent_at) == ("github-actions[bot]", world.clock.now)
    event = world.repo.repository_dispatch_event(sent)
    assert (event["action"], event["client_payload"]) == (sent.event_type, sent.client_payload)
    assert event["sender"]["login"] == "github-actions[bot]"


def test_a_dispatch_may_say_nothing_but_its_type(world: World) -> None:
    answered = world.http("POST", PATH, world.token("alice"), {"event_type": "x" * 100})
    assert (answered.status, answered.body) == (204, None)
    assert world.repo.dispatches[0].client_payload is None


def test_dispatching_takes_write_access(world: World) -> None:
    body = {"event_type": "x"}
    assert world.http("POST", PATH, world.bot_token(contents="read"), body).status == 403
    assert world.http("POST", PATH, world.token("carol"), body).status == 403
    assert world.http("POST", PATH, None, body).status == 401
    assert not world.repo.dispatches


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, '"event_type" wasn\'t supplied.'),
        ({"event_type": "x" * 101}, "Only 100 characters are allowed; 101 were supplied."),
        ({"event_type": "x", "client_payload": "{}"}, "For 'properties/client_payload', \"{}\" is not an object."),
        (
            {"event_type": "x", "client_payload": {str(i): i for i in range(11)}},
            "No more than 10 properties are allowed; 11 were supplied.",
        ),
        ({"event_type": "x", "client_payload": {"text": "x" * 65_536}}, "client_payload is too large."),
    ],
)
def test_what_github_would_not_dispatch_is_422(world: World, body: object, words: str) -> None:
    answered = world.http("POST", PATH, world.token("alice"), body)
    assert answered.status == 422
    assert words in answered.body["message"]
    assert not world.repo.dispatches


def test_ten_properties_are_taken(world: World) -> None:
    body = {"event_type": "x", "client_payload": {str(i): {"deep": list(range(20))} for i in range(10)}}
    assert world.http("POST", PATH, world.token("alice"), body).status == 204
