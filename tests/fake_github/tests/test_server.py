"""The server itself: errors as GitHub words them, limits, faults, the log, and a clean end."""

from __future__ import annotations

import http.client
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fake_github.faults import Fault, secondary_limit
from tests.fake_github.http import EmbeddedGitHub

from .conftest import World

BASE = "/repos/acme/models"


def test_an_unknown_route_answers_like_github(world: World) -> None:
    answered = world.http("GET", f"{BASE}/nonsense")
    assert (answered.status, answered.body["message"], answered.body["status"]) == (404, "Not Found", "404")
    assert answered.body["documentation_url"].startswith("https://docs.github.com/")
    assert world.http("GET", "/repos/acme/none").status == 404
    assert world.http("DELETE", BASE, world.token("alice")).status == 404


def test_both_api_roots_work(world: World) -> None:
    assert world.http("GET", f"{world.hub.server_url}{BASE}").body["full_name"] == "acme/models"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Problems parsing JSON"),
        (b"\xff", "Problems parsing JSON"),
        (b"[]", "Body should be a JSON object"),
    ],
)
def test_a_body_that_is_not_json_is_400(world: World, body: bytes, message: str) -> None:
    answered = world.http("POST", f"{BASE}/issues", world.token("alice"), body)
    assert (answered.status, answered.body["message"]) == (400, message)


def test_a_body_that_is_too_large_is_413(world: World) -> None:
    answered = world.http("POST", f"{BASE}/issues", world.token("alice"), b" " * (11 * 1024 * 1024))
    assert (answered.status, answered.body["message"]) == (413, "Payload Too Large")


def test_chunked_bodies_are_read(world: World) -> None:
    parts = (part for part in (b'{"title": ', b'"chunked"}'))
    with requests.Session() as session:
        headers = {"Authorization": f"token {world.token('alice')}"}
        reply = session.post(f"{world.hub.api_url}{BASE}/issues", data=parts, headers=headers)
        assert (reply.status_code, reply.json()["title"]) == (201, "chunked")


def test_rate_limits_are_counted_for_each_token(world: World) -> None:
    alice, bot = world.token("alice"), world.bot_token()
    first, second = (world.http("GET", BASE, alice).headers for _ in range(2))
    assert first["X-RateLimit-Limit"] == "5000"
    assert int(first["X-RateLimit-Remaining"]) - int(second["X-RateLimit-Remaining"]) == 1
    assert world.http("GET", BASE, bot).headers["X-RateLimit-Limit"] == "1000"
    assert world.http("GET", BASE).headers["X-RateLimit-Limit"] == "60"


def fetch_refs(world: World, token: str) -> requests.Response:
    """How every fetch of git begins."""
    url = f"{world.repo.clone_url}/info/refs?service=git-upload-pack"
    return requests.get(url, auth=("x-access-token", token), timeout=20)


def test_all_actions_tokens_of_a_repository_and_their_fetches_share_one_budget(world: World) -> None:
    one, two = world.bot_token(), world.bot_token()
    assert world.http("GET", BASE, one).headers["X-RateLimit-Used"] == "1"
    assert world.http("GET", BASE, two).headers["X-RateLimit-Used"] == "2"
    assert fetch_refs(world, one).status_code == 200
    assert world.http("GET", BASE, two).headers["X-RateLimit-Used"] == "4"
    other = world.repo.issue_app_token({"contents": "read"}, slug="another")
    assert world.http("GET", BASE, other).headers["X-RateLimit-Used"] == "1"


def test_a_budget_that_is_used_up_refuses_until_the_hour_is_over(world: World) -> None:
    token = world.bot_token()
    for _ in range(999):
        world.hub.spend(world.hub.credentials[token])
    assert world.http("GET", BASE, token).headers["X-RateLimit-Remaining"] == "0"
    refused = world.http("GET", BASE, token)
    assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert refused.body["message"].startswith("API rate limit exceeded")
    assert fetch_refs(world, token).status_code == 403
    world.clock.advance(hours=1)
    assert world.http("GET", BASE, token).status == 200


def test_every_api_request_is_in_the_log_and_git_is_apart(world: World) -> None:
    assert world.repo.requests == []
    world.http("GET", BASE, world.token("alice"))
    world.http("POST", f"{BASE}/issues", None, {})
    world.hub.create_repository("acme/models-2")
    world.http("GET", "/repos/acme/models-2")
    seen = [(made.method, made.path, made.login, made.status) for made in world.repo.requests]
    assert seen == [("GET", BASE, "alice", 200), ("POST", f"{BASE}/issues", "", 401)]
    assert len(world.hub.requests) == 3
    assert {made.login for made in world.hub.git_requests} <= {"alice", ""}


def test_a_fault_fails_as_often_as_it_was_asked_to(world: World) -> None:
    world.hub.inject(Fault("GET", "/repos/", status=502, times=2))
    assert [world.http("GET", BASE).status for _ in range(3)] == [502, 502, 200]


def test_the_secondary_limit_says_when_to_come_back(world: World) -> None:
    world.hub.inject(secondary_limit("POST", "/comments$", retry_after=7))
    world.pull()
    answered = world.http("POST", f"{BASE}/issues/1/comments", world.token("alice"), {"body": "hello"})
    assert (answered.status, answered.headers["Retry-After"]) == (403, "7")
    assert world.repo.comments_on(1) == []


