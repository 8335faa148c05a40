"""What happened shows late, as on GitHub; the test passes the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lateness import Lateness

from .conftest import World

PULL = "/repos/acme/models/pulls/1"


@pytest.fixture
def late(world: World) -> World:
    world.hub.late = Lateness()
    return world


def shown(world: World) -> tuple[str, str]:
    """The head that the API shows, and the pull request's ref."""
    pull = world.client(world.token("alice")).get_repo("acme/models").get_pull(1)
    return pull.head.sha, world.alice.git("ls-remote", "origin", "refs/pull/1/head").split()[0]


def test_it_is_late_where_nobody_says_otherwise(tmp_path: Path) -> None:
    hub = EmbeddedGitHub(tmp_path)
    assert (hub.late.heads, hub.late.reads) == (10.0, 3.0)
    hub.stop()


def test_a_pushed_head_shows_after_ten_seconds_and_the_branch_at_once(late: World) -> None:
    old = late.pull().head_sha
    pushed = late.alice.commit({"model.txt": "v3\n"})
    late.alice.push("add-v2")
    assert late.alice.git("ls-remote", "origin", "refs/heads/add-v2").split()[0] == pushed
    late.hub.pass_time(9)
    assert shown(late) == (old, old)
    late.hub.pass_time(1)
    assert shown(late) == (pushed, pushed)


def test_each_of_two_heads_shows_in_its_time(late: World) -> None:
    late.pull()
    pushed = []
    for content in ("v3\n", "v4\n"):
        late.hub.pass_time(6)
        pushed.append(late.alice.commit({"model.txt": content}))
        late.alice.push("add-v2")
    late.hub.pass_time(5)
    assert shown(late) == (pushed[0], pushed[0])
    late.hub.catch_up()
    assert shown(late) == (pushed[1], pushed[1])


def test_an_event_tells_the_head_that_it_is_about(late: World) -> None:
    late.pull()
    pushed = late.alice.commit({"model.txt": "v3\n"})
    late.alice.push("add-v2")
    payload = late.repo.pull_request_event(1, action="synchronize", before="0" * 40)
    assert payload["pull_request"]["head"]["sha"] == pushed


def listed(world: World, path: str) -> list[str]:
    """What tells the items of a list: a body, a context or a name."""
    answer = world.http("GET", f"/repos/acme/models{path}", world.token("alice")).body
    return [item.get("body") or item.get("context") or item["name"] for item in answer]


def test_a_list_lacks_what_was_just_written_also_for_its_writer(late: World) -> None:
    pull, token = late.pull(), late.token("bob")
    lists = {
        f"/issues/{pull.number}/comments": ["hello"],
        f"/commits/{pull.head_sha}/statuses": ["mine"],
        f"/issues/{pull.number}/labels": ["urgent"],
    }
    late.http("POST", f"/repos/acme/models/issues/{pull.number}/comments", token, {"body": "hello"})
    late.http("POST", f"/repos/acme/models/statuses/{pull.head_sha}", token, {"state": "success", "context": "mine"})
    late.http("POST", f"/repos/acme/models/issues/{pull.number}/labels", token, {"labels": ["urgent"]})
    late.hub.pass_time(2)
    assert {path: listed(late, path) for path in lists} == {path: [] for path in lists}
    late.hub.pass_time(1)
    assert {path: listed(late, path) for path in lists} == lists


def test_a_label_that_was_taken_off_is_there_a_little_longer(late: World) -> None:
    pull = late.pull()
    late.repo.add_label(pull.number, "urgent")
    late.hub.catch_up()
    late.repo.remove_label(pull.number, "urgent")
    assert listed(late, f"/issues/{pull.number}/labels") == ["urgent"]
    late.hub.catch_up()
    assert listed(late, f"/issues/{pull.number}/labels") == []
