"""Merges happen once, on the head that was looked at, and only when nothing stands against them."""

from __future__ import annotations

from typing import Any

import pytest
from github.PullRequest import PullRequest

from tests.fake_github.refusals import HttpError

from .conftest import World

pytestmark = pytest.mark.thorough


def pull_seen_by_github(world: World) -> PullRequest:
    return world.client(world.token("bob")).get_repo("acme/models").get_pull(1)


def refusal(world: World, **options: Any) -> tuple[int, str]:
    """Merge as bob and return what GitHub answers instead."""
    with pytest.raises(HttpError) as caught:
        world.repo.merge(1, by="bob", **options)
    return caught.value.status, caught.value.message


def test_a_merge_has_two_parents_and_the_mergers_name(world: World) -> None:
    pull = world.pull()
    base = pull.base_sha
    tip = world.repo.merge(1, by="bob", sha=pull.head_sha)
    world.alice.git("fetch", "--quiet", "origin")
    shown = world.alice.git("show", "--no-patch", "--format=%P|%an|%cn|%s", "origin/main")
    assert shown == f"{base} {pull.head_sha}|bob|GitHub|Merge pull request #1 from acme/add-v2"
    read = pull_seen_by_github(world)
    assert (read.merged, read.merge_commit_sha, read.merged_by.login) == (True, tip, "bob")
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


@pytest.mark.parametrize(("method", "brought"), [("merge", 3), ("squash", 1), ("rebase", 2)])
def test_every_commit_that_a_merge_brought_names_its_pull_request(world: World, method: str, brought: int) -> None:
    base = world.pull().base_sha
    world.alice.commit({"model.txt": "v3\n"}, "second")
    world.alice.push("add-v2")
    world.repo.merge(1, by="bob", method=method)
    world.alice.git("fetch", "--quiet", "origin")
    commits = world.alice.git("rev-list", f"{base}..origin/main").split()
    pulls = [world.http("GET", f"/repos/acme/models/commits/{sha}/pulls").body for sha in commits]
    assert [[pull["number"] for pull in found] for found in pulls] == [[1]] * brought
    assert world.http("GET", f"/repos/acme/models/commits/{base}/pulls").body == []


def test_a_commit_of_the_default_branch_names_no_pull_request_that_is_open(world: World) -> None:
    pull = world.pull()
    open_ones = world.http("GET", f"/repos/acme/models/commits/{pull.head_sha}/pulls").body
    assert [found["number"] for found in open_ones] == [1]
    assert world.http("GET", f"/repos/acme/models/commits/{'0' * 40}/pulls").status == 422


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


def test_a_merge_of_a_head_that_moved_is_409(world: World) -> None:
    pull = world.pull()
    stale = pull.head_sha
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    assert refusal(world, sha=stale) == (409, "Head branch was modified. Review and try the merge again.")
    assert not pull.merged


def test_a_conflict_cannot_be_merged(world: World) -> None:
    world.pull()
    world.alice.git("checkout", "--quiet", "main")
    world.alice.commit({"model.txt": "elsewhere\n"})
    world.alice.push("main")
    assert refusal(world) == (405, "Pull Request is not mergeable")


def test_a_draft_cannot_be_merged(world: World) -> None:
    world.pull(draft=True)
    assert refusal(world) == (405, "Pull Request is still a draft")


def test_a_merged_pull_request_cannot_be_merged_again(world: World) -> None:
    world.pull()
    world.repo.merge(1, by="bob")
    assert refusal(world)[0] == 405


def test_a_merge_refreshes_the_other_pull_requests(world: World) -> None:
    world.pull()
    other = world.pull({"model.txt": "rival\n"}, head="rival")
    assert other.mergeable
    world.repo.merge(1, by="bob")
    assert other.mergeable is False


def test_a_required_check_must_have_succeeded_on_the_exact_head(world: World) -> None:
    pull = world.pull()
    world.repo.protect("main", required_checks=["promotebot/gate"])
    assert refusal(world) == (405, 'Required status check "promotebot/gate" is expected.')
    bot = world.client(world.bot_token()).get_repo("acme/models")
    bot.create_check_run("promotebot/gate", pull.head_sha, conclusion="failure")
    assert "is failing" in refusal(world)[1]
    assert pull_seen_by_github(world).mergeable_state == "blocked"
    bot.create_check_run("promotebot/gate", pull.head_sha, conclusion="success")
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    assert "is expected" in refusal(world)[1]
    bot.create_check_run("promotebot/gate", pull.head_sha, conclusion="success")
    assert world.repo.merge(1, by="bob") == world.repo.git.branch("main")


