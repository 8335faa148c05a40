"""What administrators set: who is told what, and what a label or an odd line in CODEOWNERS gives."""

from __future__ import annotations

import pytest

from .conftest import World

BASE = "/repos/acme/models"


@pytest.fixture
def root(world: World) -> str:
    world.hub.add_user("root")
    world.repo.set_role("root", "admin")
    return world.token("root")


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("branches/main/protection", "administration=read"),
        ("actions/permissions/workflow", "administration=read"),
        ("teams", "administration=read"),
    ],
)
def test_what_only_administrators_see_no_actions_token_is_told(world: World, path: str, needed: str) -> None:
    answered = world.http("GET", f"{BASE}/{path}", world.bot_token())
    assert (answered.status, answered.headers["X-Accepted-GitHub-Permissions"]) == (403, needed)
    writer = world.http("GET", f"{BASE}/{path}", world.token("alice"))
    assert writer.status == (404 if "protection" in path else 403)
    assert world.http("GET", f"{BASE}/{path}").status == 401


def test_rulesets_are_told_to_every_reader(world: World) -> None:
    world.repo.settings.require_status("feature/x", "gate", 15368)
    (rule,) = world.http("GET", f"{BASE}/rules/branches/feature%2Fx", world.token("carol")).body
    assert rule["parameters"]["required_status_checks"] == [{"context": "gate", "integration_id": 15368}]
    assert world.http("GET", f"{BASE}/rules/branches/other", world.token("carol")).body == []


def test_a_branch_tells_every_reader_which_statuses_protection_requires_and_no_more(world: World, root: str) -> None:
    missing = world.http("GET", f"{BASE}/branches/main/protection", root)
    assert (missing.status, missing.body["message"]) == (404, "Branch not protected")
    world.repo.protect("main", required_checks=["gate"], required_reviews=2, is_classic=True)
    branch = world.http("GET", f"{BASE}/branches/main", world.bot_token()).body
    assert branch["protected"] is True
    assert branch["protection"].keys() == {"enabled", "required_status_checks"}
    assert branch["protection"]["required_status_checks"]["checks"] == [{"context": "gate", "app_id": None}]
    whole = world.http("GET", f"{BASE}/branches/main/protection", root).body
    assert whole["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert world.http("GET", f"{BASE}/branches/gone", root).status == 404


def test_merge_methods_are_told_to_whoever_may_write(world: World) -> None:
    world.repo.settings.merge_methods = {"squash"}
    for token in (world.token("alice"), world.bot_token(contents="write")):
        told = world.http("GET", BASE, token).body
        assert (told["allow_squash_merge"], told["allow_merge_commit"]) == (True, False)
    for token in (world.token("carol"), world.bot_token(contents="read")):
        assert "allow_squash_merge" not in world.http("GET", BASE, token).body


def test_a_label_is_made_once(world: World) -> None:
    made = world.http("POST", f"{BASE}/labels", world.bot_token(), {"name": "promote:active", "color": "#00ff00"})
    assert (made.status, made.body["color"]) == (201, "00ff00")
    again = world.http("POST", f"{BASE}/labels", world.bot_token(), {"name": "Promote:Active"})
    assert (again.status, again.body["errors"][0]["code"]) == (422, "already_exists")
    assert world.http("POST", f"{BASE}/labels", world.bot_token(), {"name": "x" * 51}).status == 422
    assert [label["name"] for label in world.http("GET", f"{BASE}/labels").body] == ["promote:active"]


def test_an_owner_whom_nobody_knows_is_an_error_of_codeowners(world: World) -> None:
    assert world.http("GET", f"{BASE}/codeowners/errors", world.bot_token()).status == 404
    world.alice.commit({".github/CODEOWNERS": "# @gone\n/ml/ @bob @nobody\n"})
    world.alice.push("HEAD:main")
    (error,) = world.http("GET", f"{BASE}/codeowners/errors", world.bot_token()).body["errors"]
    assert (error["line"], error["column"], error["kind"]) == (2, 11, "Unknown owner")


def test_an_environment_tells_which_branches_may_use_it(world: World) -> None:
    world.repo.settings.environments |= {"promotebot": ("main", "release/*"), "open": None}
    token = world.bot_token(actions="read")
    assert world.http("GET", f"{BASE}/environments/open", token).body["deployment_branch_policy"] is None
    policies = world.http("GET", f"{BASE}/environments/promotebot/deployment-branch-policies", token).body
    assert [policy["name"] for policy in policies["branch_policies"]] == ["main", "release/*"]
    assert world.http("GET", f"{BASE}/environments/gone", token).status == 404
