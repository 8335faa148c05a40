"""Tokens do what they were given, users what their role allows, and strangers read public things."""

from __future__ import annotations

import pytest

from .conftest import World

BASE = "/repos/acme/models"


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("POST", f"{BASE}/check-runs", "checks=write"),
        ("POST", f"{BASE}/statuses/{'0' * 40}", "statuses=write"),
        ("POST", f"{BASE}/issues/1/comments", "issues=write; pull_requests=write"),
        ("POST", f"{BASE}/issues/1/labels", "issues=write; pull_requests=write"),
        ("POST", f"{BASE}/pulls", "pull_requests=write"),
        ("POST", f"{BASE}/deployments", "deployments=write"),
        ("POST", f"{BASE}/dispatches", "contents=write"),
    ],
)
def test_an_actions_token_without_the_permission_is_told_which(
    world: World, method: str, path: str, needed: str
) -> None:
    world.pull()
    answered = world.http(method, path, world.bot_token(metadata="read"), {})
    assert answered.status == 403
    assert answered.body["message"] == "Resource not accessible by integration"
    assert answered.headers["X-Accepted-GitHub-Permissions"] == needed


@pytest.mark.parametrize("area", ["issues", "pull_requests"])
def test_either_permission_lets_a_bot_comment_on_a_pull_request(world: World, area: str) -> None:
    world.pull()
    token = world.bot_token(**{area: "write"})
    answered = world.http("POST", f"{BASE}/issues/1/comments", token, {"body": "hello"})
    assert answered.status == 201
    assert answered.body["user"]["login"] == "github-actions[bot]"
    assert answered.body["user"]["id"] == 41898282
    assert answered.body["user"]["type"] == "Bot"


def test_commenting_on_a_plain_issue_takes_the_issues_permission(world: World) -> None:
    world.repo.open_issue(author="alice", title="plain")
    body = {"body": "hello"}
    refused = world.http("POST", f"{BASE}/issues/1/comments", world.bot_token(pull_requests="write"), body)
    assert (refused.status, refused.headers["X-Accepted-GitHub-Permissions"]) == (403, "issues=write")
    assert world.http("POST", f"{BASE}/issues/1/comments", world.bot_token(issues="write"), body).status == 201


def test_an_actions_token_ends_at_its_repository(world: World) -> None:
    world.hub.create_repository("acme/other")
    world.hub.create_repository("acme/secret", private=True)
    token = world.bot_token()
    assert world.http("GET", "/repos/acme/other", token).status == 200
    assert world.http("POST", "/repos/acme/other/issues", token, {"title": "t"}).status == 403
    assert world.http("GET", "/repos/acme/secret", token).status == 404


def test_a_personal_token_cannot_create_check_runs(world: World) -> None:
    sha = world.pull().head_sha
    body = {"name": "gate", "head_sha": sha}
    answered = world.http("POST", f"{BASE}/check-runs", world.token("bob"), body)
    assert (answered.status, answered.body["message"]) == (403, "You must authenticate via a GitHub App.")


@pytest.mark.parametrize(
    ("login", "method", "path", "body", "status"),
    [
        ("eve", "POST", f"{BASE}/issues/1/comments", {"body": "hello"}, 201),
        ("eve", "POST", f"{BASE}/issues/1/labels", ["x"], 403),
        ("carol", "POST", f"{BASE}/issues/1/labels", ["x"], 200),
        ("carol", "POST", f"{BASE}/dispatches", {"event_type": "x"}, 403),
        ("carol", "POST", f"{BASE}/statuses/{'0' * 40}", {"state": "success"}, 403),
        ("alice", "POST", f"{BASE}/statuses/{'0' * 40}", {"state": "success"}, 422),
    ],
)
def test_a_user_acts_with_the_role(world: World, login: str, method: str, path: str, body: object, status: int) -> None:
    world.pull()
    assert world.http(method, path, world.token(login), body).status == status


