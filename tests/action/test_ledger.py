"""The ledger: which state of a branch was recorded last, in GitHub's own list of pushes, by the bot's own account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action.ledger import ANNOUNCED, VERIFIED, Ledger
from promotebot.errors import CouldNotVerify
from promotebot.pulls.heads import MAX_PUSHES, push_that_brought
from tests import fakes
from tests.fakes import Commit, FakeGitHub, FakeRepository, push

ONE, TWO, THREE = ("1" * 40, "2" * 40, "3" * 40)


def pushed(*commits: str) -> FakeGitHub:
    """main, which people brought from one commit to the next."""
    before, pushes = "0" * 40, []
    for sha in commits:
        pushes.append(push(sha, before=before, creates=before == "0" * 40))
        before = sha
    return FakeGitHub(pushed={"main": pushes})


def ledger(github: FakeGitHub, context: str = VERIFIED) -> Ledger:
    return Ledger("main", context, fakes.job_context(github))


def test_a_branch_without_a_record_has_no_last_state() -> None:
    assert ledger(pushed(ONE, TWO)).last(TWO) is None


def test_the_newest_recorded_state_is_the_last_one() -> None:
    github = pushed(ONE, TWO)
    ledger(github).record(ONE)
    assert ledger(github).last(TWO) == ONE
    ledger(github).record(TWO)
    assert ledger(github).last(TWO) == TWO
    assert ledger(github, ANNOUNCED).last(TWO) is None, "another kind of record"


def test_a_state_is_recorded_once_however_often_it_is_asked_for() -> None:
    github = pushed(ONE)
    for _ in range(2):
        ledger(github).record(ONE)
    assert len(github.posted) == 1


def test_a_record_is_of_the_push_and_not_of_the_commit_wherever_it_stands() -> None:
    github = pushed(ONE, TWO)
    ledger(github).record(ONE)
    ledger(github).record(TWO)
    github.pushed["main"].append(push(ONE, before=TWO))
    assert ledger(github).last(ONE) == TWO


def test_a_slow_job_records_nothing_older_than_what_is_recorded() -> None:
    github = pushed(ONE, TWO)
    ledger(github).record(TWO)
    ledger(github).record(ONE)
    assert ledger(github).last(TWO) == TWO
    assert [posted.sha for posted in github.posted] == [TWO]


@pytest.mark.parametrize(("by", "state"), [("carol", "success"), (fakes.BOT, "failure")])
def test_what_somebody_else_posts_or_the_bot_took_back_is_no_record(by: str, state: str) -> None:
    github = pushed(ONE, TWO)
    ledger(github).record(ONE)
    github.post(TWO, VERIFIED, state, by=by, description="push 2 to main")
    assert ledger(github).last(TWO) == ONE


def test_what_somebody_else_posts_hides_no_record() -> None:
    github = pushed(ONE)
    ledger(github).record(ONE)
    github.post(ONE, VERIFIED, "failure", by="carol", description="push 1 to main")
    assert ledger(github).last(ONE) == ONE


def test_a_push_that_github_does_not_list_yet_is_not_recorded_and_no_pass() -> None:
    github = pushed(ONE, TWO)
    ledger(github).record(TWO)
    with pytest.raises(CouldNotVerify, match=r"does not list the push of 3333333 to main \(yet\)"):
        ledger(github).record(THREE)


def test_the_state_before_everything_that_github_lists_can_be_recorded() -> None:
    github = FakeGitHub()
    ledger(github).record(ONE)
    assert ledger(github).last(ONE) == ONE
    github.pushed["main"] = [push(TWO, before=ONE)]
    assert ledger(github).last(TWO) == ONE
    github.pushed["main"].append(push(ONE, before=TWO))
    ledger(github).record(TWO)
    assert ledger(github).last(ONE) == TWO, "the branch went back"


def test_a_deleted_branch_leaves_no_state() -> None:
    github = pushed(ONE)
    ledger(github).record(ONE)
    github.pushed["main"] += [push("0" * 40, before=ONE), push(TWO, creates=True)]
    assert ledger(github).last(TWO) == ONE
    assert "0" * 40 not in [posted.sha for posted in github.posted]


def test_the_walk_is_bounded() -> None:
    commits = [f"{number:040x}" for number in range(1, MAX_PUSHES + 2)]
    github = pushed(*commits)
    ledger(github).record(commits[1])
    assert ledger(github).last(commits[-1]) == commits[1]
    github.pushed["main"].append(push(THREE, before=commits[-1]))
    assert ledger(github).last(THREE) is None
    assert github.calls.count("statuses") <= 3 * MAX_PUSHES


@given(st.lists(st.tuples(st.sampled_from([ONE, TWO, THREE]), st.booleans()), min_size=1, max_size=9))
def test_the_last_state_is_that_of_the_newest_push_whose_job_recorded_it(pushes: list[tuple[str, bool]]) -> None:
    github, before, expected = FakeGitHub(), "0" * 40, None
    for sha, is_recorded in pushes:
        github.pushed.setdefault("main", []).append(push(sha, before=before))
        before = sha
        if is_recorded:
            ledger(github).record(sha)
            expected = sha
        assert ledger(github).last(sha) == expected


def test_a_commit_came_with_the_oldest_push_that_holds_it() -> None:
    commits = {ONE: Commit(), TWO: Commit((ONE,)), THREE: Commit((TWO,))}
    repository, job = FakeRepository(commits), fakes.job_context(pushed(ONE, THREE, "9" * 40, THREE))
    found = {sha: push_that_brought(sha, "main", repository, job) for sha in (*commits, "9" * 40)}
    assert {sha: entry and entry.id for sha, entry in found.items()} == {ONE: 1, TWO: 2, THREE: 2, "9" * 40: None}
