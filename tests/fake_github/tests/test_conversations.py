"""Comments, reactions and labels, as PyGithub sees them."""

from __future__ import annotations

import pytest

from .conftest import World

COMMENTS = "/repos/acme/models/issues/1/comments"


def test_all_of_many_comments_are_found_page_by_page(world: World) -> None:
    world.pull()
    for number in range(101):
        world.repo.comment(1, author="alice", body=f"comment {number}")
    pull = world.client().get_repo("acme/models").get_pull(1)
    assert [comment.body for comment in pull.get_issue_comments()] == [f"comment {n}" for n in range(101)]
    assert pull.comments == 101


def test_pages_are_linked_to_each_other(world: World) -> None:
    world.pull()
    for number in range(5):
        world.repo.comment(1, author="alice", body=f"comment {number}")
    middle = world.http("GET", f"{COMMENTS}?per_page=2&page=2")
    assert [comment["body"] for comment in middle.body] == ["comment 2", "comment 3"]
    here = f"{world.hub.api_url}{COMMENTS}?per_page=2&page="
    assert middle.headers["Link"] == (
        f'<{here}1>; rel="prev", <{here}1>; rel="first", <{here}3>; rel="next", <{here}3>; rel="last"'
    )
    beyond = world.http("GET", f"{COMMENTS}?per_page=1000&page=9")
    assert (beyond.status, beyond.body) == (200, [])
    assert "Link" not in world.http("GET", f"{COMMENTS}?per_page=100").headers


def test_a_comment_is_written_and_edited(world: World) -> None:
    world.pull()
    pull = world.client(world.bot_token()).get_repo("acme/models").get_pull(1)
    comment = pull.create_issue_comment("first")
    assert comment.user.login == "github-actions[bot]"
    world.clock.advance(minutes=1)
    comment.edit("second")
    read = pull.get_issue_comment(comment.id)
    assert (read.body, read.updated_at > read.created_at) == ("second", True)
    assert world.http("GET", "/repos/acme/models/issues/comments/1").status == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"body": "x" * 65_537}, "Body is too long (maximum is 65536 characters)"),
        ({"body": " "}, "Body cannot be blank"),
        ({}, '\\"body\\" wasn\'t supplied'),
        ({"body": 1}, "is not a string"),
    ],
)
def test_a_comment_that_github_would_not_take_is_422(world: World, body: object, words: str) -> None:
    world.pull()
    answered = world.http("POST", COMMENTS, world.token("alice"), body)
    assert answered.status == 422
    assert words.replace("\\", "") in str(answered.body).replace("\\", "")


def test_the_longest_comment_is_taken(world: World) -> None:
    world.pull()
    assert world.http("POST", COMMENTS, world.token("alice"), {"body": "ü" * 65_536}).status == 201


def test_there_is_nothing_to_say_on_a_missing_issue(world: World) -> None:
    assert world.http("POST", COMMENTS, world.token("alice"), {"body": "hello"}).status == 404


def test_a_locked_conversation_is_for_writers(world: World) -> None:
    world.pull()
    world.repo.issue(1).locked = True
    for token in (world.bot_token(), world.token("eve")):
        answered = world.http("POST", COMMENTS, token, {"body": "hello"})
        assert answered.status == 403
        assert answered.body["message"] == "Unable to create comment because issue is locked."
    assert world.http("POST", COMMENTS, world.token("alice"), {"body": "hello"}).status == 201


def test_comments_of_others_are_for_writers_to_change(world: World) -> None:
    world.pull()
    comment = world.repo.comment(1, author="carol", body="mine")
    path = f"/repos/acme/models/issues/comments/{comment.id}"
    assert world.http("PATCH", path, world.token("eve"), {"body": "yours"}).status == 403
    assert world.http("PATCH", path, world.token("alice"), {"body": "ours"}).status == 200


