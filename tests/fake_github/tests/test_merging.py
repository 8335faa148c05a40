"""Merges happen once, on the head that was looked at, and only when nothing stands against them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import github
import pytest
from github.PullRequest import PullRequest

from .conftest import World

Error = Callable[[Callable[[], Any]], github.GithubException]


def merger(world: World, login: str = "bob") -> PullRequest:
    return world.client(world.token(login)).get_repo("acme/models").get_pull(1)


def test_a_merge_has_two_parents_and_the_mergers_name(world: World) -> None:
    pull = world.pull()
    base = pull.base_sha
    done = merger(world).merge(sha=pull.head_sha)
    assert done.merged
    world.alice.git("fetch", "--quiet", "origin")
    shown = world.alice.git("show", "--no-patch", "--format=%P|%an|%cn|%s", "origin/main")
    assert shown == f"{base} {pull.head_sha}|bob|GitHub|Merge pull request #1 from acme/add-v2"
    read = merger(world)
    assert (read.merged, read.merge_commit_sha, read.merged_by.login) == (True, done.sha, "bob")
    assert read.merged_at == world.clock.now


def test_a_squash_has_one_parent_the_authors_name_and_the_number(world: World) -> None:
    pull = world.pull()
    base = pull.base_sha
    world.alice.commit({"model.txt": "v3\n"}, "second")
    world.alice.push("add-v2")
    world.repo.merge(1, by="bob", method="squash")
    world.alice.git("fetch", "--quiet", "origin")
    shown = world.alice.git("show", "--no-patch", "--format=%P|%an|%s|%b", "origin/main")
    assert shown == f"{base}|alice|Add v2 (#1)|* change\n\n* second"


def test_a_rebase_replays_each_commit_and_keeps_authors(world: World) -> None:
    world.pull()
    world.alice.commit({"b.txt": "b\n"}, "second")
    world.alice.push("add-v2")
    world.alice.git("checkout", "--quiet", "main")
    tip = world.alice.commit({"c.txt": "c\n"}, "meanwhile")
    world.alice.push("main")
    world.repo.merge(1, by="bob", method="rebase")
    world.alice.git("fetch", "--quiet", "origin")
    log = world.alice.git("log", "--format=%s by %an via %cn", f"{tip}..origin/main").splitlines()
    assert log == ["second by Alice via bob", "change by Alice via bob"]
    assert world.alice.git("ls-tree", "--name-only", "origin/main").split() == [
        "README.md",
        "b.txt",
        "c.txt",
        "model.txt",
    ]


def test_a_merge_of_a_head_that_moved_is_409(world: World, refused: Error) -> None:
    pull = world.pull()
    stale = pull.head_sha
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    error = refused(lambda: merger(world).merge(sha=stale))
    assert error.status == 409
    assert not pull.merged


def test_a_conflict_cannot_be_merged(world: World, refused: Error) -> None:
    world.pull()
    world.alice.git("checkout", "--quiet", "main")
    world.alice.commit({"model.txt": "elsewhere\n"})
    world.alice.push("main")
    error = refused(lambda: merger(world).merge())
    assert (error.status, error.message) == (405, "Pull Request is not mergeable")


def test_a_draft_cannot_be_merged(world: World, refused: Error) -> None:
    world.pull(draft=True)
    error = refused(lambda: merger(world).merge())
    assert (error.status, error.message) == (405, "Pull Request is still a draft")


def test_a_merged_pull_request_cannot_be_merged_again(world: World, refused: Error) -> None:
    world.pull()
    merger(world).merge()
    assert refused(lambda: merger(world).merge()).status == 405


def test_merging_takes_write_access(world: World, refused: Error) -> None:
    world.pull()
    assert refused(lambda: merger(world, "carol").merge()).status == 403


def test_a_merge_refreshes_the_other_pull_requests(world: World) -> None:
    world.pull()
    other = world.pull({"model.txt": "rival\n"}, head="rival")
    assert other.mergeable
    merger(world).merge()
    assert other.mergeable is False


def test_a_required_check_must_have_succeeded_on_the_exact_head(world: World, refused: Error) -> None:
    pull = world.pull()
    world.repo.protect("main", required_checks=["promotebot/gate"])
    error = refused(lambda: merger(world).merge())
    assert (error.status, error.message) == (405, 'Required status check "promotebot/gate" is expected.')
    bot = world.client(world.bot_token()).get_repo("acme/models")
    bot.create_check_run("promotebot/gate", pull.head_sha, conclusion="failure")
    assert "is failing" in str(refused(lambda: merger(world).merge()).message)
    assert merger(world).mergeable_state == "blocked"
    bot.create_check_run("promotebot/gate", pull.head_sha, conclusion="success")
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    assert "is expected" in str(refused(lambda: merger(world).merge()).message)
    bot.create_check_run("promotebot/gate", pull.head_sha, conclusion="success")
    assert merger(world).merge().merged


def test_required_approvals_count_writers_only_and_each_persons_last_word(world: World, refused: Error) -> None:
    world.pull()
    world.repo.protect("main", required_reviews=1)
    for login in ("carol", "eve"):
        merger(world, login).create_review(event="APPROVE")
    assert "approving review" in str(refused(lambda: merger(world).merge()).message)
    merger(world).create_review(event="APPROVE")
    merger(world).create_review(event="REQUEST_CHANGES", body="no")
    assert "approving review" in str(refused(lambda: merger(world).merge()).message)
    review = merger(world).create_review(event="APPROVE")
    assert review.commit_id == world.repo.pull(1).head_sha
    assert merger(world).merge().merged


def test_nobody_approves_their_own_pull_request(world: World, refused: Error) -> None:
    world.pull()
    error = refused(lambda: merger(world, "alice").create_review(event="APPROVE"))
    assert error.status == 422
    assert "Can not approve your own pull request" in str(error.data)


def test_a_workflow_token_cannot_merge_a_change_of_workflows(world: World, refused: Error) -> None:
    world.pull({".github/workflows/ci.yml": "on: push\n"})
    pull = world.client(world.bot_token()).get_repo("acme/models").get_pull(1)
    error = refused(lambda: pull.merge())
    assert error.status == 403
    assert "without `workflows` permission" in str(error.message)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_title_and_message_can_be_chosen(world: World, method: str) -> None:
    world.pull()
    merger(world).merge(commit_title="chosen", commit_message="words", merge_method=method)
    world.alice.git("fetch", "--quiet", "origin")
    expected = "change" if method == "rebase" else "chosen"
    assert world.alice.git("show", "--no-patch", "--format=%s", "origin/main") == expected


def test_whether_it_was_merged_has_an_address_of_its_own(world: World) -> None:
    world.pull()
    assert not merger(world).is_merged()
    merger(world).merge()
    assert merger(world).is_merged()


def test_an_unknown_way_of_merging_is_refused(world: World, refused: Error) -> None:
    world.pull()
    assert refused(lambda: merger(world).merge(merge_method="octopus")).status == 422


def test_a_base_that_moves_under_the_merge_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pull = world.pull()
    monkeypatch.setattr(world.repo.git, "swap", lambda *_: False)
    answered = world.http("PUT", "/repos/acme/models/pulls/1/merge", world.token("bob"), {})
    assert answered.status == 409
    assert not pull.merged