def test_strangers_read_public_repositories_and_write_nothing(world: World) -> None:
    world.pull()
    for path in (BASE, f"{BASE}/pulls", f"{BASE}/issues/1/comments", f"{BASE}/activity"):
        assert world.http("GET", path).status == 200
    for method, path in (
        ("POST", f"{BASE}/issues/1/comments"),
        ("POST", f"{BASE}/issues"),
        ("POST", f"{BASE}/dispatches"),
        ("POST", f"{BASE}/pulls"),
        ("PATCH", f"{BASE}/issues/1"),
        ("DELETE", f"{BASE}/issues/1/labels/x"),
        ("GET", f"{BASE}/collaborators/alice/permission"),
    ):
        assert world.http(method, path, None, {} if method != "GET" else None).status == 401


def test_a_private_repository_does_not_exist_for_strangers(world: World) -> None:
    secret = world.hub.create_repository("acme/secret", private=True)
    assert world.http("GET", "/repos/acme/secret").status == 404
    assert world.http("GET", "/repos/acme/secret", world.token("eve")).status == 404
    secret.set_role("eve", "read")
    assert world.http("GET", "/repos/acme/secret", world.token("eve")).status == 200


def test_an_unknown_token_is_refused(world: World) -> None:
    answered = world.http("GET", BASE, "ghp_unknown")
    assert (answered.status, answered.body["message"]) == (401, "Bad credentials")


@pytest.mark.parametrize(
    ("login", "permission", "role"),
    [
        ("acme-admin", "admin", "admin"),
        ("bob", "write", "maintain"),
        ("alice", "write", "write"),
        ("carol", "read", "triage"),
        ("eve", "read", "read"),
    ],
)
def test_the_permission_endpoint_tells_the_legacy_word_and_the_role(
    world: World, login: str, permission: str, role: str
) -> None:
    world.hub.add_user("acme-admin")
    world.repo.set_role("acme-admin", "admin")
    repo = world.client(world.bot_token(contents="write")).get_repo("acme/models")
    assert repo.get_collaborator_permission(login) == permission
    assert repo.get_collaborator_role_name(login) == role


def test_a_stranger_to_a_private_repository_has_no_permission(world: World) -> None:
    secret = world.hub.create_repository("acme/secret", private=True)
    token = secret.issue_actions_token({"contents": "read"})
    answered = world.http("GET", "/repos/acme/secret/collaborators/eve/permission", token)
    assert (answered.body["permission"], answered.body["role_name"]) == ("none", "none")


def test_unknown_people_and_bots_have_no_permission_to_tell(world: World) -> None:
    token = world.bot_token()
    assert world.http("GET", f"{BASE}/collaborators/nobody/permission", token).status == 404
    bot = world.http("GET", f"{BASE}/collaborators/github-actions%5Bbot%5D/permission", token)
    assert (bot.status, bot.body["message"]) == (404, "github-actions[bot] is not a user")


def test_asking_for_permissions_takes_push_access(world: World) -> None:
    answered = world.http("GET", f"{BASE}/collaborators/alice/permission", world.token("carol"))
    assert answered.status == 403
    assert answered.body["message"] == "Must have push access to view collaborator permission."


def test_actions_may_open_no_pull_requests_unless_a_setting_allows_it(world: World) -> None:
    world.alice.branch("add-v2", {"model.txt": "v2\n"})
    body = {"title": "t", "head": "add-v2", "base": "main"}
    answered = world.http("POST", f"{BASE}/pulls", world.bot_token(), body)
    assert answered.status == 403
    assert "not permitted to create or approve" in answered.body["message"]
    world.repo.actions_may_open_pulls = True
    assert world.http("POST", f"{BASE}/pulls", world.bot_token(), body).status == 201


def test_people_and_other_apps_open_pull_requests_where_actions_may_not(world: World) -> None:
    tokens = world.token("alice"), world.repo.issue_app_token({"pull_requests": "write"})
    for number, token in enumerate(tokens):
        world.alice.branch(f"topic-{number}", {"model.txt": f"v{number + 2}\n"})
        body = {"title": "t", "head": f"topic-{number}", "base": "main"}
        assert world.http("POST", f"{BASE}/pulls", token, body).status == 201


def test_an_app_of_ones_own_acts_under_its_name(world: World) -> None:
    world.pull()
    token = world.repo.issue_app_token({"issues": "write"}, slug="promoter")
    answered = world.http("POST", f"{BASE}/issues/1/comments", token, {"body": "hello"})
    assert answered.body["user"]["login"] == "promoter[bot]"
    assert answered.body["performed_via_github_app"]["slug"] == "promoter"