def test_a_reaction_is_made_once(world: World) -> None:
    world.pull()
    made = world.repo.comment(1, author="alice", body="/promote active")
    path = f"/repos/acme/models/issues/comments/{made.id}/reactions"
    bot = world.bot_token()
    first, again = (world.http("POST", path, bot, {"content": "eyes"}) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"]
    assert world.http("POST", path, bot, {"content": "thumbs"}).status == 422


def test_reactions_are_counted(world: World) -> None:
    world.pull()
    made = world.repo.comment(1, author="alice", body="/promote active")
    comment = world.client(world.bot_token()).get_repo("acme/models").get_pull(1).get_issue_comment(made.id)
    comment.create_reaction("eyes")
    comment.create_reaction("rocket")
    path = f"/repos/acme/models/issues/comments/{made.id}"
    counted = world.http("GET", path).body["reactions"]
    assert (counted["eyes"], counted["rocket"], counted["heart"], counted["total_count"]) == (1, 1, 0, 2)


def test_labels_are_added_and_taken_off(world: World) -> None:
    world.pull()
    pull = world.client(world.token("carol")).get_repo("acme/models").get_pull(1)
    pull.add_to_labels("promote:active", "Bug")
    pull.add_to_labels("bug")
    assert [label.name for label in pull.get_labels()] == ["promote:active", "Bug"]
    pull.remove_from_labels("promote:active")
    assert [label.name for label in world.repo.issue(1).labels] == ["Bug"]
    missing = world.http("DELETE", "/repos/acme/models/issues/1/labels/none", world.token("carol"))
    assert (missing.status, missing.body["message"]) == (404, "Label does not exist")


def test_a_label_has_at_most_fifty_characters(world: World) -> None:
    world.pull()
    path, token = "/repos/acme/models/issues/1/labels", world.token("alice")
    assert world.http("POST", path, token, ["x" * 51]).status == 422
    assert world.http("POST", path, token, {"labels": ["x" * 50]}).status == 200


def test_a_pull_request_is_an_issue_that_says_so(world: World) -> None:
    world.pull()
    plain = world.repo.open_issue(author="eve", title="plain")
    listed = {issue["number"]: issue for issue in world.http("GET", "/repos/acme/models/issues").body}
    assert list(listed) == [plain.number, 1]
    assert listed[1]["pull_request"]["html_url"] == f"{world.hub.server_url}/acme/models/pull/1"
    assert "pull_request" not in listed[plain.number]
    assert world.http("GET", "/repos/acme/models/pulls/2").status == 404


def test_an_issue_is_edited_closed_and_reopened_by_its_author_or_from_triage_up(world: World) -> None:
    issue = world.client(world.token("eve")).get_repo("acme/models").create_issue("plain", labels=["dropped"])
    assert issue.labels == []
    issue.edit(title="better", body="more", state="closed")
    assert (world.repo.issue(1).title, world.repo.issue(1).body) == ("better", "more")
    path = "/repos/acme/models/issues/1"
    assert issue.state_reason == "completed"
    world.hub.add_user("mallory")
    assert world.http("PATCH", path, world.token("mallory"), {"state": "open"}).status == 403
    assert world.http("PATCH", path, world.token("carol"), {"state": "open"}).body["state"] == "open"


def test_closing_the_issue_of_a_pull_request_closes_both(world: World) -> None:
    pull = world.pull()
    path, token = "/repos/acme/models/issues/1", world.token("alice")
    world.http("PATCH", path, token, {"state": "closed"})
    assert pull.state == "closed"
    world.http("PATCH", path, token, {"state": "open"})
    assert pull.state == "open"


def test_the_demo_and_tests_may_label_review_and_close_directly(world: World) -> None:
    pull = world.pull()
    world.repo.add_label(1, "one")
    world.repo.add_label(1, "ONE")
    assert [label.name for label in pull.issue.labels] == ["one"]
    world.repo.remove_label(1, "One")
    assert pull.issue.labels == []
    assert world.repo.review(1, by="bob").commit_id == pull.head_sha
    world.repo.close(1, by="bob")
    assert pull.state == "closed"
