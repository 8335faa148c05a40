"""Check runs and commit statuses on exact commits."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import World

BASE = "/repos/acme/models"


def test_a_check_run_goes_from_progress_to_conclusion(world: World) -> None:
    sha = world.pull().head_sha
    repo = world.client(world.bot_token()).get_repo("acme/models")
    run = repo.create_check_run("promotebot/gate", sha, status="in_progress", external_id="run:1")
    assert run.status == "in_progress"
    assert run.conclusion is None
    assert run.completed_at is None
    world.clock.advance(seconds=5)
    run.edit(conclusion="success", output={"title": "Fine", "summary": "All rules passed."})
    read = repo.get_check_run(run.id)
    assert (read.status, read.conclusion, read.completed_at) == ("completed", "success", world.clock.now)
    assert (read.output.title, read.external_id, read.app.slug) == ("Fine", "run:1", "github-actions")


def test_the_latest_run_of_each_name_is_listed_unless_all_are_asked_for(world: World) -> None:
    sha = world.pull().head_sha
    repo = world.client(world.bot_token()).get_repo("acme/models")
    for name, conclusion in (("gate", "failure"), ("gate", "success"), ("lint", "success")):
        repo.create_check_run(name, sha, conclusion=conclusion)
    commit = repo.get_commit(sha)
    assert [(run.name, run.conclusion) for run in commit.get_check_runs(check_name="gate")] == [("gate", "success")]
    assert commit.get_check_runs().totalCount == 2
    assert world.http("GET", f"{BASE}/commits/{sha}/check-runs?filter=all").body["total_count"] == 3
    assert world.http("GET", f"{BASE}/commits/add-v2/check-runs").body["total_count"] == 2


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


def test_annotations_add_up(world: World) -> None:
    sha = world.pull().head_sha
    bot = world.bot_token()
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note]}
    run = world.http("POST", f"{BASE}/check-runs", bot, {"name": "g", "head_sha": sha, "output": output}).body
    changed = world.http("PATCH", f"{BASE}/check-runs/{run['id']}", bot, {"output": output}).body
    assert changed["output"]["annotations_count"] == 2
    assert len(world.http("GET", f"{BASE}/check-runs/{run['id']}/annotations").body) == 2


def test_a_check_run_belongs_to_the_app_that_made_it(world: World) -> None:
    sha = world.pull().head_sha
    run = world.http("POST", f"{BASE}/check-runs", world.bot_token(), {"name": "g", "head_sha": sha}).body
    other = world.repo.issue_app_token({"checks": "write"}, slug="other")
    answered = world.http("PATCH", f"{BASE}/check-runs/{run['id']}", other, {"conclusion": "success"})
    assert answered.status == 403


def test_statuses_are_combined_by_the_newest_of_each_context(world: World) -> None:
    sha = world.pull().head_sha
    commit = world.client(world.token("alice")).get_repo("acme/models").get_commit(sha)
    assert commit.get_combined_status().state == "pending"
    commit.create_status("failure", description="no", context="promotebot/gate")
    assert commit.get_combined_status().state == "failure"
    commit.create_status("success", target_url="https://example.com", context="promotebot/gate")
    commit.create_status("success", context="lint")
    combined = commit.get_combined_status()
    assert (combined.state, combined.total_count) == ("success", 2)
    assert [status.state for status in commit.get_statuses()] == ["success", "success", "failure"]


def test_a_status_describes_itself_in_140_characters(world: World) -> None:
    sha = world.pull().head_sha
    body = {"state": "success", "description": "x" * 141}
    answered = world.http("POST", f"{BASE}/statuses/{sha}", world.token("alice"), body)
    assert answered.status == 422
    assert "maximum is 140 characters" in str(answered.body)


def test_a_status_satisfies_a_required_check(world: World) -> None:
    pull = world.pull()
    world.repo.protect("main", required_checks=["promotebot/gate"])
    commit = world.client(world.token("alice")).get_repo("acme/models").get_commit(pull.head_sha)
    commit.create_status("success", context="promotebot/gate")
    assert world.repo.merge(pull.number, by="bob")