def test_a_dropped_connection_has_no_answer(world: World) -> None:
    world.hub.inject(Fault("GET", "/repos/", drop=True))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        world.http("GET", BASE)
    assert world.hub.requests[-1].status == 0


def test_an_answer_can_be_lost_after_the_write_happened(world: World) -> None:
    world.pull()
    world.hub.inject(Fault("POST", "/comments$", drop=True, after=True))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        world.http("POST", f"{BASE}/issues/1/comments", world.token("alice"), {"body": "hello"})
    assert [comment.body for comment in world.repo.comments_on(1)] == ["hello"]


def test_the_answer_to_a_push_can_be_lost_after_it_landed(world: World) -> None:
    pull = world.pull()
    world.hub.inject(Fault("POST", "git-receive-pack$", drop=True, after=True))
    sha = world.alice.commit({"model.txt": "v3\n"})
    with pytest.raises(RuntimeError):
        world.alice.push("add-v2")
    assert pull.head_sha == sha


def test_an_answer_can_break_off_in_the_middle(world: World) -> None:
    world.hub.inject(Fault("GET", "/repos/", half=True))
    with pytest.raises(http.client.IncompleteRead) as caught:
        world.http("GET", BASE)
    assert abs(len(caught.value.partial) - (caught.value.expected or 0)) <= 1


def test_a_read_can_be_answered_as_the_one_before(world: World) -> None:
    world.pull()
    path, token = f"{BASE}/issues/1/comments", world.token("alice")
    world.http("GET", path, token)
    world.repo.comment(1, author="alice", body="hello")
    world.hub.inject(Fault("GET", "/comments$", stale=True))
    assert world.http("GET", path, token).body == []
    assert [comment["body"] for comment in world.http("GET", path, token).body] == ["hello"]


def test_somebody_else_can_be_faster(world: World) -> None:
    world.pull()
    fault = Fault("GET", "/comments$", meanwhile=lambda: world.repo.comment(1, author="alice", body="first"))
    world.hub.inject(fault)
    comments = world.http("GET", f"{BASE}/issues/1/comments").body
    assert [comment["body"] for comment in comments] == ["first"]


def test_concurrent_comments_are_all_kept(world: World) -> None:
    world.pull()
    token = world.token("alice")

    def comment() -> None:
        for _ in range(5):
            world.http("POST", f"{BASE}/issues/1/comments", token, {"body": "hello"})

    threads = [threading.Thread(target=comment) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({made.id for made in world.repo.comments_on(1)}) == 40


def test_of_two_pushes_on_one_head_one_wins(world: World) -> None:
    clones = [world.clone(world.token(login)) for login in ("alice", "bob")]
    shas = [clone.commit({"model.txt": f"{index}\n"}) for index, clone in enumerate(clones)]
    outcomes: list[Any] = []

    def push(index: int) -> None:
        try:
            clones[index].push("main")
            outcomes.append(shas[index])
        except RuntimeError:
            outcomes.append(None)

    threads = [threading.Thread(target=push, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=bool) == [None, world.repo.git.branch("main")]


def test_stopping_ends_idle_connections_and_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    with EmbeddedGitHub(tmp_path) as hub:
        hub.create_repository("acme/models")
        address = hub.server_url.removeprefix("http://")
        idle = http.client.HTTPConnection(address)
        idle.request("GET", "/api/v3/repos/acme/models")
        idle.getresponse().read()
        silent = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
    assert threading.active_count() == before
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
    idle.close()
    silent.close()


def test_stopping_cuts_a_slow_answer_short(tmp_path: Path) -> None:
    with EmbeddedGitHub(tmp_path) as hub:
        hub.create_repository("acme/models")
        hub.inject(Fault("GET", "/", delay=600))
        connection = http.client.HTTPConnection(hub.server_url.removeprefix("http://"))
        connection.request("GET", "/repos/acme/models")
        while not hub.faults or hub.faults[0].times:
            threading.Event().wait(0.001)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_hub_without_a_root_cleans_up_after_itself() -> None:
    hub = EmbeddedGitHub()
    hub.create_repository("acme/models")
    assert hub.root.is_dir()
    hub.stop()
    assert not hub.root.exists()


def test_the_server_listens_on_loopback_only(hub: EmbeddedGitHub) -> None:
    assert hub.server_url.startswith("http://127.0.0.1:")


def test_git_ignores_the_machines_configuration(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[merge]\n\trenames = nonsense\n[core]\n\tbare = broken\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert world.pull().mergeable


@pytest.mark.parametrize("name", ["models", "acme/..", "acme/a b", "../x", "acme/x/y"])
def test_a_repository_has_an_owner_and_a_plain_name(hub: EmbeddedGitHub, name: str) -> None:
    with pytest.raises(ValueError, match="Next: use OWNER/NAME"):
        hub.create_repository(name)


def test_a_repository_exists_once_whatever_the_case(world: World) -> None:
    with pytest.raises(ValueError, match="exists already"):
        world.hub.create_repository("Acme/Models")
    assert world.http("GET", "/repos/ACME/Models").body["full_name"] == "acme/models"
