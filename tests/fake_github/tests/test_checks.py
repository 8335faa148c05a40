"""Check runs and commit statuses on exact commits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_github.refusals import HttpError

from .conftest import World

BASE = "/repos/acme/models"


def test_a_check_run_is_in_progress_until_it_has_a_conclusion(world: World) -> None:
    sha = world.pull().head_sha
    repo = world.client(world.bot_token()).get_repo("acme/models")
    run = repo.create_check_run("promotebot/gate", sha, status="in_progress", external_id="run:1")
    assert run.status == "in_progress"
    assert run.conclusion is None
    assert run.completed_at is None
    output: Any = {"title": "Fine", "summary": "All rules passed.", "annotations": [{}]}
    run = repo.create_check_run("promotebot/gate", sha, conclusion="success", external_id="run:2", output=output)
    assert (run.status, run.conclusion, run.completed_at) == ("completed", "success", world.clock.now)
    assert (run.output.title, run.output.annotations_count) == ("Fine", 1)
    assert (run.external_id, run.app.slug) == ("run:2", "github-actions")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head_sha": "0" * 40}, "No commit found for SHA"),
        ({"conclusion": "fine"}, "is not a member of"),
        ({"status": "completed"}, "conclusion"),
        ({"output": {"title": "t"}}, "summary"),
        ({"output": {"title": "t", "summary": "x" * 65_536}}, "Only 65535 characters are allowed"),
        ({"output": {"title": "t", "summary": "s", "annotations": [{}] * 51}}, "No more than 50"),
        ({"started_at": "yesterday"}, "is not a valid date-time"),
    ],
)
def test_a_check_run_github_would_not_take_is_422(world: World, change: dict[str, Any], words: str) -> None:
    body = {"name": "gate", "head_sha": world.pull().head_sha, **change}
    answered = world.http("POST", f"{BASE}/check-runs", world.bot_token(), body)
    assert answered.status == 422
    assert words in answered.body["message"]


def test_a_status_describes_itself_in_140_characters(world: World) -> None:
    sha = world.pull().head_sha
    body = {"state": "success", "description": "x" * 141}
    answered = world.http("POST", f"{BASE}/statuses/{sha}", world.token("alice"), body)
    assert answered.status == 422
    assert "maximum is 140 characters" in str(answered.body)


def test_a_required_check_that_names_its_source_takes_nobody_elses(world: World) -> None:
    sha = world.pull().head_sha
    world.repo.protect("main", required_checks=["promotebot/gate"], source="github-actions")
    body = {"state": "success", "context": "promotebot/gate"}
    world.http("POST", f"{BASE}/statuses/{sha}", world.token("alice"), body)
    run = {"name": "promotebot/gate", "head_sha": sha, "conclusion": "success"}
    world.http("POST", f"{BASE}/check-runs", world.repo.issue_app_token({"checks": "write"}, slug="another"), run)
    with pytest.raises(HttpError, match="is expected"):
        world.repo.merge(1, by="bob")
    world.http("POST", f"{BASE}/statuses/{sha}", world.bot_token(), body)
    world.http("POST", f"{BASE}/statuses/{sha}", world.token("alice"), {**body, "state": "failure"})
    assert world.repo.merge(1, by="bob")


def test_every_check_run_of_a_name_counts_not_the_newest_alone(world: World) -> None:
    sha, token = world.pull().head_sha, world.bot_token()
    world.repo.protect("main", required_checks=["promotebot"])
    for conclusion in ("action_required", "success"):
        run = {"name": "promotebot", "head_sha": sha, "conclusion": conclusion}
        assert world.http("POST", f"{BASE}/check-runs", token, run).status == 201
    with pytest.raises(HttpError, match="is failing"):
        world.repo.merge(1, by="bob")


def test_the_newest_status_of_a_context_satisfies_a_required_check(world: World) -> None:
    pull = world.pull()
    world.repo.protect("main", required_checks=["promotebot/gate"])
    path, token = f"{BASE}/statuses/{pull.head_sha}", world.token("alice")
    for state, context in (("failure", "promotebot/gate"), ("success", "promotebot/gate"), ("failure", "lint")):
        made = world.http(
            "POST", path, token, {"state": state, "context": context, "target_url": "https://example.com"}
        )
        assert (made.body["state"], made.body["target_url"]) == (state, "https://example.com")
    assert world.http("GET", f"{BASE}/pulls/1", token).body["mergeable_state"] == "unstable"
    assert world.repo.merge(pull.number, by="bob")
