"""A pull request follows its branches, from opening to closing."""

from __future__ import annotations

import pytest

from tests.fake_github.refusals import HttpError

from .conftest import World


def test_the_head_follows_a_push(world: World) -> None:
    pull = world.pull()
    pushed = world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    read = world.client(world.token("alice")).get_repo("acme/models").get_pull(pull.number)
    assert read.head.sha == pushed
    assert read.mergeable is True
    assert world.alice.git("ls-remote", "origin", "refs/pull/1/head").split()[0] == pushed


def test_other_workflows_run_on_what_the_actions_token_pushed_when_somebody_approves_it(world: World) -> None:
    world.pull()
    clone = world.clone(world.bot_token(contents="write"))
    clone.git("checkout", "--quiet", "add-v2")
    clone.commit({"model.txt": "v3\n"})
    clone.push("add-v2")
    assert [(run.event, run.waits) for run in world.repo.runs.values()] == [
        ("pull_request", False),
        ("pull_request", True),
    ]


def test_the_test_merge_holds_both_sides(world: World) -> None:
    pull = world.pull()
    world.alice.git("checkout", "--quiet", "main")
    base = world.alice.commit({"other.txt": "1\n"})
    world.alice.push("main")
    world.alice.git("fetch", "--quiet", "origin", "refs/pull/1/merge")
    parents = world.alice.git("show", "--no-patch", "--format=%P", "FETCH_HEAD").split()
    assert parents == [base, pull.head_sha]
    assert world.alice.git("show", "FETCH_HEAD:model.txt") == "v2"
    assert world.alice.git("show", "FETCH_HEAD:other.txt") == "1"


def test_base_sha_does_not_follow_pushes_to_the_base(world: World) -> None:
    pull = world.pull()
    opened_on = pull.base_sha
    world.alice.git("checkout", "--quiet", "main")
    world.alice.commit({"other.txt": "1\n"})
    world.alice.push("main")
    assert pull.base_sha == opened_on


def test_a_conflict_removes_the_test_merge_and_a_resolution_brings_it_back(world: World) -> None:
    pull = world.pull()
    world.alice.git("checkout", "--quiet", "main")
    world.alice.commit({"model.txt": "elsewhere\n"})
    world.alice.push("main")
    read = world.client().get_repo("acme/models").get_pull(pull.number)
    assert (read.mergeable, read.mergeable_state) == (False, "dirty")
    assert world.alice.git("ls-remote", "origin", "refs/pull/1/merge") == ""
    world.alice.git("checkout", "--quiet", "add-v2")
    world.alice.git("merge", "--quiet", "--strategy", "ours", "main", "--message", "resolved")
    world.alice.push("add-v2")
    assert pull.mergeable is True
    assert world.alice.git("ls-remote", "origin", "refs/pull/1/merge") != ""


def test_a_fork_pull_request_follows_the_fork(world: World) -> None:
    fork = world.hub.fork("acme/models", "mallory")
    theirs = world.clone(world.token("mallory"), fork)
    first = theirs.branch("theirs", {"model.txt": "m\n"})
    client = world.client(world.token("mallory"))
    pull = client.get_repo("acme/models").create_pull(title="Mine", body="", base="main", head="mallory:theirs")
    assert pull.head.repo.full_name == "mallory/models"
    assert pull.head.label == "mallory:theirs"
    assert (pull.head.sha, pull.head.repo.fork) == (first, True)
    second = theirs.commit({"model.txt": "m2\n"})
    theirs.push("theirs")
    assert client.get_repo("acme/models").get_pull(pull.number).head.sha == second
    assert world.alice.git("ls-remote", "origin", "refs/pull/1/head").split()[0] == second


def test_a_reader_cannot_open_a_pull_request_from_a_branch_of_others(world: World) -> None:
    world.alice.branch("add-v2", {"model.txt": "v2\n"})
    body = {"title": "t", "head": "add-v2", "base": "main"}
    answered = world.http("POST", "/repos/acme/models/pulls", world.token("eve"), body)
    assert (answered.status, answered.body["errors"][0]["field"]) == (422, "head")


