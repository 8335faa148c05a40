"""The payloads workflows read."""

from __future__ import annotations

import pytest

from tests.fake_github.bare import ZERO
from tests.fake_github.records import Dispatch
from tests.fake_github.refusals import HttpError

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


def test_a_label_taken_off_is_told_with_who_did_it(world: World) -> None:
    world.pull()
    world.repo.add_label(1, "promote:active")
    world.repo.remove_label(1, "promote:active")
    event = world.repo.pull_request_event(1, action="unlabeled", label="promote:active", sender="carol")
    assert (event["label"]["name"], event["sender"]["login"]) == ("promote:active", "carol")
    assert event["pull_request"]["labels"] == []


def test_an_edited_pull_request_tells_what_it_was_before(world: World) -> None:
    world.pull()
    world.alice.push("main:release")
    world.repo.pull(1).base_ref = "release"
    event = world.repo.pull_request_event(1, action="edited", changes={"base": "main", "title": "Add v2"})
    assert event["changes"]["title"] == {"from": "Add v2"}
    assert event["changes"]["base"] == {"ref": {"from": "main"}, "sha": {"from": world.repo.git.branch("main")}}
    assert event["pull_request"]["base"]["ref"] == "release"


def test_a_draft_becomes_ready_for_review(world: World) -> None:
    world.pull(draft=True)
    assert world.repo.pull_request_event(1, action="opened")["pull_request"]["draft"] is True
    world.repo.mark_ready(1)
    assert world.repo.pull_request_event(1, action="ready_for_review")["pull_request"]["draft"] is False


def test_a_push_tells_where_the_branch_was_and_what_came(world: World) -> None:
    before = str(world.repo.git.branch("main"))
    world.alice.commit({"model.txt": "v2\n"}, "second")
    after = world.alice.commit({"model.txt": "v3\n"}, "third")
    world.alice.push("main")
    event = world.repo.push_event("main", before=before, sender="alice")
    assert (event["ref"], event["before"], event["after"]) == ("refs/heads/main", before, after)
    assert (event["created"], event["deleted"], event["forced"]) == (False, False, False)
    assert [commit["message"] for commit in event["commits"]] == ["second", "third"]
    assert "modified" not in event["head_commit"]
    assert (event["pusher"]["name"], event["sender"]["login"]) == ("alice", "alice")


def test_a_push_tells_a_new_branch_a_rewritten_one_and_one_that_is_gone(world: World) -> None:
    old = world.alice.branch("topic", {"model.txt": "v2\n"})
    created = world.repo.push_event("topic", before=ZERO, sender="alice")
    assert (created["created"], [commit["id"] for commit in created["commits"]]) == (True, [old])
    new = world.alice.branch("rewritten", {"model.txt": "v3\n"}, message="again")
    world.alice.push("--force", "rewritten:topic")
    forced = world.repo.push_event("topic", before=old, sender="alice")
    assert (forced["forced"], forced["after"]) == (True, new)
    world.alice.push(":topic")
    deleted = world.repo.push_event("topic", before=new, sender="alice")
    assert (deleted["deleted"], deleted["forced"], deleted["after"]) == (True, False, ZERO)
    assert (deleted["head_commit"], deleted["commits"]) == (None, [])


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_is_a_push_to_the_base_by_who_merged(world: World, method: str) -> None:
    before = world.repo.git.branch("main")
    world.pull()
    with pytest.raises(HttpError):
        world.repo.merged_push_event(1)
    tip = world.repo.merge(1, by="bob", method=method)
    world.alice.git("fetch", "--quiet", "origin")
    world.alice.git("checkout", "--quiet", "-B", "main", "origin/main")
    world.alice.commit({"other.txt": "later\n"})
    world.alice.push("main")
    event = world.repo.merged_push_event(1)
    assert (event["before"], event["after"], event["sender"]["login"]) == (before, tip, "bob")


def test_a_button_and_a_timer_start_workflows(world: World) -> None:
    path = ".github/workflows/rollback.yml"
    pressed = world.repo.workflow_dispatch_event(path, sender="bob", inputs={"model": "regime_v2"})
    assert (pressed["inputs"], pressed["ref"]) == ({"model": "regime_v2"}, "refs/heads/main")
    assert (pressed["workflow"], pressed["sender"]["login"]) == (path, "bob")
    assert world.repo.workflow_dispatch_event(path, sender="bob")["inputs"] is None
    timed = world.repo.schedule_event(path, "0 3 * * *")
    assert (timed["schedule"], timed["workflow"]) == ("0 3 * * *", path)
    assert "sender" not in timed


def test_a_dispatch_carries_its_type_as_the_action(world: World) -> None:
    sent = Dispatch("promotebot.promoted", {"model": "m"}, world.hub.user("alice"), world.clock.now)
    event = world.repo.repository_dispatch_event(sent)
    assert (event["action"], event["branch"]) == ("promotebot.promoted", "main")
    assert (event["client_payload"], event["sender"]["login"]) == ({"model": "m"}, "alice")