def test_required_approvals_count_writers_only_and_each_persons_last_word(world: World) -> None:
    world.pull()
    world.repo.protect("main", required_reviews=1)
    for login in ("carol", "eve"):
        world.repo.review(1, by=login)
    assert "approving review" in refusal(world)[1]
    world.repo.review(1, by="bob")
    world.repo.review(1, by="bob", state="CHANGES_REQUESTED", body="no")
    assert "approving review" in refusal(world)[1]
    world.repo.review(1, by="bob", state="COMMENTED", body="hm")
    assert "approving review" in refusal(world)[1]
    review = world.repo.review(1, by="bob")
    assert review.commit_id == world.repo.pull(1).head_sha
    assert world.repo.merge(1, by="bob") == world.repo.git.branch("main")


def test_nobody_approves_their_own_pull_request(world: World) -> None:
    world.pull()
    world.repo.protect("main", required_reviews=1)
    world.repo.review(1, by="alice")
    assert "approving review" in refusal(world)[1]


OWNERS = "*.md @bob\n/model.txt @dave @bob @eve\n/model.txt.md\ndata/ @eve\n"


def owned(world: World, files: dict[str, str], *, owners: str = OWNERS, ruleset: bool = False) -> None:
    """alice's pull request, on a base with owners; dave may write there, too."""
    world.hub.add_user("dave")
    world.repo.set_role("dave", "write")
    world.alice.commit({".github/CODEOWNERS": owners}, "chore: Owners")
    world.alice.push("main")
    world.pull(files)
    if ruleset:
        world.repo.settings.add_rule("main", "pull_request", require_code_owner_review=True)
    else:
        world.repo.protect("main", code_owner_review=True)


@pytest.mark.parametrize("ruleset", [False, True])
def test_one_owner_of_each_changed_file_must_approve(world: World, ruleset: bool) -> None:
    """Also where no number of approvals is asked for."""
    owned(world, {"model.txt": "v2\n", "docs.md": "v2\n"}, ruleset=ruleset)
    waiting = "Waiting on code owner review from {}."
    assert refusal(world) == (405, waiting.format("bob"))
    world.repo.review(1, by="dave")
    assert refusal(world) == (405, waiting.format("bob")), "docs.md is bob's"
    world.repo.review(1, by="dave", state="DISMISSED")
    world.repo.review(1, by="bob")
    assert world.repo.merge(1, by="bob") == world.repo.git.branch("main"), "and one of several is enough"


@pytest.mark.parametrize("files", [{"other.txt": "v2\n"}, {"model.txt.md": "nobody's\n"}, {"data/a.csv": "eve's\n"}])
def test_what_nobody_with_write_permission_owns_needs_no_owner(world: World, files: dict[str, str]) -> None:
    owned(world, files)
    assert world.repo.merge(1, by="bob")


def test_the_owners_are_those_of_the_base(world: World) -> None:
    owned(world, {"model.txt": "v2\n", ".github/CODEOWNERS": "* @dave\n"})
    world.repo.review(1, by="dave")
    assert world.repo.merge(1, by="bob"), "nobody owned CODEOWNERS, and dave is an owner of model.txt"


def test_an_owner_cannot_approve_what_is_their_own(world: World) -> None:
    owned(world, {"model.txt": "v2\n"}, owners="* @alice\n")
    world.repo.review(1, by="alice")
    assert refusal(world) == (405, "Waiting on code owner review from alice.")


@pytest.mark.parametrize("ruleset", [False, True])
def test_somebody_else_than_who_pushed_last_must_approve_what_was_pushed(world: World, ruleset: bool) -> None:
    """An approval of an older head is none of what was pushed since; a number of approvals need not be asked for."""
    world.hub.add_user("dave")
    world.repo.set_role("dave", "write")
    pull = world.pull()
    if ruleset:
        world.repo.settings.add_rule("main", "pull_request", require_last_push_approval=True)
    else:
        world.repo.protect("main", last_push_approval=True)
    because = "New changes require approval from someone other than {0} because they were the last pusher."
    assert refusal(world) == (405, because.format("alice"))
    world.repo.review(1, by="bob")
    bob = world.clone(world.token("bob"))
    bob.git("switch", "--quiet", "add-v2")
    bob.commit({"model.txt": "v3\n"}, "fix: Mine")
    bob.git("push", "--quiet", "origin", "add-v2")
    assert refusal(world) == (405, because.format("bob"))
    world.repo.review(1, by="bob")
    assert refusal(world) == (405, because.format("bob"))
    assert pull_seen_by_github(world).mergeable_state == "blocked"
    world.repo.review(1, by="dave")
    assert world.repo.merge(1, by="bob", sha=pull.head_sha) == world.repo.git.branch("main")


def test_an_unknown_way_of_merging_is_refused(world: World) -> None:
    world.pull()
    assert refusal(world, method="octopus")[0] == 422


def test_a_base_that_moves_under_the_merge_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pull = world.pull()
    monkeypatch.setattr(world.repo.git, "swap", lambda *_: False)
    assert refusal(world) == (409, "Base branch was modified. Review and try the merge again.")
    assert not pull.merged
