"""Deployments are made of what was proven, and a success makes its predecessors inactive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import github
import pytest
from github.Repository import Repository

from .conftest import World

Error = Callable[[Callable[[], Any]], github.GithubException]
PATH = "/repos/acme/models/deployments"


def bots(world: World) -> Repository:
    return world.client(world.bot_token(deployments="write")).get_repo("acme/models")


def report(world: World, sha: str, state: str) -> None:
    """Report a status of the context `ci`."""
    body = {"state": state, "context": "ci"}
    assert world.http("POST", f"/repos/acme/models/statuses/{sha}", world.token("alice"), body).status == 201


def test_a_deployment_says_what_goes_where(world: World) -> None:
    made = bots(world).create_deployment(
        "main",
        task="promote",
        auto_merge=False,
        required_contexts=[],
        payload={"model": "regime_v2", "stage": "active"},
        environment="active",
        description="regime_v2",
        production_environment=True,
    )
    assert (made.sha, made.ref, made.task) == (world.repo.git.branch("main"), "main", "promote")
    assert (made.environment, made.original_environment, made.description) == ("active", "active", "regime_v2")
    assert made.payload == {"model": "regime_v2", "stage": "active"}
    assert (made.production_environment, made.transient_environment) == (True, False)
    assert made.creator.login == "github-actions[bot]"
    assert made.created_at == world.clock.now


def test_the_defaults_are_githubs(world: World) -> None:
    made = bots(world).create_deployment("main")
    assert (made.task, made.environment, made.production_environment) == ("deploy", "production", True)
    assert bots(world).create_deployment("main", environment="staging").production_environment is False
    sent = world.http("POST", PATH, world.token("alice"), {"ref": "main", "payload": "text"}).body
    assert (sent["payload"], sent["performed_via_github_app"]) == ("text", None)


def test_deployments_are_found_by_what_they_are_of(world: World) -> None:
    first, repo = world.repo.git.branch("main"), bots(world)
    repo.create_deployment("main", environment="shadow", task="promote")
    world.alice.branch("main", {"model.txt": "v2\n"})
    repo.create_deployment("main", environment="active")
    assert [made.environment for made in repo.get_deployments()] == ["active", "shadow"]
    for asked in ({"sha": first}, {"environment": "shadow"}, {"task": "promote"}):
        assert [made.environment for made in repo.get_deployments(**asked)] == ["shadow"]
    assert repo.get_deployments(ref="other").totalCount == 0


def test_deployments_take_their_permission_or_write_access(world: World, refused: Error) -> None:
    bot = world.client(world.bot_token(contents="write")).get_repo("acme/models")
    error = refused(lambda: bot.create_deployment("main"))
    assert (error.status, error.message) == (403, "Resource not accessible by integration")
    assert world.http("POST", PATH, world.token("carol"), {"ref": "main"}).status == 403
    made = bots(world).create_deployment("main")
    reader = world.bot_token(deployments="read")
    assert world.http("GET", f"{PATH}/{made.id}/statuses", reader).status == 200
    assert world.http("POST", f"{PATH}/{made.id}/statuses", reader, {"state": "success"}).status == 403


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"ref": "nowhere"}, "No ref found for: nowhere"),
        ({}, '"ref" wasn\'t supplied.'),
        ({"ref": "main", "required_contexts": "gate"}, "is not an array"),
        ({"ref": "main", "payload": 3}, "is not an object"),
        ({"ref": "main", "auto_merge": "no"}, "is not a boolean"),
        ({"ref": "main", "description": "x" * 141}, "Validation Failed"),
    ],
)
def test_what_makes_no_sense_is_422(world: World, body: object, words: str) -> None:
    answered = world.http("POST", PATH, world.token("alice"), body)
    assert answered.status == 422
    assert words in answered.body["message"]
    assert not world.repo.deployments


def test_everything_reported_must_have_succeeded_unless_told_otherwise(world: World, refused: Error) -> None:
    repo, sha = world.client(world.bot_token()).get_repo("acme/models"), str(world.repo.git.branch("main"))
    repo.create_check_run("gate", sha, conclusion="success")
    report(world, sha, "pending")
    error = refused(lambda: repo.create_deployment("main"))
    assert (error.status, error.message) == (409, "Conflict: Commit status checks failed for main.")
    contexts = [{"context": "ci", "state": "pending"}, {"context": "gate", "state": "success"}]
    expected = {"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}
    assert error.data["errors"] == [expected]
    assert refused(lambda: repo.create_deployment("main", required_contexts=["never"])).status == 409
    assert repo.create_deployment("main", required_contexts=["gate"]).sha == sha
    assert repo.create_deployment("main", required_contexts=[]).sha == sha
    report(world, sha, "success")
    assert repo.create_deployment("main").sha == sha


def test_a_skipped_check_is_no_success_for_a_deployment(world: World, refused: Error) -> None:
    repo, sha = world.client(world.bot_token()).get_repo("acme/models"), str(world.repo.git.branch("main"))
    repo.create_check_run("preview", sha, conclusion="skipped")
    assert refused(lambda: repo.create_deployment("main")).status == 409


def test_a_branch_behind_is_merged_instead_of_deployed(world: World) -> None:
    pull = world.pull()
    old = pull.head_sha
    tip = world.alice.branch("main", {"other.txt": "1\n"}, start="main")
    answered = world.http("POST", PATH, world.bot_token(), {"ref": "add-v2"})
    assert (answered.status, answered.body) == (202, {"message": "Auto-merged main into add-v2 on deployment."})
    assert not world.repo.deployments
    assert world.repo.git.commit(pull.head_sha).parents == (old, tip)
    assert world.http("POST", PATH, world.bot_token(), {"ref": "add-v2"}).status == 201


def test_a_branch_behind_is_deployed_as_it_is_when_told_so(world: World) -> None:
    old = world.pull().head_sha
    world.alice.branch("main", {"other.txt": "1\n"})
    assert bots(world).create_deployment("add-v2", auto_merge=False).sha == old
    assert world.repo.pull(1).head_sha == old


def test_what_cannot_be_brought_up_to_date_is_a_conflict(world: World, refused: Error) -> None:
    old = world.pull().head_sha
    world.alice.branch("main", {"model.txt": "elsewhere\n"}, start="main")
    for ref in ("add-v2", old):
        error = refused(lambda ref=ref: bots(world).create_deployment(ref))  # type: ignore[misc]
        assert (error.status, error.message) == (409, f"Conflict merging main into {ref}.")


def test_statuses_are_listed_newest_first_and_may_move_the_environment(world: World, refused: Error) -> None:
    made = bots(world).create_deployment("main", environment="canary")
    for state in ("queued", "pending", "in_progress", "error", "failure", "inactive"):
        made.create_status(state)
    last = made.create_status(
        "success", "https://example.com/log", "done", environment="active", environment_url="https://example.com"
    )
    assert [status.state for status in made.get_statuses()][:3] == ["success", "inactive", "failure"]
    assert (last.target_url, last.description) == ("https://example.com/log", "done")
    assert last.environment_url == "https://example.com"
    (read,) = bots(world).get_deployments()
    assert (read.environment, read.original_environment) == ("active", "canary")
    error = refused(lambda: made.create_status("finished"))
    assert error.status == 422
    assert refused(lambda: made.create_status("success", description="x" * 141)).status == 422
    assert world.http("GET", f"{PATH}/1/statuses", world.token("alice")).status == 404


def test_a_success_makes_earlier_successes_of_the_environment_inactive(world: World) -> None:
    repo = bots(world)
    kinds: dict[str, dict[str, Any]] = {
        "earlier": {"environment": "staging"},
        "failed": {"environment": "staging"},
        "elsewhere": {"environment": "canary"},
        "transient": {"environment": "staging", "transient_environment": True},
        "production": {"environment": "staging", "production_environment": True},
    }
    made = {name: repo.create_deployment("main", **kind) for name, kind in kinds.items()}
    for name, deployment in made.items():
        deployment.create_status("failure" if name == "failed" else "success", auto_inactive=False)
    latest = repo.create_deployment("main", environment="staging")
    latest.create_status("in_progress")
    latest.create_status("success", auto_inactive=False)
    assert world.repo.deployments[made["earlier"].id].state == "success"
    latest.create_status("success")
    states = {name: world.repo.deployments[deployment.id].state for name, deployment in made.items()}
    assert states.pop("earlier") == "inactive"
    assert states.pop("failed") == "failure"
    assert set(states.values()) == {"success"}
    assert world.repo.deployments[latest.id].state == "success"
