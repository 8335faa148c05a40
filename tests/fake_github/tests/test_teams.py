"""Who may ask who is in a team, and what those are told who may not."""

from __future__ import annotations

import pytest

from .conftest import World

PATH = "/orgs/acme/teams/ml/memberships"


@pytest.fixture
def asked(world: World) -> World:
    world.hub.teams["acme/ml"] = {"bob": "active", "carol": "pending"}
    return world


@pytest.mark.parametrize(
    ("login", "status", "state"),
    [("bob", 200, "active"), ("BOB", 200, "active"), ("carol", 200, "pending"), ("alice", 404, None)],
)
def test_an_app_with_the_organisations_permission_is_told(
    asked: World, login: str, status: int, state: str | None
) -> None:
    answered = asked.http("GET", f"{PATH}/{login}", asked.repo.issue_app_token({"members": "read"}))
    assert (answered.status, answered.body.get("state")) == (status, state)


def test_the_token_of_a_job_is_refused_and_told_which_permission_it_takes(asked: World) -> None:
    answered = asked.http("GET", f"{PATH}/bob", asked.bot_token())
    assert (answered.status, answered.body["message"]) == (403, "Resource not accessible by integration")


def test_an_app_of_another_organisation_and_a_person_of_none_see_nothing(asked: World) -> None:
    token = asked.repo.issue_app_token({"members": "read"})
    assert asked.http("GET", "/orgs/other/teams/ml/memberships/bob", token).status == 403
    assert asked.http("GET", f"{PATH}/bob", asked.token("alice")).status == 404
    assert asked.http("GET", f"{PATH}/bob", asked.token("bob")).status == 200
    assert asked.http("GET", f"{PATH}/bob").status == 401
    assert asked.http("GET", "/orgs/acme/teams", token).status == 404
