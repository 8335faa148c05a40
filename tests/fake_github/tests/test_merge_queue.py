"""The merge queue merges on branches of its own, and the base follows once the checks passed there."""

from __future__ import annotations

import pytest

from tests.fake_github.refusals import HttpError

from .conftest import World


def test_a_queued_pull_request_is_merged_on_a_branch_of_the_queue(world: World) -> None:
    base, pull = world.repo.git.branch("main"), world.pull()
    group = world.repo.merge_queue.add(1, by="bob")
    assert group.head_ref == f"refs/heads/gh-readonly-queue/main/pr-1-{base}"
    assert world.repo.git.commit(group.head_sha).parents == (base, pull.head_sha)
    assert (world.repo.git.branch("main"), pull.state) == (base, "open")
    world.alice.git("fetch", "--quiet", "origin", group.head_ref)
    assert world.alice.git("show", "FETCH_HEAD:model.txt") == "v2"


def test_the_event_tells_what_is_queued_onto_what(world: World) -> None:
    base = world.repo.git.branch("main")
    world.pull()
    group = world.repo.merge_queue.add(1, by="bob")
    event = world.repo.merge_group_event(1)
    assert (event["action"], event["sender"]["login"]) == ("checks_requested", "bob")
    entry = event["merge_group"]
    assert (entry["head_ref"], entry["head_sha"]) == (group.head_ref, group.head_sha)
    assert (entry["base_ref"], entry["base_sha"]) == ("refs/heads/main", base)
    assert entry["head_commit"]["id"] == group.head_sha
    assert entry["head_commit"]["message"].startswith("Merge pull request #1 from acme/add-v2")


def test_entries_stand_on_each_other_and_land_in_order(world: World) -> None:
    world.pull()
    world.pull({"other.txt": "1\n"}, head="two")
    queue = world.repo.merge_queue
    first, second = queue.add(1, by="bob"), queue.add(2, by="alice")
    assert (second.base_sha, second.base_ref) == (first.head_sha, "refs/heads/main")
    with pytest.raises(HttpError, match="Base branch was modified"):
        queue.land(2)
    assert queue.land(1) == world.repo.git.branch("main") == first.head_sha
    assert queue.land(2) == world.repo.git.branch("main") == second.head_sha
    read = world.client().get_repo("acme/models").get_pull(1)
    assert (read.merged, read.merge_commit_sha, read.merged_by.login) == (True, first.head_sha, "bob")
    assert world.repo.merged_push_event(2)["after"] == second.head_sha
    assert not [name for name in world.repo.git.refs() if "gh-readonly-queue" in name]


def test_a_group_lands_once_its_own_checks_passed(world: World) -> None:
    world.repo.protect("main", required_checks=["promotebot/gate"])
    pull = world.pull()
    queue, token = world.repo.merge_queue, world.bot_token()

    def report(sha: str, state: str) -> None:
        body = {"state": state, "context": "promotebot/gate"}
        assert world.http("POST", f"/repos/acme/models/statuses/{sha}", token, body).status == 201

    with pytest.raises(HttpError, match="is expected"):
        queue.add(1, by="bob")
    report(pull.head_sha, "success")
    group = queue.add(1, by="bob")
    with pytest.raises(HttpError, match="is expected"):
        queue.land(1)
    report(group.head_sha, "failure")
    with pytest.raises(HttpError, match="is failing"):
        queue.land(1)
    report(group.head_sha, "success")
    assert queue.land(1) == world.repo.git.branch("main")


@pytest.mark.parametrize(("method", "parents"), [("squash", 1), ("rebase", 1), ("merge", 2)])
def test_the_queue_merges_the_way_it_is_told(world: World, method: str, parents: int) -> None:
    world.pull()
    group = world.repo.merge_queue.add(1, by="bob", method=method)
    assert len(world.repo.git.commit(group.head_sha).parents) == parents


def test_what_cannot_be_merged_is_not_queued(world: World) -> None:
    world.pull()
    world.pull({"model.txt": "rival\n"}, head="rival")
    queue = world.repo.merge_queue
    queue.add(1, by="bob")
    with pytest.raises(HttpError, match="already in the merge queue"):
        queue.add(1, by="bob")
    with pytest.raises(HttpError, match="not mergeable"):
        queue.add(2, by="bob")
    assert [group.pull.number for group in world.repo.queue] == [1]


def test_a_pull_request_that_moved_does_not_land(world: World) -> None:
    world.pull()
    group = world.repo.merge_queue.add(1, by="bob")
    world.alice.git("checkout", "--quiet", "add-v2")
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    with pytest.raises(HttpError, match="Head branch was modified"):
        world.repo.merge_queue.land(1)
    world.repo.merge_queue.remove(1)
    assert world.repo.git.resolve(group.head_ref) is None
    with pytest.raises(HttpError):
        world.repo.merge_group_event(1)
