"""GitHub shows heads, comments, labels and statuses late; what people ask comes out right all the same."""

from __future__ import annotations

from typing import Any

import pytest

from promotebot.pulls.patience import PAUSES
from tests.fake_github.lateness import Lateness
from tests.office import STARTUP, Office

pytestmark = pytest.mark.thorough

AS_LATE_AS_EVER = Lateness(heads=10.0, reads=10.0)


@pytest.fixture
def late(office: Office) -> Office:
    """GitHub is ten seconds late with everything; a runner has started a job after five."""
    office.hub.late = AS_LATE_AS_EVER
    return office


def waited(office: Office, work: Any) -> float:
    """How long a job waited."""
    before = office.hub.passed
    job = work()
    assert job.exit_code == 0, job.log
    return (office.hub.passed - before).total_seconds() - STARTUP


def test_the_pauses_outlast_ten_seconds() -> None:
    assert 10 < sum(PAUSES) <= 15


def test_two_commands_in_one_comment_are_both_carried_out_in_one_card(late: Office) -> None:
    number = late.pull()
    job = late.ask(number, "/promote staging\n/promote active")
    assert job.outputs["decision"] == "promoted", job.log
    head = late.head(number)
    assert (late.pointer(head, "staging"), late.pointer(head, "active")) == ("regime_v2_candidate",) * 2
    assert late.checks(head)[-1] == "success"
    assert "regime_v2_candidate" in late.comment(number), "one card, though the list did not show it yet"


def test_a_push_right_before_a_comment_is_what_the_promotion_stands_on(late: Office) -> None:
    number = late.pull("change")
    late.hub.catch_up()
    late.push("alice", "change", {"notes.md": "one more\n"}, "docs: Notes", force=True)
    pushed = late.head(number)
    job = late.ask(number, "/promote staging")
    assert job.outputs["decision"] == "promoted", job.log
    assert late.repository.git.commit(late.head(number)).parents == (pushed,)
    assert late.checks(late.head(number)) == ["success"]


def test_a_push_right_after_a_comment_is_kept_too(late: Office) -> None:
    number = late.pull("change")
    comment = late.repository.comment(number, author="alice", body="/promote staging")
    event = late.repository.issue_comment_event(comment.id)
    late.push("alice", "change", {"notes.md": "one more\n"}, "docs: Notes", force=True)
    pushed = late.head(number)
    job = late.job(event)
    assert job.outputs["decision"] == "promoted", job.log
    assert late.repository.git.commit(late.head(number)).parents == (pushed,)


def test_a_head_in_this_repository_is_waited_for_by_nobody(office: Office) -> None:
    number = office.pull("change")
    office.push("alice", "change", {"notes.md": "one more\n"}, "docs: Notes", force=True)
    assert waited(office, lambda: office.gate(number)) == 0
    assert office.checks(office.head(number)) == ["success"]


def test_a_comment_is_looked_for_until_it_is_listed(late: Office) -> None:
    number = late.pull()
    late.hub.catch_up()
    assert waited(late, lambda: late.ask(number, "/promote staging")) == 1 + 2 + 4


def test_a_comment_that_was_deleted_is_refused_when_all_the_time_is_used_up(late: Office) -> None:
    number = late.pull()
    comment = late.repository.comment(number, author="alice", body="/promote staging")
    event = late.repository.issue_comment_event(comment.id)
    del late.repository.comments[comment.id]
    job = late.job(event)
    assert job.outputs["reason_code"] == "deleted_comment"


def test_a_label_is_looked_for_until_it_is_listed(late: Office) -> None:
    number = late.pull()
    late.hub.catch_up()
    assert late.label(number, "promote:staging").outputs["decision"] == "promoted"
    late.hub.catch_up()
    assert late.unlabel(number, "promote:staging").outputs["decision"] == "withdrawn"


def test_a_gate_that_starts_right_after_the_promotion_believes_what_is_attested(late: Office) -> None:
    """An App's push starts the gate at once, while GitHub does not list the App's statuses yet."""
    number = late.pull()
    late.ask(number, "/promote staging")
    assert waited(late, lambda: late.gate(number)) > 0
    assert "failure" not in late.checks(late.head(number))


def test_a_forks_new_head_is_judged_and_not_the_one_that_github_still_shows(office: Office) -> None:
    fork = office.hub.fork("acme/models", "mallory")
    fork.git.set_ref("refs/heads/theirs", _child(fork, "one"))
    fork.refresh(office.hub.user("mallory"))
    number = office.repository.open_pull(author="mallory", head="mallory:theirs", title="Theirs").number
    office.hub.catch_up()
    old = office.head(number)
    fork.git.set_ref("refs/heads/theirs", _child(fork, "two"))
    fork.refresh(office.hub.user("mallory"))
    assert 0 < waited(office, lambda: office.gate(number)) <= sum(PAUSES)
    assert (office.checks(office.head(number)), office.checks(old)) == (["success"], [])


def _child(fork: Any, content: str) -> str:
    """A commit on main with one more file."""
    main = fork.git.branch("main")
    blob = fork.git.run("hash-object", "-w", "--stdin", stdin=content).strip()
    listed = fork.git.run("ls-tree", main) + f"100644 blob {blob}\tnotes.md\n"
    tree = fork.git.run("mktree", stdin=listed).strip()
    commit = fork.git.commit(main)
    made: str = fork.git.commit_tree(tree, [main], "docs: Theirs", commit.author, commit.committer)
    return made


def test_a_merge_that_is_shown_late_is_announced_and_not_taken_for_a_direct_push(late: Office) -> None:
    number = late.pull()
    late.ask(number, "/promote staging")
    late.repository.merge(number, by="bob")
    job = late.pushed(number, PROMOTEBOT_COMMAND="announce")
    assert job.exit_code == 0, job.log
    assert not [issue for n, issue in late.repository.issues.items() if n not in late.repository.pulls]
    assert [d.statuses[-1].state for d in late.repository.deployments.values()] == ["success"]
