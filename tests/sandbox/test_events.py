"""The payloads workflows read."""

from __future__ import annotations

from .conftest import World


def test_a_comment_event_tells_who_said_what_where(world: World) -> None:
    world.pull()
    world.repo.add_label(1, "promote:active")
    comment = world.repo.comment(1, author="alice", body="/promote active")
    event = world.repo.issue_comment_event(comment.id, action="created")
    assert event["action"] == "created"
    assert (event["issue"]["number"], event["issue"]["state"]) == (1, "open")
    assert event["issue"]["pull_request"]["url"] == f"{world.hub.api_url}/repos/acme/models/pulls/1"
    assert [label["name"] for label in event["issue"]["labels"]] == ["promote:active"]
    assert event["comment"]["body"] == "/promote active"
    assert event["comment"]["user"]["login"] == event["sender"]["login"] == "alice"
    assert event["comment"]["author_association"] == "COLLABORATOR"
    assert event["comment"]["created_at"] == "2026-03-01T12:00:00Z"
    assert event["comment"]["performed_via_github_app"] is None
    assert event["comment"]["html_url"] == f"{world.hub.server_url}/acme/models/pull/1#issuecomment-{comment.id}"
    assert event["repository"]["full_name"] == "acme/models"
    assert event["repository"]["clone_url"] == world.repo.clone_url
    assert event["organization"]["login"] == "acme"


def test_a_comment_on_a_plain_issue_has_no_pull_request(world: World) -> None:
    issue = world.repo.open_issue(author="eve", title="plain")
    comment = world.repo.comment(issue.number, author="eve", body="/promote active")
    assert "pull_request" not in world.repo.issue_comment_event(comment.id)["issue"]


def test_an_edited_comment_tells_what_it_said_before(world: World) -> None:
    world.pull()
    comment = world.repo.comment(1, author="alice", body="/promote shadow")
    world.clock.advance(minutes=1)
    world.repo.edit_comment(comment.id, body="/promote active")
    event = world.repo.issue_comment_event(comment.id, action="edited", sender="bob")
    assert event["changes"] == {"body": {"from": "/promote shadow"}}
    assert event["comment"]["updated_at"] > event["comment"]["created_at"]
    assert event["sender"]["login"] == "bob"


def test_pull_request_events_carry_the_label_and_the_moved_head(world: World) -> None:
    pull = world.pull()
    before = pull.head_sha
    labeled = world.repo.pull_request_event(1, action="labeled", label="promote:active", sender="carol")
    assert (labeled["label"]["name"], labeled["sender"]["login"]) == ("promote:active", "carol")
    world.alice.commit({"model.txt": "v3\n"})
    world.alice.push("add-v2")
    moved = world.repo.pull_request_event(1, action="synchronize", before=before)
    assert (moved["before"], moved["after"]) == (before, pull.head_sha)
    world.repo.merge(1, by="bob")
    closed = world.repo.pull_request_event(1, action="closed", sender="bob")
    assert closed["pull_request"]["merged"] is True
    assert closed["pull_request"]["merge_commit_sha"] == world.repo.git.branch("main")