@pytest.mark.parametrize(
    ("head", "base", "words"),
    [
        ("missing", "main", "Validation Failed"),
        ("add-v2", "missing", "Validation Failed"),
        ("main", "main", "No commits between main and main"),
        ("add-v2", "main", "A pull request already exists for acme:add-v2."),
    ],
)
def test_an_impossible_pull_request_is_refused(world: World, head: str, base: str, words: str) -> None:
    world.pull()
    body = {"title": "t", "head": head, "base": base}
    answered = world.http("POST", "/repos/acme/models/pulls", world.token("alice"), body)
    assert answered.status == 422
    assert words in str(answered.body)


def test_deleting_the_head_branch_closes_the_pull_request(world: World) -> None:
    pull = world.pull()
    world.alice.push(":add-v2")
    assert (pull.state, pull.merged) == ("closed", False)
    with pytest.raises(HttpError):
        world.repo.merge(pull.number, by="bob")


def test_resetting_the_head_to_the_base_closes_without_a_merge(world: World) -> None:
    pull = world.pull()
    world.alice.push("--force", "main:add-v2")
    assert (pull.state, pull.merged) == ("closed", False)


def test_a_head_that_lands_in_the_base_is_merged(world: World) -> None:
    pull = world.pull()
    world.alice.push("add-v2:main")
    assert (pull.state, pull.merged) == ("closed", True)
    assert pull.merged_by == world.hub.user("alice")
    assert pull.merge_commit_sha == pull.head_sha


def test_a_closed_pull_request_no_longer_follows_until_it_is_reopened(world: World) -> None:
    pull = world.pull()
    old = pull.head_sha
    path, token = "/repos/acme/models/issues/1", world.token("alice")
    world.http("PATCH", path, token, {"state": "closed"})
    new = world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    assert pull.head_sha == old
    world.http("PATCH", path, token, {"state": "open", "title": "Again"})
    assert (pull.state, pull.head_sha, pull.title) == ("open", new, "Again")


def test_pull_requests_are_listed_by_state_head_and_base(world: World) -> None:
    world.pull()
    world.pull({"other.txt": "1\n"}, head="two", draft=True)
    world.repo.close(2, by="bob")
    repo = world.client().get_repo("acme/models")
    assert [pull.number for pull in repo.get_pulls()] == [1]
    assert [pull.number for pull in repo.get_pulls(state="all")] == [2, 1]
    assert [pull.number for pull in repo.get_pulls(state="all", head="acme:two")] == [2]
    assert [pull.number for pull in repo.get_pulls(base="release")] == []
    assert [pull.number for pull in repo.get_pulls(state="all", base="main", head="acme:add-v2")] == [1]


def test_a_head_without_its_owner_is_ignored_as_on_github(world: World) -> None:
    world.pull()
    world.pull({"other.txt": "1\n"}, head="two")
    repo = world.client().get_repo("acme/models")
    assert [pull.number for pull in repo.get_pulls(head="two")] == [2, 1]
    assert [pull.number for pull in repo.get_pulls(head="acme:three")] == []


def test_a_pull_request_counts_what_changed_since_the_base(world: World) -> None:
    world.alice.git("checkout", "--quiet", "-B", "many", "main")
    world.alice.git("mv", "README.md", "docs.md")
    (world.alice.folder / "weights.bin").write_bytes(bytes(range(256)) * 8)
    (world.alice.folder / "größe.txt").write_text("ü\n", encoding="utf-8")
    world.alice.commit({"model.txt": "v2\nv3\n"})
    world.alice.commit({"z.txt": "z\n"})
    world.alice.push("many")
    world.repo.open_pull(author="alice", head="many")
    read = world.client().get_repo("acme/models").get_pull(1)
    assert (read.changed_files, read.additions, read.deletions, read.commits) == (5, 4, 1, 2)


def test_a_pull_request_that_was_merged_stays_closed(world: World) -> None:
    pull = world.pull()
    world.repo.merge(1, by="bob")
    assert world.http("PATCH", "/repos/acme/models/issues/1", world.token("alice"), {"state": "open"}).status == 422
    assert (pull.state, pull.merged) == ("closed", True)
