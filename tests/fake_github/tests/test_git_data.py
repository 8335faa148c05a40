"""Git objects by the API, and rules about commits: signatures, linear history, ways of merging, dismissed reviews."""

from __future__ import annotations

import pytest

from tests.fake_github.refusals import HttpError

from .conftest import World

GIT = "/repos/acme/models/git"


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("trees", {}, '"tree" wasn\'t supplied'),
        ("trees", {"base_tree": "1" * 40, "tree": [{"path": "a", "mode": "100644", "content": ""}]}, "Not Found"),
        ("trees", {"tree": [{"path": "a", "mode": "100644"}]}, "either tree.sha or tree.content"),
        ("trees", {"tree": [{"path": "a", "mode": "1", "content": ""}]}, "must be a mode"),
        ("trees", {"tree": [{"path": "a", "mode": "100644", "type": "blob", "sha": "1" * 40}]}, "is not a valid blob"),
        ("commits", {"message": "x", "tree": "1" * 40}, "Tree SHA does not exist"),
        ("commits", {"message": "x", "tree": "main", "parents": ["1" * 40]}, "Parent SHA does not exist"),
        ("refs", {"ref": "main", "sha": "main"}, "must contain at least three slashes"),
        ("refs", {"ref": "refs/heads/new", "sha": "1" * 40}, "Object does not exist"),
        ("refs", {"ref": "refs/heads/main", "sha": "main"}, "Reference already exists"),
    ],
)
def test_what_names_nothing_that_is_there_is_refused(world: World, path: str, body: object, says: str) -> None:
    answered = world.http("POST", f"{GIT}/{path}", world.bot_token(), body)
    assert answered.status in (404, 422)
    assert says in answered.body["message"]


@pytest.mark.parametrize("named", [{}, {"author": {"name": "a", "email": "a@example.com"}}])
def test_what_an_app_makes_is_signed_where_it_names_no_author(world: World, named: dict[str, object]) -> None:
    body = {"message": "x", "tree": "main", "parents": [world.repo.git.branch("main")], **named}
    for token, signs in ((world.bot_token(), not named), (world.token("alice"), False)):
        made = world.http("POST", f"{GIT}/commits", token, body).body
        assert made["verification"]["verified"] is signs
        assert (made["sha"] in world.repo.verified) is signs


def test_a_pull_request_with_an_unsigned_commit_is_not_merged_where_they_must_be_signed(world: World) -> None:
    world.pull()
    world.repo.protect("main", signed_commits=True)
    for method in ("merge", "squash"):
        with pytest.raises(HttpError, match="must have verified signatures"):
            world.repo.merge(1, by="bob", method=method)
    world.repo.sign("main..add-v2")
    with pytest.raises(HttpError, match="cannot be automatically signed"):
        world.repo.merge(1, by="bob", method="rebase")
    assert world.repo.merge(1, by="bob", method="squash") in world.repo.verified


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_way_of_merging_that_is_not_allowed_is_refused(world: World, method: str) -> None:
    world.pull()
    others = {"merge", "squash", "rebase"} - {method}
    world.repo.merge_methods = others
    with pytest.raises(HttpError, match="are not allowed on this repository"):
        world.repo.merge(1, by="bob", method=method)
    world.repo.merge_methods = {method}
    world.repo.protect("main", merge_methods=tuple(others))
    with pytest.raises(HttpError, match="are not allowed on this repository"):
        world.repo.merge(1, by="bob", method=method)


def test_a_linear_history_takes_no_merge_commit(world: World) -> None:
    world.pull()
    world.repo.protect("main", linear_history=True)
    with pytest.raises(HttpError, match="must not contain merge commits"):
        world.repo.merge(1, by="bob")
    world.repo.merge(1, by="bob", method="rebase")


def test_the_rules_of_a_ruleset_are_enforced_like_those_of_a_protection(world: World) -> None:
    world.pull()
    rules = world.repo.settings
    rules.add_rule("main", "required_linear_history")
    with pytest.raises(HttpError, match="must not contain merge commits"):
        world.repo.merge(1, by="bob")
    rules.add_rule("main", "pull_request", allowed_merge_methods=["merge", "squash"])
    with pytest.raises(HttpError, match="Rebase merges are not allowed"):
        world.repo.merge(1, by="bob", method="rebase")
    rules.require_status("main", "promotebot/gate", 15368)
    world.repo.post_status(world.repo.pull(1).head_sha, "promotebot/gate", "success", by="alice")
    with pytest.raises(HttpError, match="is expected"):
        world.repo.merge(1, by="bob", method="squash")
    world.repo.post_status(world.repo.pull(1).head_sha, "promotebot/gate", "success", by="github-actions[bot]")
    rules.add_rule("main", "required_signatures")
    with pytest.raises(HttpError, match="must have verified signatures"):
        world.repo.merge(1, by="bob", method="squash")
    world.repo.sign("main..add-v2")
    world.repo.merge(1, by="bob", method="squash")


@pytest.mark.parametrize("dismisses", [False, True])
@pytest.mark.parametrize("is_ruleset", [False, True])
def test_a_push_dismisses_approvals_where_the_rule_says_so(world: World, dismisses: bool, is_ruleset: bool) -> None:
    world.pull()
    if is_ruleset:
        world.repo.settings.add_rule("main", "pull_request", dismiss_stale_reviews_on_push=dismisses)
    else:
        world.repo.protect("main", required_reviews=1, dismisses_approvals=dismisses)
    world.repo.review(1, by="bob")
    world.repo.review(1, by="carol", state="CHANGES_REQUESTED")
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    states = [review.state for review in world.repo.pull(1).reviews]
    assert states == ["DISMISSED" if dismisses else "APPROVED", "CHANGES_REQUESTED"]


def test_a_branch_without_rules_lists_none_and_one_of_the_older_protection_neither(world: World) -> None:
    token = world.bot_token()
    for _ in "ab":
        assert world.http("GET", "/repos/acme/models/rules/branches/main", token).body == []
        world.repo.protect("main", linear_history=True, is_classic=True)
    world.repo.protect("release/1", linear_history=True, signed_commits=True)
    rules = world.http("GET", "/repos/acme/models/rules/branches/release%2F1", token).body
    assert [rule["type"] for rule in rules] == ["pull_request", "required_linear_history", "required_signatures"]
